package projections

import (
	"context"

	"github.com/paymint/paymint/eventstore"
)

// Tail is the LiveSource of a follower in the process that appends to its lane: the
// committed batches, from memory, parsed already. It costs nothing where an ordered
// consumer costs some 6 µs an event. What other processes append to the lane it does
// not see; the follower finds it in the log, within a second.
type Tail struct {
	Of func() *eventstore.Tail // opens a tail of the lane: Store.Tail
}

// Open implements LiveSource.
func (t Tail) Open(context.Context, int64) (Live, error) { return &tailLive{tail: t.Of()}, nil }

type tailLive struct {
	tail *eventstore.Tail
	rest []eventstore.Event
}

// Next implements Live. It takes all batches that are there.
func (l *tailLive) Next(ctx context.Context, limit int) ([]eventstore.Event, error) {
	events := l.rest
	l.rest = nil
	if len(events) == 0 {
		batch, err := l.tail.Next(ctx)
		if err != nil {
			return nil, err
		}
		events = batch.Events[:len(batch.Events):len(batch.Events)] // shared with other readers: appending copies
	}
	atOnce, cancel := context.WithCancel(ctx)
	cancel()
	for batch, none := l.tail.Next(atOnce); none == nil; batch, none = l.tail.Next(atOnce) {
		events = append(events, batch.Events...)
		if len(events) >= limit {
			break
		}
	}
	n := min(limit, len(events))
	l.rest = events[n:]
	return events[:n:n], nil
}

// Close implements Live.
func (l *tailLive) Close() { l.tail.Close() }
