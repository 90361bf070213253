package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
)

// Due is a payment that somebody must look after: an intent of it is past its
// deadline without an outcome, or its authorization ran out.
type Due struct {
	DueAt    time.Time
	Payment  id.Payment
	Merchant id.Merchant
	Livemode bool
}

const selectDue = `
SELECT due_at, payment_id, merchant_id, livemode FROM payments
 WHERE due_at IS NOT NULL AND (lane, due_at, payment_id) > ($1, $2, $3) AND (lane, due_at) <= ($1, $4)
 ORDER BY lane, due_at, payment_id LIMIT $5`

// Due lists payments of a lane that are due by now, longest due first. now is wall
// time; a reaction that moved a test clock passes that clock's time and keeps the
// merchant's rows.
func (q Query) Due(ctx context.Context, lane int, now time.Time, limit int) ([]Due, error) {
	return q.DueAfter(ctx, lane, now, Due{}, limit)
}

// DueAfter goes on behind after, so that rows which have to wait (a back-off of the
// caller's) do not hide the ones behind them.
func (q Query) DueAfter(ctx context.Context, lane int, now time.Time, after Due, limit int) ([]Due, error) {
	rows, err := q.DB.Query(ctx, selectDue, lane, after.DueAt, after.Payment.UUID(), now, limit)
	if err != nil {
		return nil, fmt.Errorf("read due payments of lane %d: %w", lane, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Due, err error) {
		var payment, merchant uuid.UUID
		err = row.Scan(&d.DueAt, &payment, &merchant, &d.Livemode)
		d.Payment, d.Merchant, d.DueAt = id.From[id.Payment](payment), id.From[id.Merchant](merchant), d.DueAt.UTC()
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("read due payments of lane %d: %w", lane, err)
	}
	return all, nil
}

// dueAt is when somebody must look after the payment: the earliest deadline of an
// intent without an outcome, else the end of an authorization that can still be
// captured; the zero time when nothing is left to wait for.
func dueAt(s *payment.State) time.Time {
	var due time.Time
	earlier := func(t time.Time) {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	if s.Open != nil {
		earlier(s.Open.Deadline)
	}
	for i := range s.Refunds {
		if s.Refunds[i].Status == payment.RefundStatusPending {
			earlier(s.Refunds[i].Deadline)
		}
	}
	if due.IsZero() && s.Status == payment.StatusAuthorized {
		due = s.ExpiresAt
	}
	return due
}
