package projections

import "github.com/jackc/pgx/v5"

// Trip collects what a projection wants read or written, so that all projections'
// statements travel together. Statements run in the order they were queued, copies
// before all of them, everything in one transaction.
type Trip struct {
	sql    pgx.Batch
	copies []copying
	steps  []func() error
}

type copying struct {
	statement string
	rows      *CopyRows
}

// Query queues a statement and what to do with its rows; scan may be nil.
func (t *Trip) Query(statement string, scan func(pgx.Rows) error, arguments ...any) {
	queued := t.sql.Queue(statement, arguments...)
	if scan != nil {
		queued.Query(func(rows pgx.Rows) error { return scan(rows) })
	}
}

// Copy queues a COPY … FROM STDIN (FORMAT binary).
func (t *Trip) Copy(statement string, rows *CopyRows) {
	t.copies = append(t.copies, copying{statement: statement, rows: rows})
}

// Do queues a step in memory: what tables without SQL have instead of Query.
func (t *Trip) Do(step func() error) { t.steps = append(t.steps, step) }

// Empty reports whether nothing was queued.
func (t *Trip) Empty() bool { return t.sql.Len() == 0 && len(t.copies) == 0 && len(t.steps) == 0 }
