package projections

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Difference is a row that a read model has and the log does not give, or the other
// way round.
type Difference struct {
	Projection string
	Table      string
	Missing    bool   // the log gives the row, the table does not have it; else the table has it and the log does not give it
	Row        string // its columns as PostgreSQL prints them
}

// String says it in one line.
func (d Difference) String() string {
	if d.Missing {
		return fmt.Sprintf("%s lacks %s", d.Table, d.Row)
	}
	return fmt.Sprintf("%s has %s", d.Table, d.Row)
}

// DifferencesMax is how many differences of a table and direction are listed: who has
// more has one cause.
const DifferencesMax = 100

// Verify folds the named projections anew, beside live traffic or without any, and
// compares every row with the tables in use, both at the position of their
// checkpoint. It changes nothing.
func (r Rebuilder) Verify(ctx context.Context, names []string) (all []Difference, err error) {
	for _, name := range names {
		differences, err := r.verify(ctx, name)
		if err != nil {
			return all, err
		}
		all = append(all, differences...)
	}
	return all, nil
}

func (r Rebuilder) verify(ctx context.Context, name string) (differences []Difference, err error) {
	site, err := r.open(ctx, []string{name})
	if err != nil {
		return nil, err
	}
	defer site.close(ctx)
	defer func() { err = errors.Join(err, site.dropNew(ctx)) }()
	site.target = site.checkpoint
	if err := site.build(ctx); err != nil {
		return nil, err
	}
	snapshot, err := site.snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, snapshot.Rollback(ctx)) }()
	return site.compareIn(ctx, snapshot)
}

// checkpoint is how far the tables in use are folded, which is how far the new ones
// are to be.
func (s *site) checkpoint(ctx context.Context, lane int) (position int64, err error) {
	b := s.builds[0]
	err = s.pool.QueryRow(ctx, `
SELECT coalesce((SELECT position FROM projection_checkpoints WHERE name = $1 AND version = $2 AND lane = $3), 0)`, b.Name(), b.from, lane).Scan(&position)
	return position, err
}

// snapshot shows both versions at one position. The checkpoints are locked until it
// is taken, so followers wait for the few events that are folded here and no longer.
func (s *site) snapshot(ctx context.Context) (snapshot pgx.Tx, err error) {
	err = s.patiently(ctx, func(lock pgx.Tx) error {
		furthest, err := s.hold(ctx, lock)
		if err != nil {
			return err
		}
		for _, lane := range s.Lanes {
			err := s.orAsBefore(func() error {
				return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return s.foldTail(ctx, tx, lane, furthest[lane]) })
			})
			if err != nil {
				return fmt.Errorf("lane %d: %w", lane, err)
			}
		}
		snapshot, err = s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
		if err != nil {
			return err
		}
		_, err = snapshot.Exec(ctx, "SELECT FROM projection_checkpoints LIMIT 1") // the first statement takes it
		return err
	})
	return snapshot, err
}

func (s *site) compareIn(ctx context.Context, tx pgx.Tx) ([]Difference, error) {
	for _, setting := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin", "enable_sort"} {
		if _, err := tx.Exec(ctx, "SET LOCAL "+setting+" = on"); err != nil { // whole tables are read here
			return nil, err
		}
	}
	var all []Difference
	for _, b := range s.builds {
		fresh := b.Tables(b.to)
		for i, old := range b.Tables(b.from) {
			has, gives := old.columns(), fresh[i].columns()
			for _, side := range []struct {
				missing   bool
				statement string
			}{
				{false, "SELECT x::text FROM (" + has + " EXCEPT ALL " + gives + " LIMIT $1) x"},
				{true, "SELECT x::text FROM (" + gives + " EXCEPT ALL " + has + " LIMIT $1) x"},
			} {
				rows, err := tx.Query(ctx, side.statement, DifferencesMax)
				if err != nil {
					return nil, err
				}
				texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
				if err != nil {
					return nil, fmt.Errorf("compare %s: %w", old.Name, err)
				}
				for _, text := range texts {
					all = append(all, Difference{Projection: b.Name(), Table: viewOf(old.Name, b.from), Missing: side.missing, Row: text})
				}
			}
		}
	}
	return all, nil
}

func (c Content) columns() string {
	if c.Compare != "" {
		return c.Compare
	}
	return "SELECT * FROM " + c.Name
}
