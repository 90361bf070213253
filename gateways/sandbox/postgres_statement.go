package sandbox

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// PostgresStatement is the Statement of the table sandbox_book. It only reads.
type PostgresStatement struct{ pool *pgxpool.Pool }

// OpenStatement reads the book through pool, which may be of any role that may select
// from it, and belongs to the caller. Nothing of a writer is opened.
func OpenStatement(pool *pgxpool.Pool) PostgresStatement { return PostgresStatement{pool: pool} }

// Totals implements Statement. It holds a connection of the pool until it is read
// to its end or left. The table has no index on payments: each call reads it whole.
func (p PostgresStatement) Totals(ctx context.Context, payments ...id.Payment) iter.Seq2[Total, error] {
	return func(yield func(Total, error) bool) {
		rows, err := p.queryTotals(ctx, payments)
		if err != nil {
			yield(Total{}, fmt.Errorf("sandbox book: sum up: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			total, err := scanTotal(rows)
			if !yield(total, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Total{}, fmt.Errorf("sandbox book: sum up: %w", err))
		}
	}
}

func (p PostgresStatement) queryTotals(ctx context.Context, payments []id.Payment) (pgx.Rows, error) {
	if len(payments) == 0 {
		return p.pool.Query(ctx, selectTotals)
	}
	wanted := make([][16]byte, len(payments))
	for i, payment := range payments {
		wanted[i] = payment.UUID()
	}
	return p.pool.Query(ctx, selectTotalsOf, wanted)
}

func scanTotal(rows pgx.Rows) (total Total, err error) {
	var payment uuid.UUID
	var currency string
	var until *time.Time
	err = rows.Scan(&payment, &currency, &total.Held, &total.Captured, &total.Refunded, &until, &total.Holds)
	total.Payment, total.Currency = id.From[id.Payment](payment), money.Currency(currency)
	if until != nil {
		total.HeldUntil = until.UTC()
	}
	return total, err
}

// Entries implements Statement.
func (p PostgresStatement) Entries(ctx context.Context, after id.Reference, limit int) ([]Entry, error) {
	rows, err := p.pool.Query(ctx, selectPage, after.UUID(), min(limit, entriesMax))
	if err != nil {
		return nil, fmt.Errorf("sandbox book: list entries: %w", err)
	}
	entries, err := pgx.CollectRows(rows, scanEntry)
	if err != nil {
		return nil, fmt.Errorf("sandbox book: list entries: %w", err)
	}
	return entries, nil
}
