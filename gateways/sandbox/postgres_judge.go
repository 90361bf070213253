package sandbox

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/acquirer"
)

// judge enters what needs the state of a hold, in one transaction of three round
// trips: lock and load, insert, update and commit. Holds are locked in order of
// reference, so two processes wait for each other but never in a circle.
//
// Where no row exists there is nothing to lock, as when a cancel comes before its
// authorization. Then the primary key decides: if the authorization arrives at this
// moment through another process, one of the two inserts finds the other's row, and
// the loser is judged again.
func (w *writer) judge(ctx context.Context, tasks []*task) error {
	need := needsOf(tasks)
	loaded, err := w.lock(ctx, need)
	if err != nil {
		return err
	}
	answers := make([]Entry, len(tasks))
	for i, t := range tasks {
		answers[i] = loaded.apply(t)
	}
	if loaded.torn {
		return errCollision
	}
	if err := w.keep(ctx, loaded); err != nil {
		return err
	}
	for i, t := range tasks {
		t.entry = answers[i]
	}
	return nil
}

func (p *page) apply(t *task) Entry {
	if !t.settle {
		return p.enter(t.entry)
	}
	e, found := p.find(t.entry.Reference)
	if !found {
		p.torn = true
		return t.entry
	}
	return p.settle(e, t.entry.At)
}

// needs is what a batch must see to be judged, as references.
type needs struct {
	own   [][16]byte // of the requests
	holds [][16]byte // named by captures and cancels
	via   [][16]byte // entries whose holds are needed: refunded captures, what is to be settled
}

func needsOf(tasks []*task) needs {
	need := needs{own: references(tasks), holds: [][16]byte{}, via: [][16]byte{}}
	for _, t := range tasks {
		e := t.entry
		switch {
		case t.settle:
			need.via = append(need.via, e.Reference.UUID())
		case e.Operation == acquirer.OperationRefund:
			need.via = append(need.via, e.Capture.UUID())
		case e.Operation == acquirer.OperationCapture, e.Operation == acquirer.OperationCancel:
			need.holds = append(need.holds, e.Authorization.UUID())
		}
	}
	need.own = append(need.own, need.via...)
	return need
}

// lock begins the transaction, locks the holds and loads what the rules will ask for.
// The entries are read by a later statement than the lock, so they show what other
// processes committed before they gave the holds free.
func (w *writer) lock(ctx context.Context, need needs) (*page, error) {
	loaded := newPage()
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	batch.Queue(lockHolds, need.holds, need.via).Query(loaded.load)
	batch.Queue(selectEntries, need.own, need.holds).Query(loaded.load)
	return loaded, w.conn.SendBatch(ctx, batch).Close()
}

// keep writes what the rules added and changed, and commits.
func (w *writer) keep(ctx context.Context, loaded *page) error {
	w.entries = w.entries[:0]
	var update changes
	for reference, how := range loaded.written {
		if how == added {
			w.entries = append(w.entries, loaded.entries[reference])
		} else {
			update.add(loaded.entries[reference])
		}
	}
	if len(w.entries) > 0 {
		fresh, err := w.insert(ctx, entriesName, everyColumn)
		if err != nil {
			return err
		}
		if fresh != len(w.entries) {
			return errCollision
		}
	}
	batch := &pgx.Batch{}
	if len(update.reference) > 0 {
		batch.Queue(updateEntries, update.arguments()...)
	}
	batch.Queue("COMMIT")
	return w.conn.SendBatch(ctx, batch).Close()
}

// changes are the columns that can change, by row.
type changes struct {
	reference                              [][16]byte
	outcome, decline                       []string
	approved, captured, released, refunded []int64
	reversed                               []bool
}

func (c *changes) add(e Entry) {
	c.reference = append(c.reference, e.Reference.UUID())
	c.outcome = append(c.outcome, string(e.Outcome))
	c.decline = append(c.decline, e.Decline)
	c.approved = append(c.approved, e.Approved)
	c.captured = append(c.captured, e.Captured)
	c.released = append(c.released, e.Released)
	c.refunded = append(c.refunded, e.Refunded)
	c.reversed = append(c.reversed, e.Reversed)
}

func (c *changes) arguments() []any {
	return []any{c.reference, c.outcome, c.decline, c.approved, c.captured, c.released, c.refunded, c.reversed}
}
