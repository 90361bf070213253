package eventstore

import (
	"context"
	"sync"
)

// TailEventsMax is how many events a Tail keeps for a reader that is behind: half a
// second of a fast lane, some 30 MB. Older ones are forgotten; the log has them.
const TailEventsMax = 16_384

// Batch is what one transaction committed to a lane, in order of position. Frames
// are those of Events, made once for the database and the relay alike.
type Batch struct {
	Events []Event
	Frames [][]byte
}

// Tail hands one reader the batches this process commits to a lane from now on, in
// order, from memory. A reader that falls behind loses the oldest batches, never
// the newest: the next position it sees tells the hole, which ReadLog fills. So
// does a hole left by another process that appends to the same lane.
type Tail struct {
	mu      sync.Mutex
	batches []Batch
	events  int
	closed  bool
	wake    chan struct{}
	leave   func(*Tail)
}

func newTail(leave func(*Tail)) *Tail {
	return &Tail{wake: make(chan struct{}, 1), leave: leave}
}

// Next waits for the next batch. One goroutine at a time may call it. The error is
// the context's, or ErrClosed once the Tail or its store was closed and all
// batches were read.
func (t *Tail) Next(ctx context.Context) (Batch, error) {
	for {
		if batch, ok, err := t.take(); ok || err != nil {
			return batch, err
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			return Batch{}, ctx.Err()
		}
	}
}

// Close ends the reading; what was not read is dropped.
func (t *Tail) Close() {
	t.leave(t)
	t.mu.Lock()
	t.batches, t.events = nil, 0
	t.mu.Unlock()
	t.end()
}

func (t *Tail) take() (Batch, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.batches) == 0 {
		if t.closed {
			return Batch{}, false, ErrClosed
		}
		return Batch{}, false, nil
	}
	batch := t.batches[0]
	t.batches[0] = Batch{} // the reader alone holds it now
	t.batches = t.batches[1:]
	t.events -= len(batch.Events)
	return batch, true, nil
}

func (t *Tail) push(batch Batch) {
	t.mu.Lock()
	t.batches = append(t.batches, batch)
	t.events += len(batch.Events)
	for t.events > TailEventsMax && len(t.batches) > 1 {
		t.events -= len(t.batches[0].Events)
		t.batches[0] = Batch{}
		t.batches = t.batches[1:]
	}
	t.mu.Unlock()
	t.signal()
}

func (t *Tail) end() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.signal()
}

func (t *Tail) signal() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// Tails is the set of a lane's readers. The zero value is ready.
type Tails struct {
	mu     sync.Mutex
	tails  map[*Tail]struct{}
	closed bool
}

// Open adds a reader, which gets the batches pushed from now on.
func (s *Tails) Open() *Tail {
	t := newTail(s.remove)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tails == nil {
		s.tails = map[*Tail]struct{}{}
	}
	if s.closed {
		t.end()
		return t
	}
	s.tails[t] = struct{}{}
	return t
}

// Push hands batch to every reader and never waits. Pushes must come in order of
// position, one at a time.
func (s *Tails) Push(batch Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.tails {
		t.push(batch)
	}
}

// Close lets every reader end once it has read what is there.
func (s *Tails) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for t := range s.tails {
		t.end()
	}
}

func (s *Tails) remove(t *Tail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tails, t)
}
