package projections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paymint/paymint/eventstore"
)

// ErrAhead: the log has lost commits that a read model has folded. The follower folds
// nothing and says so with each try: what becomes of the lost events is for a person
// to decide.
var ErrAhead = errors.New("read model is ahead of the log")

// collect gives the events behind position after, in order and without a hole; none
// when nothing happened for a while, or when it may not wait.
func (f *Follower) collect(ctx context.Context, after int64, hurry bool) ([]eventstore.Event, error) {
	if f.live == nil {
		if err := f.openLive(ctx, after); err != nil {
			return nil, err
		}
	}
	if f.live == nil || f.head-after > farBehind {
		return f.collectLog(ctx, after, hurry)
	}
	if err := f.receive(ctx, after, hurry); err != nil {
		return nil, err
	}
	f.dropUpTo(after)
	switch {
	case len(f.pending) == 0 && !hurry:
		return f.lookAround(ctx, after)
	case len(f.pending) > 0 && f.pending[0].Position != after+1: // a hole
		f.meter.holes.Inc()
		missing := f.pending[0].Position - after - 1
		return f.readLog(ctx, after, int(min(int64(f.BatchMax), missing)))
	}
	return f.take(), nil
}

// take is the pending events up to a batch and up to the next hole.
func (f *Follower) take() []eventstore.Event {
	n := 0
	for n < len(f.pending) && n < f.BatchMax && (n == 0 || f.pending[n].Position == f.pending[n-1].Position+1) {
		n++
	}
	events := f.pending[:n:n]
	f.pending = f.pending[n:]
	if n > 0 {
		f.distrust = false
		f.head = max(f.head, events[n-1].Position)
	}
	return events
}

func (f *Follower) dropUpTo(position int64) {
	n := 0
	for n < len(f.pending) && f.pending[n].Position <= position {
		n++
	}
	f.pending = f.pending[n:]
}

// receive waits for events of the live source. Under load it lets them gather;
// alone it hands on what comes at once.
func (f *Follower) receive(ctx context.Context, after int64, hurry bool) error {
	f.dropUpTo(after)
	if len(f.pending) == 0 {
		patience := idlePoll
		switch {
		case hurry:
			patience = time.Millisecond
		case f.distrust:
			patience = distrustPoll
		}
		if err := f.next(ctx, patience); err != nil {
			return err
		}
	}
	if f.Linger > 0 && !hurry && len(f.pending) > 0 && len(f.pending) < f.BatchMax {
		gather := f.Linger
		if !f.busy {
			gather /= lingerAlone
		}
		f.pause(ctx, gather)
		return f.next(ctx, 0)
	}
	return nil
}

// next takes what the live source has, waiting at most patience for the first. A
// source that ended is closed: the log is polled until it can be opened again.
func (f *Follower) next(ctx context.Context, patience time.Duration) error {
	if f.live == nil {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	events, err := f.live.Next(within, f.BatchMax-len(f.pending))
	f.pending = append(f.pending, events...)
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil
	default:
		f.Logger.Warn("projections: the live source ended, following the log instead", "error", err)
		f.closeLive()
		return nil
	}
}

// look reads the lane's head. A checkpoint beyond it is of events that the log no
// longer has: a database took over without its predecessor's last commits, and we had
// heard of them live. What is appended at those positions would be taken for folded
// and left out, so nothing is folded at all.
func (f *Follower) look(ctx context.Context, reached int64) error {
	head, err := f.Log.Head(ctx, f.Lane)
	if err != nil {
		return err
	}
	f.head = head
	if reached > head {
		return fmt.Errorf("%w: lane %d ends at %d, a checkpoint stands at %d", ErrAhead, f.Lane, head, reached)
	}
	return nil
}

// lookAround asks the log whether there is more than the live source tells.
func (f *Follower) lookAround(ctx context.Context, after int64) ([]eventstore.Event, error) {
	if err := f.look(ctx, after); err != nil {
		return nil, err
	}
	f.measureLag(after)
	if f.distrust = f.head > after; !f.distrust {
		return nil, nil
	}
	return f.readLog(ctx, after, f.BatchMax)
}

// collectLog is how one follows without a live source, or far behind it.
func (f *Follower) collectLog(ctx context.Context, after int64, hurry bool) ([]eventstore.Event, error) {
	events, err := f.readLog(ctx, after, f.BatchMax)
	if err != nil || len(events) > 0 {
		return events, err
	}
	f.head = after
	f.measureLag(after)
	if !hurry {
		f.pause(ctx, distrustPoll)
	}
	return nil, nil
}

// openLive opens the live source, once the log has brought us near enough.
func (f *Follower) openLive(ctx context.Context, after int64) error {
	if err := f.look(ctx, after); err != nil {
		return err
	}
	f.measureLag(after)
	now := time.Now()
	if f.Live == nil || f.head-after > farBehind || now.Before(f.reopen) {
		return nil
	}
	f.reopen = now.Add(reopenEvery)
	live, err := f.Live.Open(ctx, after)
	if err != nil {
		f.Logger.Warn("projections: the live source is away, following the log", "error", err)
		return nil
	}
	f.live, f.pending = live, nil
	return nil
}

func (f *Follower) closeLive() {
	if f.live != nil {
		f.live.Close()
		f.live = nil
	}
}
