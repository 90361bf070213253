package refunds

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/projections"
)

const (
	limitDefault = 25
	// LimitMax is the longest page.
	LimitMax = 100
	// examinedMax is how many rows one page may look at where created_at does not
	// follow the id (a moved test clock).
	examinedMax = 1000
)

const columns = `refund_id, payment_id, merchant_id, livemode, amount, currency, reason, status, failure_code, label_keys, label_values, created_at`

// One statement per index and direction; ordering by all columns of the index
// leaves the planner no other one to take.
const (
	selectOne = `
SELECT ` + columns + ` FROM refunds
 WHERE (merchant_id, livemode, refund_id) >= ($1, $2, $3) AND (merchant_id, livemode, refund_id) <= ($1, $2, $3)
 ORDER BY merchant_id, livemode, refund_id LIMIT 1`

	selectByCreation = `
SELECT ` + columns + ` FROM refunds
 WHERE merchant_id = $1 AND livemode = $2 AND refund_id BETWEEN $3 AND $4
 ORDER BY refund_id LIMIT $5`
	selectByCreationDown = `
SELECT ` + columns + ` FROM refunds
 WHERE merchant_id = $1 AND livemode = $2 AND refund_id BETWEEN $3 AND $4
 ORDER BY refund_id DESC LIMIT $5`

	selectByStatus = `
SELECT ` + columns + ` FROM refunds
 WHERE (merchant_id, livemode, status, refund_id) >= ($1, $2, $6, $3) AND (merchant_id, livemode, status, refund_id) <= ($1, $2, $6, $4)
 ORDER BY merchant_id, livemode, status, refund_id LIMIT $5`
	selectByStatusDown = `
SELECT ` + columns + ` FROM refunds
 WHERE (merchant_id, livemode, status, refund_id) >= ($1, $2, $6, $3) AND (merchant_id, livemode, status, refund_id) <= ($1, $2, $6, $4)
 ORDER BY merchant_id DESC, livemode DESC, status DESC, refund_id DESC LIMIT $5`

	selectTotals = `SELECT status, total FROM refunds_totals WHERE merchant_id = $1 AND livemode = $2`
)

// List returns a page of refunds: of one payment as of now, over all payments as
// far as the read model has come.
func (q Query) List(ctx context.Context, f Filter) (Page, error) {
	if f.Limit <= 0 {
		f.Limit = limitDefault
	}
	f.Limit = min(f.Limit, LimitMax)
	if !f.Payment.IsZero() {
		return q.listOfPayment(ctx, f)
	}
	span, total, full, err := q.span(ctx, f)
	if err != nil {
		return Page{}, fmt.Errorf("list refunds of %s: %w", f.Merchant, err)
	}
	var stop id.Refund
	if len(span) == full {
		stop = span[full-1].ID
	}
	page := f.page(span, stop)
	page.TotalCount = total
	return page, nil
}

// descending tells the direction on the index: that of the list, turned round when
// the page is in front of a key.
func (f *Filter) descending() bool { return f.OldestFirst == f.backward() }

func (f *Filter) backward() bool { return !f.Before.IsZero() }

func (f *Filter) key() id.Refund {
	if f.backward() {
		return f.Before
	}
	return f.After
}

func (q Query) span(ctx context.Context, f Filter) (span []Resource, total *int64, full int, err error) {
	from, to := projections.IDRange(f.CreatedFrom, f.CreatedTo)
	full = f.Limit + 1
	if !f.Livemode && (!f.CreatedFrom.IsZero() || !f.CreatedTo.IsZero()) {
		from, full = uuid.Nil, examinedMax // a moved clock shows later times than the id holds
	}
	if key := f.key(); !key.IsZero() {
		from, to = projections.BeyondID(from, to, key.UUID(), f.descending())
	}
	up, down := selectByCreation, selectByCreationDown
	arguments := []any{f.Merchant.UUID(), f.Livemode, from, to, full}
	if f.Status != "" {
		up, down = selectByStatus, selectByStatusDown
		arguments = append(arguments, string(f.Status))
	}
	if f.descending() {
		up = down
	}
	var b pgx.Batch
	if f.CreatedFrom.IsZero() && f.CreatedTo.IsZero() {
		total = new(int64)
		b.Queue(selectTotals, f.Merchant.UUID(), f.Livemode).Query(f.sum(total))
	}
	b.Queue(up, arguments...).Query(func(rows pgx.Rows) (err error) {
		span, err = collect(rows)
		return err
	})
	return span, total, full, q.DB.SendBatch(ctx, &b).Close()
}

func (f *Filter) sum(total *int64) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var status string
		var n int64
		_, err := pgx.ForEachRow(rows, []any{&status, &n}, func() error {
			if f.Status == "" || string(f.Status) == status {
				*total += n
			}
			return nil
		})
		return err
	}
}

func (q Query) listOfPayment(ctx context.Context, f Filter) (Page, error) {
	of, err := q.ofPayment(ctx, f.Merchant, f.Livemode, f.Payment, time.Time{})
	if err != nil {
		return Page{}, err
	}
	span := slices.Clone(of.Refunds)
	if f.descending() {
		slices.Reverse(span)
	}
	if key := f.key(); !key.IsZero() {
		if i := slices.IndexFunc(span, func(r Resource) bool { return r.ID == key }); i >= 0 {
			span = span[i+1:]
		}
	}
	page := f.page(span, id.Refund{})
	if f.Status == "" && f.CreatedFrom.IsZero() && f.CreatedTo.IsZero() {
		total := int64(len(of.Refunds))
		page.TotalCount = &total
	}
	return page, nil
}

func (f *Filter) matches(r *Resource) bool {
	return (f.Status == "" || r.Status == f.Status) &&
		(f.CreatedFrom.IsZero() || !r.CreatedAt.Before(f.CreatedFrom)) &&
		(f.CreatedTo.IsZero() || !r.CreatedAt.After(f.CreatedTo))
}

// page cuts a stretch, in the walk's direction, to the page asked for. stop is set
// when the stretch may go on behind it.
func (f *Filter) page(span []Resource, stop id.Refund) Page {
	matching := slices.DeleteFunc(span, func(r Resource) bool { return !f.matches(&r) })
	more, end := !stop.IsZero(), stop
	if len(matching) > f.Limit {
		matching, more = matching[:f.Limit], true
		end = matching[f.Limit-1].ID
	}
	p := Page{Items: matching, HasMore: more}
	if f.backward() {
		slices.Reverse(p.Items)
		if more {
			p.Previous = end
		}
		if len(p.Items) > 0 {
			p.Next = p.Items[len(p.Items)-1].ID
		}
		return p
	}
	if more {
		p.Next = end
	}
	if !f.After.IsZero() && len(p.Items) > 0 {
		p.Previous = p.Items[0].ID
	}
	return p
}

func laterThan(asOf time.Time) func(eventstore.Event) bool {
	return func(e eventstore.Event) bool { return e.RecordedAt.After(asOf) }
}

func collect(rows pgx.Rows) ([]Resource, error) {
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r Resource, err error) {
		var refund, of, merchant uuid.UUID
		var currency, status string
		var keys, values []string
		err = row.Scan(&refund, &of, &merchant, &r.Livemode, &r.Amount, &currency, &r.Reason, &status, &r.FailureCode, &keys, &values, &r.CreatedAt)
		r.ID, r.Payment, r.Merchant = id.From[id.Refund](refund), id.From[id.Payment](of), id.From[id.Merchant](merchant)
		r.Currency, r.Status, r.CreatedAt = money.Currency(currency), payment.RefundStatus(status), r.CreatedAt.UTC()
		for i := range keys {
			r.Metadata = append(r.Metadata, projections.Label{Key: keys[i], Value: values[i]})
		}
		return r, err
	})
}
