package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/paymint/paymint/eventstore"
)

// StreamConfig is the part of a lane's stream that an operator chooses. What it
// drops is still in PostgreSQL, and followers that need it read it there.
type StreamConfig struct {
	Replicas int           // 1 when zero; 3 in a cluster
	MaxBytes int64         // no bound when zero
	MaxAge   time.Duration // no bound when zero
	// Backfill is how many positions behind the log's head a wiped stream begins again:
	// enough that live followers go on from it without reading the log. 10,000 when zero.
	Backfill int64
}

const backfill = 10_000

// StreamName is the JetStream stream of a lane.
func StreamName(lane int) string { return "PAYMINT_" + strconv.Itoa(lane) }

func (r *Relay) streamConfig(first int64) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        StreamName(r.Lane),
		Description: "Paymint events of lane " + strconv.Itoa(r.Lane) + "; sequence = position",
		Subjects:    []string{"paymint." + strconv.Itoa(r.Lane) + ".>"},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		Storage:     jetstream.FileStorage,
		Replicas:    max(1, r.Stream.Replicas),
		MaxBytes:    max(-1, orUnlimited(r.Stream.MaxBytes)),
		MaxAge:      r.Stream.MaxAge,
		Duplicates:  duplicateWindow,
		FirstSeq:    uint64(first),
		DenyDelete:  true,
		DenyPurge:   true,
		PersistMode: r.persistMode(),
	}
}

// persistMode lets a lone server write messages behind its acknowledgements, many at
// a time: what a crash of it takes is in PostgreSQL and published again. A replicated
// stream does not take the setting.
func (r *Relay) persistMode() jetstream.PersistModeType {
	if r.Stream.Replicas > 1 {
		return jetstream.DefaultPersistMode
	}
	return jetstream.AsyncPersistMode
}

// duplicateWindow is the smallest the server takes. No message carries an id: the
// expected sequence does the work of a window of any length, and costs less.
const duplicateWindow = 100 * time.Millisecond

func orUnlimited(n int64) int64 {
	if n == 0 {
		return -1
	}
	return n
}

// look finds out where the stream stands, and makes it where there is none. The
// stream is asked before the log: only then does "ahead" mean ahead.
func (r *Relay) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.AckPatience)
	defer cancel()
	stream, err := r.js.Stream(ctx, StreamName(r.Lane))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		stream, err = r.create(ctx)
	}
	if err != nil {
		return r.unanswered(fmt.Errorf("look at stream %s: %w", StreamName(r.Lane), err))
	}
	last := int64(stream.CachedInfo().State.LastSeq)
	if stuck := r.conflictAt; stuck != nowhere {
		r.conflictAt = nowhere
		if stuck == last {
			return r.unanswered(fmt.Errorf("stream %s refuses what follows position %d", StreamName(r.Lane), last))
		}
	}
	head, err := r.Log.Head(ctx, r.Lane)
	if err != nil {
		return fmt.Errorf("read the head of lane %d: %w", r.Lane, err)
	}
	if last > head {
		return &AheadError{Lane: r.Lane, Stream: last, Log: head}
	}
	if err := r.sameEvent(ctx, stream, last); err != nil {
		return err
	}
	r.adjust(ctx, stream)
	r.stream, r.last = stream, last
	r.meter.position.set(last)
	r.meter.lag.set(head - last)
	return nil
}

// create makes the stream. A new one for an old log begins near the head, so that a
// wiped JetStream is back in service at once and not after publishing years.
func (r *Relay) create(ctx context.Context) (jetstream.Stream, error) {
	head, err := r.Log.Head(ctx, r.Lane)
	if err != nil {
		return nil, err
	}
	keep := r.Stream.Backfill
	if keep == 0 {
		keep = backfill
	}
	stream, err := r.js.CreateStream(ctx, r.streamConfig(max(1, head-keep+1)))
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return r.js.Stream(ctx, StreamName(r.Lane)) // another relay was faster
	}
	if err == nil {
		r.meter.created.Inc()
		r.Logger.Info("relay: made the stream", "stream", StreamName(r.Lane), "first", max(1, head-keep+1))
	}
	return stream, err
}

// sameEvent holds the stream's last message against the log: a stream that was ahead
// of a log which has grown since does not end where the log says.
func (r *Relay) sameEvent(ctx context.Context, stream jetstream.Stream, last int64) error {
	if last == 0 || stream.CachedInfo().State.Msgs == 0 {
		return nil
	}
	message, err := stream.GetMsg(ctx, uint64(last))
	if err != nil {
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil // dropped by age or size
		}
		return r.unanswered(fmt.Errorf("read message %d of %s: %w", last, StreamName(r.Lane), err))
	}
	events, err := r.Log.ReadLog(ctx, r.Lane, last-1, 1)
	if err != nil {
		return fmt.Errorf("read position %d of lane %d: %w", last, r.Lane, err)
	}
	if len(events) == 1 && !bytes.Equal(message.Data, events[0].AppendFrame(nil)) {
		return &AheadError{Lane: r.Lane, Stream: last, Log: last, DifferentFromHere: true}
	}
	return nil
}

// adjust brings the stream's limits to what the configuration says now. What cannot
// be changed stays: publishing matters more.
func (r *Relay) adjust(ctx context.Context, stream jetstream.Stream) {
	has := stream.CachedInfo().Config
	wanted := r.streamConfig(int64(has.FirstSeq))
	if has.Replicas == wanted.Replicas && has.MaxBytes == wanted.MaxBytes && has.MaxAge == wanted.MaxAge {
		return
	}
	has.Replicas, has.MaxBytes, has.MaxAge = wanted.Replicas, wanted.MaxBytes, wanted.MaxAge
	if _, err := r.js.UpdateStream(ctx, has); err != nil {
		r.Logger.Warn("relay: the stream's limits could not be changed", "stream", StreamName(r.Lane), "error", err)
	}
}

// frame is an event as the stream carries it.
func frame(b *eventstore.Batch, i int, buffer []byte) []byte {
	if b.Frames != nil {
		return b.Frames[i]
	}
	return b.Events[i].AppendFrame(buffer[:0])
}
