package invariants

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// JetStream is the Broker on real streams.
type JetStream struct {
	JS jetstream.JetStream
	// Stream names a lane's stream, as the relay does.
	Stream func(lane int) string
}

// fetchPatience bounds one fetch: a broker that delivers nothing for that long is
// away, and the check fails instead of calling every message missing.
const fetchPatience = 10 * time.Second

// Bounds implements Broker.
func (j JetStream) Bounds(ctx context.Context, lane int) (first, last int64, err error) {
	stream, err := j.JS.Stream(ctx, j.Stream(lane))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("stream %s: %w", j.Stream(lane), err)
	}
	state := stream.CachedInfo().State
	return int64(state.FirstSeq), int64(state.LastSeq), nil
}

// Read implements Broker.
func (j JetStream) Read(ctx context.Context, lane int, from int64, limit int) ([]Message, error) {
	stream, err := j.JS.Stream(ctx, j.Stream(lane))
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", j.Stream(lane), err)
	}
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(from), InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", j.Stream(lane), err)
	}
	to := from + int64(limit) - 1
	messages := make([]Message, 0, limit)
	for {
		more, err := fetch(consumer, limit-len(messages), to, &messages)
		if err != nil {
			return nil, fmt.Errorf("read stream %s: %w", j.Stream(lane), err)
		}
		if !more {
			return messages, nil
		}
	}
}

// fetch appends what comes; it reports whether there may be more up to the sequence to.
func fetch(consumer jetstream.Consumer, limit int, to int64, messages *[]Message) (more bool, err error) {
	if limit <= 0 {
		return false, nil
	}
	batch, err := consumer.Fetch(limit, jetstream.FetchMaxWait(fetchPatience))
	if err != nil {
		return false, err
	}
	more, came := true, false
	for message := range batch.Messages() {
		meta, err := message.Metadata()
		if err != nil {
			return false, err
		}
		came = true
		sequence := int64(meta.Sequence.Stream)
		if sequence <= to {
			*messages = append(*messages, Message{Sequence: sequence, Subject: message.Subject(), Data: message.Data()})
		}
		more = more && sequence < to && meta.NumPending > 0
	}
	if err := batch.Error(); err != nil {
		return false, err
	}
	if !came {
		return false, fmt.Errorf("nothing came within %s", fetchPatience)
	}
	return more, nil
}
