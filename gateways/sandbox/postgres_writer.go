package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
)

// Bounds of one pass. Together with the server's statement_timeout they stay below
// the declared longest life: nothing takes effect later than that.
const (
	passTimeout = 5 * time.Second
	attemptsMax = 3
)

// session is what the writer's connection is set to. The planner's flags hold for
// empty tables too, where a prepared statement would settle on a scan for ever.
const session = `
SET synchronous_commit = off;
SET statement_timeout = '4s';
SET lock_timeout = '2s';
SET idle_in_transaction_session_timeout = '5s';
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off`

// errCollision: another process entered one of our references first. The next
// attempt finds it.
var errCollision = errors.New("another process wrote at the same time")

// writer owns the connection; only the book's goroutine uses it.
type writer struct {
	config  *pgx.ConnConfig
	conn    *pgx.Conn
	encoder encoder
	entries []Entry
}

func (w *writer) connect(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return fmt.Errorf("sandbox book: connect its writer: %w", err)
	}
	_, err = conn.PgConn().Exec(ctx, session).ReadAll()
	for name, statement := range map[string]string{entriesName: insertEntries, plainName: insertPlain} {
		if err == nil {
			_, err = conn.Prepare(ctx, name, statement)
		}
	}
	if err != nil {
		_ = conn.Close(ctx)
		return fmt.Errorf("sandbox book: set up its writer's session: %w", err)
	}
	w.conn = conn
	return nil
}

func (w *writer) disconnect(ctx context.Context) {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = w.conn.Close(ctx)
	w.conn = nil
}

// pass writes one batch and tells its callers.
func (w *writer) pass(ctx context.Context, batch []*task) {
	ctx, cancel := context.WithTimeout(ctx, passTimeout)
	defer cancel()
	plain, judged := split(batch)
	if len(plain) > 0 {
		finish(plain, w.attempt(ctx, plain, w.enterPlain))
	}
	if len(judged) > 0 {
		finish(judged, w.attempt(ctx, judged, w.judge))
	}
}

// split reorders batch: authorizations that nothing need be read for come first.
func split(batch []*task) (plain, judged []*task) {
	n := 0
	for i, t := range batch {
		if !t.settle && t.entry.Operation == acquirer.OperationAuthorize && t.entry.Capture.IsZero() {
			batch[n], batch[i] = batch[i], batch[n]
			n++
		}
	}
	return batch[:n], batch[n:]
}

func finish(tasks []*task, err error) {
	for _, t := range tasks {
		t.err = err
		t.done <- struct{}{}
	}
}

// attempt runs write, which is a whole transaction and finds what an earlier
// attempt left, until it succeeds or is refused for a reason that will not pass.
// The error wraps acquirer.ErrNotSent when nothing was ever sent.
func (w *writer) attempt(ctx context.Context, tasks []*task, write func(context.Context, []*task) error) (err error) {
	sent := false
	for range attemptsMax {
		if w.conn == nil {
			if err = w.connect(ctx); err != nil {
				break
			}
		}
		sent = true
		if err = write(ctx, tasks); err == nil {
			return nil
		}
		if w.conn.IsClosed() || !w.rollBack(ctx) {
			w.disconnect(ctx)
		} else if !passes(err) {
			break
		}
	}
	if !sent {
		return fmt.Errorf("%w: %w", acquirer.ErrNotSent, err)
	}
	return fmt.Errorf("sandbox book: write %d requests: %w", len(tasks), err)
}

// rollBack makes the session usable again, if it can be.
func (w *writer) rollBack(ctx context.Context) bool {
	_, err := w.conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
	return err == nil
}

// passes tells what another attempt may cure: a collision, a serialization failure
// (40001), a deadlock (40P01), a unique violation (23505).
func passes(err error) bool {
	if errors.Is(err, errCollision) {
		return true
	}
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (refused.Code == "40001" || refused.Code == "40P01" || refused.Code == "23505")
}

// insert adds those of w.entries that are not there yet and says how many it added.
func (w *writer) insert(ctx context.Context, statement string, columns []column) (int, error) {
	values := w.encoder.encode(columns, w.entries)
	result := w.conn.PgConn().ExecPrepared(ctx, statement, values, binaryFormat, nil).Read()
	return int(result.CommandTag.RowsAffected()), result.Err
}

// enterPlain enters authorizations in one round trip. The primary key does the
// judging: where a row exists, be it a repetition or the mark of a reversal that
// came first, the insert does nothing, and the rows are read to see why.
func (w *writer) enterPlain(ctx context.Context, tasks []*task) error {
	w.entries = w.entries[:0]
	for _, t := range tasks {
		w.entries = append(w.entries, t.entry)
	}
	fresh, err := w.insert(ctx, plainName, plainColumns)
	if err != nil || fresh == len(tasks) {
		return err
	}
	found, err := w.read(ctx, references(tasks))
	if err != nil {
		return err
	}
	for _, t := range tasks { // all of them first: an attempt that fails must leave the requests as they were
		if _, there := found.find(t.entry.Reference); !there {
			return errCollision
		}
	}
	for _, t := range tasks {
		t.entry = found.enter(t.entry)
	}
	return nil
}

func (w *writer) read(ctx context.Context, wanted [][16]byte) (*page, error) {
	rows, err := w.conn.Query(ctx, selectEntries, wanted, [][16]byte{})
	if err != nil {
		return nil, err
	}
	found := newPage()
	err = found.load(rows)
	return found, err
}

func newPage() *page {
	return &page{entries: map[id.Reference]Entry{}, written: map[id.Reference]writing{}}
}

func (p *page) load(rows pgx.Rows) error {
	entries, err := pgx.CollectRows(rows, scanEntry)
	for i := range entries {
		p.entries[entries[i].Reference] = entries[i]
	}
	return err
}

func references(tasks []*task) [][16]byte {
	wanted := make([][16]byte, len(tasks))
	for i, t := range tasks {
		wanted[i] = t.entry.Reference.UUID()
	}
	return wanted
}
