package projections

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/paymint/paymint/eventstore"
)

// waits is who waits for a position. A waiter costs the follower nothing but a
// closed channel.
type waits struct {
	mu      sync.Mutex
	reached int64
	halted  []string      // projections that stand still
	changed chan struct{} // nil while nobody waits
}

func (w *waits) reach(position int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached = position
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

func (w *waits) wait(ctx context.Context, position int64) error {
	for {
		w.mu.Lock()
		if w.reached >= position {
			w.mu.Unlock()
			return nil
		}
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed := w.changed
		w.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// arrived tells waiters how far all projections have come; a halted one holds back
// nobody, its own reads say that it is behind.
func (f *Follower) arrived() {
	reached := int64(-1)
	var halted []string
	for _, m := range f.members {
		if m.halted != nil {
			halted = append(halted, m.Projection.Name())
		}
		if m.halted == nil && (reached < 0 || m.Position < reached) {
			reached = m.Position
		}
	}
	f.waits.mu.Lock()
	f.waits.halted = halted
	f.waits.mu.Unlock()
	f.waits.reach(max(reached, 0))
}

// Halted names the projections that stand still before an event they cannot fold.
func (f *Follower) Halted() []string {
	f.waits.mu.Lock()
	defer f.waits.mu.Unlock()
	return f.waits.halted
}

// Reached is the position up to which all projections of this follower are folded.
func (f *Follower) Reached() int64 {
	f.waits.mu.Lock()
	defer f.waits.mu.Unlock()
	return f.waits.reached
}

// Waiter lets readers wait until the read models have reached a position, whichever
// process follows.
type Waiter struct {
	Followers []*Follower // of this process; other lanes are asked of the database
	DB        Database
	Names     []string // the projections that readers read
}

// waitPoll is how often a process without the lane's follower asks. Readers who wait
// have just written, and a batch takes some 25 ms.
const waitPoll = 10 * time.Millisecond

const selectReached = `
SELECT coalesce(min(c.position), 0)
  FROM projection_versions v JOIN projection_checkpoints c ON c.name = v.name AND c.version = v.version
 WHERE v.name = ANY($1) AND c.lane = $2`

// Wait returns once all that is in the log up to position is in the read models. The
// error is the context's, or trouble with the database.
func (w Waiter) Wait(ctx context.Context, position eventstore.Position) error {
	for _, f := range w.Followers {
		if f.Lane == position.Lane {
			return f.waits.wait(ctx, position.Number)
		}
	}
	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	for {
		var reached int64
		if err := w.DB.QueryRow(ctx, selectReached, w.Names, position.Lane).Scan(&reached); err != nil {
			return fmt.Errorf("read the checkpoints of lane %d: %w", position.Lane, err)
		}
		if reached >= position.Number {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
