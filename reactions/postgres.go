package reactions

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
)

// Database is what the reactions' own tables are kept in: a pool. No connection is
// held between calls.
type Database interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

// Postgres keeps Notes in the table inquiries and, with the read models' help, is
// Ahead by the table moved_clocks. It is commands.Clocks too.
type Postgres struct {
	DB        Database
	Refunds   refunds.Query
	Merchants commands.Merchants
	Now       func() time.Time
	Wake      func() // after a clock has moved; nil: the next tick will do
}

// Waiting implements Notes.
func (p Postgres) Waiting(ctx context.Context, ids []id.Payment, now time.Time) (map[id.Payment]bool, error) {
	rows, err := p.DB.Query(ctx, `SELECT payment_id FROM inquiries WHERE payment_id = ANY($1) AND next_at > $2`, uuids(ids), now)
	if err != nil {
		return nil, fmt.Errorf("read waiting inquiries: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("read waiting inquiries: %w", err)
	}
	waiting := make(map[id.Payment]bool, len(found))
	for _, u := range found {
		waiting[id.From[id.Payment](u)] = true
	}
	return waiting, nil
}

const leaseNote = `
INSERT INTO inquiries AS i (payment_id, merchant_id, livemode, lane, next_at) VALUES ($1, $2, $3, $4, $6)
    ON CONFLICT (payment_id) DO UPDATE SET next_at = $6 WHERE i.next_at <= $5
RETURNING intents, tries, failures, last_at, escalated`

// noteRow is a note as the table holds it.
type noteRow struct {
	intents         []uuid.UUID
	tries, failures []int32
	last            []time.Time
	escalated       []bool
}

// Lease implements Notes. The statement alone decides between two reactors.
func (p Postgres) Lease(ctx context.Context, target commands.Target, now, until time.Time) (Note, bool, error) {
	rows, err := p.DB.Query(ctx, leaseNote, target.Payment.UUID(), target.Merchant.UUID(), target.Livemode, target.Lane, now, until)
	if err != nil {
		return Note{}, false, fmt.Errorf("lease inquiry of %s: %w", target.Payment, err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r noteRow, err error) {
		return r, row.Scan(&r.intents, &r.tries, &r.failures, &r.last, &r.escalated)
	})
	if err != nil {
		return Note{}, false, fmt.Errorf("lease inquiry of %s: %w", target.Payment, err)
	}
	if len(found) == 0 {
		return Note{}, false, nil
	}
	note := Note{Target: target, Attempts: map[id.Reference]Attempt{}}
	for i, u := range found[0].intents {
		note.Attempts[id.From[id.Reference](u)] = Attempt{
			Tried:     payment.Tried{Tries: int(found[0].tries[i]), Failures: int(found[0].failures[i]), Last: found[0].last[i].UTC()},
			Escalated: found[0].escalated[i],
		}
	}
	return note, true, nil
}

const saveNote = `
UPDATE inquiries SET next_at = $2, intents = $3, tries = $4, failures = $5, last_at = $6, escalated = $7
 WHERE payment_id = $1`

// Save implements Notes.
func (p Postgres) Save(ctx context.Context, note Note, next time.Time) error {
	var r noteRow
	for reference, a := range note.Attempts {
		r.intents = append(r.intents, reference.UUID())
		r.tries = append(r.tries, int32(a.Tries))
		r.failures = append(r.failures, int32(a.Failures))
		r.last = append(r.last, a.Last)
		r.escalated = append(r.escalated, a.Escalated)
	}
	if r.intents == nil {
		r = noteRow{intents: []uuid.UUID{}, tries: []int32{}, failures: []int32{}, last: []time.Time{}, escalated: []bool{}}
	}
	_, err := p.DB.Exec(ctx, saveNote, note.Target.Payment.UUID(), next, r.intents, r.tries, r.failures, r.last, r.escalated)
	if err != nil {
		return fmt.Errorf("save inquiry of %s: %w", note.Target.Payment, err)
	}
	return nil
}

// Drop implements Notes.
func (p Postgres) Drop(ctx context.Context, target commands.Target) error {
	if _, err := p.DB.Exec(ctx, `DELETE FROM inquiries WHERE payment_id = $1`, target.Payment.UUID()); err != nil {
		return fmt.Errorf("drop inquiry of %s: %w", target.Payment, err)
	}
	return nil
}

// Moving implements commands.Clocks.
func (p Postgres) Moving(ctx context.Context, lane int, merchant id.Merchant) error {
	_, err := p.DB.Exec(ctx, `INSERT INTO moved_clocks (merchant_id, lane, recheck_until) VALUES ($1, $2, $3)
		ON CONFLICT (merchant_id) DO UPDATE SET recheck_until = GREATEST(moved_clocks.recheck_until, excluded.recheck_until)`, merchant.UUID(), lane, p.Now())
	if err != nil {
		return fmt.Errorf("note the moving clock of %s: %w", merchant, err)
	}
	return nil
}

// Clocks is commands.Clocks on the same tables; its Moved is another than Ahead's.
func (p Postgres) Clocks() commands.Clocks { return clocks{p} }

type clocks struct{ Postgres }

// Moved forgets how long the merchant's payments in doubt were to wait: what the
// acquirer will say has changed with the clock.
func (c clocks) Moved(ctx context.Context, merchant id.Merchant) error {
	if _, err := c.DB.Exec(ctx, `DELETE FROM inquiries WHERE merchant_id = $1 AND NOT livemode`, merchant.UUID()); err != nil {
		return fmt.Errorf("hasten the inquiries of %s: %w", merchant, err)
	}
	if _, err := c.DB.Exec(ctx, `UPDATE moved_clocks SET recheck_until = $2 WHERE merchant_id = $1`, merchant.UUID(), c.Now().Add(RecheckFor)); err != nil {
		return fmt.Errorf("have the refunds of %s looked at: %w", merchant, err)
	}
	if c.Wake != nil {
		c.Wake()
	}
	return nil
}

const selectMoved = `
SELECT merchant_id, true FROM moved_clocks WHERE lane = $1 AND recheck_until > $2
UNION ALL
(SELECT merchant_id, false FROM moved_clocks WHERE lane = $1 AND recheck_until <= $2 AND merchant_id > $3
  ORDER BY merchant_id LIMIT $4)`

// aboutToMove is how long a row without a moved clock is kept: longer than any move
// takes from its announcement to its event, and than any process remembers a merchant.
const aboutToMove = time.Minute

// Forget implements Ahead.
func (p Postgres) Forget(ctx context.Context, merchant id.Merchant) error {
	_, err := p.DB.Exec(ctx, `DELETE FROM moved_clocks WHERE merchant_id = $1 AND recheck_until <= $2`, merchant.UUID(), p.Now().Add(-aboutToMove))
	if err != nil {
		return fmt.Errorf("forget the clock of %s: %w", merchant, err)
	}
	return nil
}

// Moved implements Ahead.
func (p Postgres) Moved(ctx context.Context, lane int, after id.Merchant, limit int) ([]Moved, error) {
	rows, err := p.DB.Query(ctx, selectMoved, lane, p.Now(), after.UUID(), limit)
	if err != nil {
		return nil, fmt.Errorf("read moved clocks of lane %d: %w", lane, err)
	}
	moved, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m Moved, err error) {
		var merchant uuid.UUID
		err = row.Scan(&merchant, &m.Recheck)
		m.Merchant = id.From[id.Merchant](merchant)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read moved clocks of lane %d: %w", lane, err)
	}
	return moved, nil
}

const selectDueOf = `
SELECT due_at, payment_id FROM payments
 WHERE due_at IS NOT NULL AND (lane, due_at) > ($1, $3) AND (lane, due_at) <= ($1, $4) AND merchant_id = $2 AND NOT livemode
 ORDER BY lane, due_at, payment_id LIMIT $5`

// DueOf implements Ahead.
func (p Postgres) DueOf(ctx context.Context, lane int, merchant id.Merchant, from, to time.Time, limit int) ([]payments.Due, error) {
	rows, err := p.DB.Query(ctx, selectDueOf, lane, merchant.UUID(), from, to, limit)
	if err != nil {
		return nil, fmt.Errorf("read due payments of %s: %w", merchant, err)
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d payments.Due, err error) {
		var u uuid.UUID
		err = row.Scan(&d.DueAt, &u)
		d.Payment, d.Merchant = id.From[id.Payment](u), merchant
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("read due payments of %s: %w", merchant, err)
	}
	return due, nil
}

// Refunded implements Ahead.
func (p Postgres) Refunded(ctx context.Context, merchant id.Merchant, limit int) ([]id.Payment, error) {
	page, err := p.Refunds.List(ctx, refunds.Filter{Merchant: merchant, Status: payment.RefundStatusSucceeded, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("list refunds of %s: %w", merchant, err)
	}
	seen := map[id.Payment]bool{}
	var found []id.Payment
	for _, r := range page.Items {
		if !seen[r.Payment] {
			seen[r.Payment] = true
			found = append(found, r.Payment)
		}
	}
	return found, nil
}

// Offset implements Ahead.
func (p Postgres) Offset(ctx context.Context, merchant id.Merchant) (time.Duration, error) {
	m, err := p.Merchants.Find(ctx, merchant)
	return m.ClockOffset, err
}

func uuids(ids []id.Payment) []uuid.UUID {
	all := make([]uuid.UUID, len(ids))
	for i := range ids {
		all[i] = ids[i].UUID()
	}
	return all
}
