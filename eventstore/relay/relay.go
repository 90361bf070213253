// Package relay carries a lane's events from the log to JetStream.
//
//	           in memory                     publish, pipelined, each with
//	appender ──► Tail ──┐                    Nats-Expected-Last-Sequence: position-1
//	                    ├─► last+1, last+2 … ──────────────────────────► stream PAYMINT_<lane>
//	log ─────► ReadLog ─┘ (catching up)                                   sequence = position
//
// The stream is the checkpoint: its last sequence is the last position it has, so
// nothing has to be remembered here and message n is the event at position n. Two
// relays on a lane cannot hurt each other, because the stream takes a message only
// behind its predecessor; the slower one loses its work and reads where the stream
// stands. Whatever JetStream loses (it acknowledges before it syncs) is still in
// PostgreSQL and is published again.
//
// If we crash between any two steps the next relay asks the stream and goes on.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/eventstore"
)

// Log is what the relay reads of the event store.
type Log interface {
	ReadLog(ctx context.Context, lane int, after int64, limit int) ([]eventstore.Event, error)
	Head(ctx context.Context, lane int) (int64, error)
}

// Tail hands over the batches this process commits; *eventstore.Tail does.
type Tail interface {
	Next(ctx context.Context) (eventstore.Batch, error)
}

const (
	// batchMax is how many messages are under way before an acknowledgement is waited
	// for: below JetStream's own queue, above what one transaction commits.
	batchMax = 1024
	// ackPatience is how long the last message of a batch may go unacknowledged.
	ackPatience = 2 * time.Second
	// restartAfter is how many time-outs in a row mean that a server in this process is
	// stuck (a full disk leaves it so, even after space has returned).
	restartAfter = 3
	// pollEvery is how often the log is asked when nobody says that there is more.
	pollEvery = 500 * time.Millisecond
	// backoffMax bounds the wait after a failed pass; the first one is a hundredth.
	backoffMax = 2 * time.Second
)

// Config is what a Relay is made of. Log and Conn are needed; the zero value of
// everything else works.
type Config struct {
	Lane   int
	Log    Log
	Tail   Tail // nil: the log is read, on a ping or by polling
	Conn   *nats.Conn
	Stream StreamConfig
	// Restart restarts the server where that is ours to do; nil where it is not.
	Restart func() error

	AckPatience time.Duration // 2 s when zero
	PollEvery   time.Duration // 500 ms when zero
	Logger      *slog.Logger
	Metrics     prometheus.Registerer
}

// Relay publishes one lane. Run may run in several processes at once.
type Relay struct {
	Config
	js    jetstream.JetStream
	meter *meter
	wake  chan struct{}
	// pinged: the wake-up came from another process, whose events only the log has.
	pinged atomic.Bool

	stream   jetstream.Stream // nil until looked at
	last     int64            // position of the stream's last message
	ask      bool             // the log may have more
	queue    []eventstore.Batch
	timeouts int
	// conflictAt is where the stream stood before a batch it refused. Does it still
	// stand there, then nobody else has published and the server did not do its work.
	conflictAt int64
	replies    *nats.Subscription
	inbox      string
	msg        nats.Msg // one for all: publishing copies it

	mu      sync.Mutex
	trouble error
	fresh   []eventstore.Batch // handed over and not yet taken
}

// nowhere is no position.
const nowhere = -1

// New registers the relay's metrics and talks to nobody yet.
func New(c Config) (*Relay, error) {
	if c.AckPatience == 0 {
		c.AckPatience = ackPatience
	}
	if c.PollEvery == 0 {
		c.PollEvery = pollEvery
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("relay", c.Lane)
	js, err := jetstream.New(c.Conn)
	if err != nil {
		return nil, fmt.Errorf("relay of lane %d: %w", c.Lane, err)
	}
	return &Relay{Config: c, js: js, meter: newMeter(c.Metrics, c.Lane), wake: make(chan struct{}, 1), conflictAt: nowhere}, nil
}

// AheadError: the stream holds events that the log does not: the log went back (a
// failover lost commits, a backup was restored). Consumers have seen events that
// never happened, so the relay stops; an operator decides.
type AheadError struct {
	Lane              int
	Stream, Log       int64 // last positions
	DifferentFromHere bool  // the log has the position, with another event
}

// Error implements error.
func (e *AheadError) Error() string {
	if e.DifferentFromHere {
		return fmt.Sprintf("stream %s holds another event at position %d than the log", StreamName(e.Lane), e.Stream)
	}
	return fmt.Sprintf("stream %s is ahead of the log: it ends at %d, the log at %d", StreamName(e.Lane), e.Stream, e.Log)
}

// Err tells why the relay does not publish: an *AheadError, or the trouble of the
// latest pass; nil when it does.
func (r *Relay) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.trouble
}

// Reached is the position of the stream's last message, as far as this relay knows.
func (r *Relay) Reached() int64 { return r.meter.position.value.Load() }

// Run relays until ctx ends and returns nil then. It returns an *AheadError when the
// stream is ahead of the log; all other trouble is logged and tried again.
func (r *Relay) Run(ctx context.Context) error {
	stop := r.listen(ctx)
	defer stop()
	failures := 0
	for ctx.Err() == nil {
		err := r.pass(ctx)
		if ctx.Err() != nil {
			break
		}
		r.note(err)
		if ahead := (*AheadError)(nil); errors.As(err, &ahead) {
			r.meter.stopped.Inc()
			r.Logger.Error("relay: the stream is ahead of the log, nothing is published any more", "error", err)
			return err
		}
		if err == nil {
			failures = 0
			continue
		}
		failures++
		r.stream = nil // look again where it stands
		if !errors.Is(err, errConflict) {
			r.meter.failures.Inc()
			r.Logger.Warn("relay: publishing failed and will be tried again", "error", err, "failures", failures)
		}
		r.pause(ctx, min(backoffMax, time.Duration(failures)*backoffMax/100))
	}
	return nil
}

func (r *Relay) note(err error) {
	if errors.Is(err, errConflict) {
		err = nil // somebody else publishes: all is well
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trouble = err
}

func (r *Relay) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pass publishes one batch, or waits a while for one. The log is asked only when
// there is reason to: at the start, at a hole, at a ping, and when it was quiet.
func (r *Relay) pass(ctx context.Context) error {
	if r.stream == nil {
		if err := r.look(ctx); err != nil {
			return err
		}
		r.ask = true
	}
	if batch, ok := r.handed(); ok {
		return r.publish(ctx, batch)
	}
	if !r.ask && len(r.queue) == 0 {
		r.await(ctx)
		return nil
	}
	events, err := r.Log.ReadLog(ctx, r.Lane, r.last, batchMax)
	if err != nil {
		return fmt.Errorf("read the log of lane %d after %d: %w", r.Lane, r.last, err)
	}
	r.ask = len(events) == batchMax
	if len(events) == 0 {
		r.meter.lag.set(0)
		return nil
	}
	r.meter.caughtUp.Add(uint64(len(events)))
	return r.publish(ctx, eventstore.Batch{Events: events})
}

// handed gives what the appender handed over right behind the last published
// position. A batch that was in doubt may hold positions on both sides of another
// process's: its parts are taken one by one, and the log fills what lies between.
func (r *Relay) handed() (eventstore.Batch, bool) {
	r.drain()
	for len(r.queue) > 0 {
		batch := behind(r.queue[0], r.last)
		if len(batch.Events) == 0 {
			r.queue = r.queue[1:]
			continue
		}
		if batch.Events[0].Position > r.last+1 {
			return eventstore.Batch{}, false // a hole: the log fills it
		}
		n := run(batch)
		if n < len(batch.Events) {
			r.queue[0] = part(batch, n, len(batch.Events))
			return part(batch, 0, n), true
		}
		r.queue = r.queue[1:]
		return r.joined(batch), true
	}
	return eventstore.Batch{}, false
}

// behind leaves out what is published already.
func behind(b eventstore.Batch, position int64) eventstore.Batch {
	first := sort.Search(len(b.Events), func(i int) bool { return b.Events[i].Position > position })
	return part(b, first, len(b.Events))
}

// run is how many of b's events follow one another without a hole.
func run(b eventstore.Batch) int {
	n := 1
	for n < len(b.Events) && b.Events[n].Position == b.Events[n-1].Position+1 {
		n++
	}
	return n
}

// part cuts events and frames alike; frames may be missing, then all of them are.
func part(b eventstore.Batch, from, to int) eventstore.Batch {
	if b.Frames == nil {
		return eventstore.Batch{Events: b.Events[from:to]}
	}
	return eventstore.Batch{Events: b.Events[from:to], Frames: b.Frames[from:to]}
}

// joined adds the batches that follow seamlessly: one acknowledgement for all.
func (r *Relay) joined(b eventstore.Batch) eventstore.Batch {
	for len(r.queue) > 0 && len(b.Events)+len(r.queue[0].Events) <= batchMax &&
		r.queue[0].Events[0].Position == b.Events[len(b.Events)-1].Position+1 && run(r.queue[0]) == len(r.queue[0].Events) {
		b.Events = append(b.Events[:len(b.Events):len(b.Events)], r.queue[0].Events...)
		b.Frames = append(b.Frames[:len(b.Frames):len(b.Frames)], r.queue[0].Frames...)
		r.queue = r.queue[1:]
	}
	return b
}
