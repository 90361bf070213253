package eventstore

import (
	"sync"
)

// batchBytesMax bounds one batch's frames and answers, so that big events do not make
// a transaction everybody waits long for.
const batchBytesMax = 8 << 20

// scanMax bounds how far a batch looks past commands that must wait for another on
// their stream: many callers on one stream do not make forming a batch slow.
const scanMax = 2 * BatchMax

type stage int

const (
	waiting stage = iota
	taken         // in the batch under way: whether it stays is not known
	done
)

// entry is one command on its way through the appender.
type entry struct {
	of       *submission
	command  *Command
	prepared Prepared
	stage    stage
	result   Result
}

// submission is what one caller waits for: one command or many.
type submission struct {
	entries []entry
	left    int           // entries that are not done
	ended   chan struct{} // closed when left is 0
}

// queue holds what waits for a lane, first come first served, but a command whose
// stream or key is in the batch already lets independent ones pass.
type queue struct {
	mu      sync.Mutex
	waiting []*entry
	max     int
	refuse  error // nil while the appender takes commands
	wake    chan struct{}
	seen    map[[16]byte]struct{} // streams and keys of the batch being formed
}

func newQueue(limit int) *queue {
	return &queue{max: limit, wake: make(chan struct{}, 1), seen: map[[16]byte]struct{}{}}
}

// add takes all of s or, with an error, nothing.
func (q *queue) add(s *submission) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != nil {
		return q.refuse
	}
	if len(q.waiting)+s.left > q.max {
		return ErrBusy
	}
	for i := range s.entries {
		if e := &s.entries[i]; e.stage == waiting {
			q.waiting = append(q.waiting, e)
		}
	}
	q.signal()
	return nil
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take moves the next batch out of the queue into batch, which may be empty.
func (q *queue) take(batch []*entry) []*entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.seen)
	size, at, kept := 0, 0, 0
	for ; at < len(q.waiting) && at < scanMax && len(batch) < BatchMax && size < batchBytesMax; at++ {
		e := q.waiting[at]
		switch {
		case e.stage == done: // its caller left
		case q.clashes(e.command):
			q.waiting[kept] = e
			kept++
		default:
			e.stage = taken
			size += e.size()
			batch = append(batch, e)
		}
	}
	rest := copy(q.waiting[kept:], q.waiting[at:])
	clear(q.waiting[kept+rest:])
	q.waiting = q.waiting[:kept+rest]
	return batch
}

// clashes marks the command's streams and keys, also when it has to wait: what
// comes after it on them waits as well, so their order is kept.
func (q *queue) clashes(c *Command) bool {
	clash := false
	mark := func(id [16]byte) {
		if _, there := q.seen[id]; there {
			clash = true
		}
		q.seen[id] = struct{}{}
	}
	for i := range c.Writes {
		mark(c.Writes[i].Stream.ID)
	}
	switch {
	case c.Claim != nil:
		mark(c.Claim.Key)
	case c.Answer != nil:
		mark(c.Answer.Key)
	}
	return clash
}

func (e *entry) size() int {
	size := len(e.prepared.Answer)
	for _, frame := range e.prepared.Frames {
		size += len(frame)
	}
	return size
}

// finish publishes the results of a batch that the appender is through with.
func (q *queue) finish(batch []*entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range batch {
		q.end(e)
	}
}

func (q *queue) end(e *entry) {
	e.stage = done
	if e.of.left--; e.of.left == 0 {
		close(e.of.ended)
	}
}

// leave is for a caller whose context ended: what was not taken is withdrawn for
// certain, what was taken may or may not stay.
func (q *queue) leave(s *submission, cause error) []Result {
	q.mu.Lock()
	defer q.mu.Unlock()
	results := make([]Result, len(s.entries))
	for i := range s.entries {
		e := &s.entries[i]
		switch e.stage {
		case done:
			results[i] = e.result
		case waiting:
			results[i].Err = cause
			e.result = results[i]
			q.end(e)
		case taken:
			results[i].Err = unknown(cause)
		}
	}
	return results
}

// stop refuses every further command with err, and with flush those that wait too.
func (q *queue) stop(err error, flush bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != ErrClosed { //nolint:errorlint // set by us, never wrapped
		q.refuse = err
	}
	if flush {
		for _, e := range q.waiting {
			if e.stage == waiting {
				e.result.Err = err
				q.end(e)
			}
		}
		clear(q.waiting)
		q.waiting = q.waiting[:0]
	}
	q.signal()
}

// resume takes commands again, unless the store was closed.
func (q *queue) resume() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != ErrClosed { //nolint:errorlint // set by us, never wrapped
		q.refuse = nil
	}
}

func (q *queue) depth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// drained tells whether the store was closed and nothing waits any more.
func (q *queue) drained() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.refuse == ErrClosed && len(q.waiting) == 0 //nolint:errorlint // as above
}
