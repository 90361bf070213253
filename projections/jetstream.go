package projections

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/paymint/paymint/eventstore"
)

// JetStream is the LiveSource of production: an ordered consumer on the stream of a
// lane, whose sequence is the position.
type JetStream struct {
	Conn   *nats.Conn
	Lane   int
	Stream string // of the lane: relay.StreamName
}

const (
	// bufferedMax is how many messages wait for the follower; then the consumer waits,
	// and the server keeps the rest.
	bufferedMax = 8192
	// pullMax is how many messages the server sends ahead.
	pullMax = 4096
)

// Open begins behind position after. The consumer lives in the client's memory only
// and goes on by itself after a reconnect.
func (j JetStream) Open(ctx context.Context, after int64) (Live, error) {
	if !j.Conn.IsConnected() {
		return nil, fmt.Errorf("open stream %s: %w", j.Stream, nats.ErrConnectionReconnecting)
	}
	js, err := jetstream.New(j.Conn)
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", j.Stream, err)
	}
	consumer, err := js.OrderedConsumer(ctx, j.Stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(after) + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("open stream %s: %w", j.Stream, err)
	}
	l := &jetStreamLive{lane: j.Lane, some: make(chan struct{}, 1), room: make(chan struct{}, 1), ended: make(chan struct{})}
	l.consuming, err = consumer.Consume(l.take, jetstream.PullMaxMessages(pullMax), jetstream.ConsumeErrHandler(l.fail))
	if err != nil {
		return nil, fmt.Errorf("consume stream %s: %w", j.Stream, err)
	}
	return l, nil
}

// jetStreamLive buffers what the consumer delivers.
type jetStreamLive struct {
	lane      int
	consuming jetstream.ConsumeContext
	some      chan struct{} // there may be messages
	room      chan struct{} // there may be room
	ended     chan struct{}
	once      sync.Once

	mu      sync.Mutex
	waiting []eventstore.Event
	err     error
}

// take is called by the client, one message at a time. Not returning is how the
// server is told to wait.
func (l *jetStreamLive) take(message jetstream.Msg) {
	e, err := l.parse(message)
	if err != nil {
		l.end(err)
		return
	}
	for {
		l.mu.Lock()
		if len(l.waiting) < bufferedMax {
			l.waiting = append(l.waiting, e)
			l.mu.Unlock()
			signal(l.some)
			return
		}
		l.mu.Unlock()
		select {
		case <-l.room:
		case <-l.ended:
			return
		}
	}
}

func (l *jetStreamLive) parse(message jetstream.Msg) (eventstore.Event, error) {
	meta, err := message.Metadata()
	if err != nil {
		return eventstore.Event{}, fmt.Errorf("message of lane %d: %w", l.lane, err)
	}
	e, err := eventstore.ParseFrame(message.Data())
	if err != nil {
		return eventstore.Event{}, fmt.Errorf("message %d of lane %d: %w", meta.Sequence.Stream, l.lane, err)
	}
	e.Lane, e.Position = l.lane, int64(meta.Sequence.Stream)
	return e, nil
}

// fail hears of trouble the client works around by itself (a reconnect, a missed
// heartbeat) and of what it cannot: then the follower reads the log instead.
func (l *jetStreamLive) fail(_ jetstream.ConsumeContext, err error) {
	if errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrStreamNotFound) ||
		errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, jetstream.ErrConsumerNotFound) {
		l.end(err)
	}
}

func (l *jetStreamLive) end(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = err
	}
	l.mu.Unlock()
	signal(l.some)
}

// Next implements Live.
func (l *jetStreamLive) Next(ctx context.Context, limit int) ([]eventstore.Event, error) {
	for {
		l.mu.Lock()
		n := min(limit, len(l.waiting))
		events := l.waiting[:n:n]
		if n == len(l.waiting) {
			l.waiting = nil
		} else {
			l.waiting = l.waiting[n:]
		}
		err := l.err
		l.mu.Unlock()
		if n > 0 {
			signal(l.room)
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		select {
		case <-l.some:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Close implements Live.
func (l *jetStreamLive) Close() {
	l.once.Do(func() {
		close(l.ended)
		l.consuming.Stop()
	})
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
