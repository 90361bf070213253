package projections

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// makeTables makes tables of the new version like those in use, with the indexes that
// folding needs: the unique ones. Others are made when the rows are in.
func (s *site) makeTables(ctx context.Context) error {
	if err := s.dropNew(ctx); err != nil {
		return err
	}
	return s.eachTable(ctx, func(ctx context.Context, b *build, old, fresh string) error {
		var b1 pgx.Batch
		b1.Queue("CREATE TABLE " + fresh + " (LIKE " + old + " INCLUDING ALL EXCLUDING INDEXES)")
		b1.Queue("GRANT SELECT ON " + fresh + " TO paymint_app, paymint_auditor")
		b1.Queue("GRANT SELECT, INSERT, UPDATE, DELETE ON " + fresh + " TO paymint_projector")
		if err := s.pool.SendBatch(ctx, &b1).Close(); err != nil {
			return err
		}
		var options []string
		if err := s.pool.QueryRow(ctx, `SELECT coalesce(reloptions, '{}') FROM pg_class WHERE oid = $1::regclass`, old).Scan(&options); err != nil {
			return err
		}
		if len(options) > 0 {
			if _, err := s.pool.Exec(ctx, "ALTER TABLE "+fresh+" SET ("+strings.Join(options, ", ")+")"); err != nil {
				return err
			}
		}
		return s.indexes(ctx, b, old, true)
	})
}

func (s *site) makeIndexes(ctx context.Context) error {
	err := s.eachTable(ctx, func(ctx context.Context, b *build, old, _ string) error { return s.indexes(ctx, b, old, false) })
	if err != nil {
		return err
	}
	return s.eachTable(ctx, func(ctx context.Context, _ *build, _, fresh string) error {
		_, err := s.pool.Exec(ctx, "ANALYZE "+fresh)
		return err
	})
}

const selectIndexes = `
SELECT pg_get_indexdef(i.indexrelid), coalesce(c.conname, ''), coalesce(pg_get_constraintdef(c.oid), '')
  FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'p'
 WHERE i.indrelid = $1::regclass AND i.indisunique = $2 ORDER BY 1`

// indexes makes the new table's indexes by the definitions of the old one's. Names
// carry the version as tables do.
func (s *site) indexes(ctx context.Context, b *build, old string, unique bool) error {
	rows, err := s.pool.Query(ctx, selectIndexes, old, unique)
	if err != nil {
		return err
	}
	type definition struct{ Index, Key, Constraint string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[definition])
	if err != nil {
		return err
	}
	renamed := strings.NewReplacer(fmt.Sprintf("_v%d", b.from), fmt.Sprintf("_v%d", b.to))
	for _, index := range all {
		statement := renamed.Replace(index.Index)
		if index.Key != "" {
			statement = renamed.Replace("ALTER TABLE " + old + " ADD CONSTRAINT " + index.Key + " " + index.Constraint)
		}
		if _, err := s.pool.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// eachTable pairs tables in use with the new ones.
func (s *site) eachTable(ctx context.Context, do func(ctx context.Context, b *build, old, fresh string) error) error {
	for _, b := range s.builds {
		fresh := b.Tables(b.to)
		for i, old := range b.Tables(b.from) {
			if err := do(ctx, b, old.Name, fresh[i].Name); err != nil {
				return fmt.Errorf("rebuild %s: table %s: %w", b.Name(), fresh[i].Name, err)
			}
		}
	}
	return nil
}

func (s *site) dropNew(ctx context.Context) error {
	return s.eachTable(context.WithoutCancel(ctx), func(ctx context.Context, _ *build, _, fresh string) error {
		_, err := s.pool.Exec(ctx, "DROP TABLE IF EXISTS "+fresh)
		return err
	})
}

// dropOld waits for nobody for long: readers may still be in a query on the old
// tables, and everybody else must not queue behind us.
func (s *site) dropOld(ctx context.Context) error {
	return s.eachTable(ctx, func(ctx context.Context, _ *build, old, _ string) error {
		return s.patiently(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+old)
			return err
		})
	})
}

// patiently runs a transaction that needs strong locks, again and again.
func (s *site) patiently(ctx context.Context, do func(pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL lock_timeout = '"+switchPatience+"'"); err != nil {
				return err
			}
			return do(tx)
		})
		if refused := (*pgconn.PgError)(nil); attempt == switchesMax || !errors.As(err, &refused) || refused.Code != lockNotAvailable {
			return err
		}
	}
}
