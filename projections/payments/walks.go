package payments

import (
	"context"
	"math"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// One statement per index and direction. Comparing and ordering by all columns of
// the index leaves the planner no other index to take and nothing to sort.

const (
	selectTotals = `
SELECT status, currency, total FROM payments_totals WHERE merchant_id = $1 AND livemode = $2`

	selectByCreation = `
SELECT state FROM payments
 WHERE merchant_id = $1 AND livemode = $2 AND payment_id BETWEEN $3 AND $4
 ORDER BY payment_id LIMIT $5`
	selectByCreationDown = `
SELECT state FROM payments
 WHERE merchant_id = $1 AND livemode = $2 AND payment_id BETWEEN $3 AND $4
 ORDER BY payment_id DESC LIMIT $5`

	selectByCustomer = `
SELECT state FROM payments
 WHERE customer_id IS NOT NULL
   AND (merchant_id, livemode, customer_id, payment_id) >= ($1, $2, $3, $4)
   AND (merchant_id, livemode, customer_id, payment_id) <= ($1, $2, $3, $5)
 ORDER BY merchant_id, livemode, customer_id, payment_id LIMIT $6`
	selectByCustomerDown = `
SELECT state FROM payments
 WHERE customer_id IS NOT NULL
   AND (merchant_id, livemode, customer_id, payment_id) >= ($1, $2, $3, $4)
   AND (merchant_id, livemode, customer_id, payment_id) <= ($1, $2, $3, $5)
 ORDER BY merchant_id DESC, livemode DESC, customer_id DESC, payment_id DESC LIMIT $6`

	selectByLabel = `
SELECT payment_id FROM payments_labels
 WHERE merchant_id = $1 AND livemode = $2 AND label = $3 AND payment_id BETWEEN $4 AND $5
 ORDER BY payment_id LIMIT $6`
	selectByLabelDown = `
SELECT payment_id FROM payments_labels
 WHERE merchant_id = $1 AND livemode = $2 AND label = $3 AND payment_id BETWEEN $4 AND $5
 ORDER BY payment_id DESC LIMIT $6`
	selectByIDs = `
SELECT p.state
  FROM unnest($3::uuid[]) AS k(payment_id)
 CROSS JOIN LATERAL (
       SELECT state FROM payments
        WHERE (merchant_id, livemode, payment_id) >= ($1, $2, k.payment_id) AND (merchant_id, livemode, payment_id) <= ($1, $2, k.payment_id)
        ORDER BY merchant_id, livemode, payment_id LIMIT 1) p`

	selectByIdempotencyKey = `
SELECT state FROM payments WHERE idempotency = $1 LIMIT $2`
)

// The lists by status, currency and amount walk one stretch of an index for each
// pair of status and currency the merchant has payments in (the totals know them),
// all in one statement and so in one snapshot: a payment that changes its status
// meanwhile is seen once.
const (
	selectByStatus = `
SELECT t.status, t.currency, p.state
  FROM payments_totals t
 CROSS JOIN LATERAL (
       SELECT state FROM payments p
        WHERE (p.group_id, p.payment_id) >= (t.group_id, $5) AND (p.group_id, p.payment_id) <= (t.group_id, $6)
        ORDER BY p.group_id, p.payment_id LIMIT $7) p
 WHERE t.merchant_id = $1 AND t.livemode = $2 AND t.total > 0
   AND ($3::smallint = 0 OR t.status = $3) AND ($4 = '' OR t.currency = $4)`
	selectByStatusDown = `
SELECT t.status, t.currency, p.state
  FROM payments_totals t
 CROSS JOIN LATERAL (
       SELECT state FROM payments p
        WHERE (p.group_id, p.payment_id) >= (t.group_id, $5) AND (p.group_id, p.payment_id) <= (t.group_id, $6)
        ORDER BY p.group_id DESC, p.payment_id DESC LIMIT $7) p
 WHERE t.merchant_id = $1 AND t.livemode = $2 AND t.total > 0
   AND ($3::smallint = 0 OR t.status = $3) AND ($4 = '' OR t.currency = $4)`

	selectByAmount = `
SELECT t.status, t.currency, p.state
  FROM payments_totals t
 CROSS JOIN LATERAL (
       SELECT state FROM payments p
        WHERE (p.group_id, p.amount, p.payment_id) > (t.group_id, $5, $6) AND (p.group_id, p.amount, p.payment_id) < (t.group_id, $7, $8)
        ORDER BY p.group_id, p.amount, p.payment_id LIMIT $9) p
 WHERE t.merchant_id = $1 AND t.livemode = $2 AND t.total > 0
   AND ($3::smallint = 0 OR t.status = $3) AND ($4 = '' OR t.currency = $4)`
	selectByAmountDown = `
SELECT t.status, t.currency, p.state
  FROM payments_totals t
 CROSS JOIN LATERAL (
       SELECT state FROM payments p
        WHERE (p.group_id, p.amount, p.payment_id) > (t.group_id, $5, $6) AND (p.group_id, p.amount, p.payment_id) < (t.group_id, $7, $8)
        ORDER BY p.group_id DESC, p.amount DESC, p.payment_id DESC LIMIT $9) p
 WHERE t.merchant_id = $1 AND t.livemode = $2 AND t.total > 0
   AND ($3::smallint = 0 OR t.status = $3) AND ($4 = '' OR t.currency = $4)`
)

func (w *walk) direction(up, down string) string {
	if w.descending {
		return down
	}
	return up
}

// byCreation also counts: totals and page travel together.
func (w *walk) byCreation(ctx context.Context) error {
	full := w.rowsPerSpan(w.rangeFiltered() && !w.Livemode)
	page := w.direction(selectByCreation, selectByCreationDown)
	var b pgx.Batch
	if w.counted() {
		w.queueTotals(&b)
	}
	var span []Resource
	b.Queue(page, w.Merchant.UUID(), w.Livemode, w.from, w.to, full).Query(func(rows pgx.Rows) (err error) {
		span, err = collect(rows)
		return err
	})
	if err := w.DB.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	w.merge([][]Resource{span}, full)
	return nil
}

func (w *walk) queueTotals(b *pgx.Batch) {
	b.Queue(selectTotals, w.Merchant.UUID(), w.Livemode).Query(func(rows pgx.Rows) error {
		var sum int64
		var code int16
		var currency string
		var total int64
		_, err := pgx.ForEachRow(rows, []any{&code, &currency, &total}, func() error {
			if (w.Status == "" || statusOf(code) == w.Status) && (w.Currency == "" || currency == string(w.Currency)) {
				sum += total
			}
			return nil
		})
		w.total = &sum
		return err
	})
}

func (w *walk) byStatus(ctx context.Context) error {
	full := w.rowsPerSpan(w.rangeFiltered() && !w.Livemode)
	return w.perPair(ctx, full, w.direction(selectByStatus, selectByStatusDown),
		w.Merchant.UUID(), w.Livemode, statusCode(w.Status), string(w.Currency), w.from, w.to, full)
}

func (w *walk) byAmount(ctx context.Context) error {
	residual := w.rangeFiltered() || !w.Customer.IsZero() || len(w.Metadata) > 0
	full := w.rowsPerSpan(residual)
	low, high := Key{Amount: -1}, Key{Amount: math.MaxInt64}
	lowID, highID := low.ID.UUID(), uuid.Max
	switch {
	case w.key.IsZero():
	case w.descending:
		high, highID = w.key, w.key.ID.UUID()
	default:
		low, lowID = w.key, w.key.ID.UUID()
	}
	return w.perPair(ctx, full, w.direction(selectByAmount, selectByAmountDown),
		w.Merchant.UUID(), w.Livemode, statusCode(w.Status), string(w.Currency), low.Amount, lowID, high.Amount, highID, full)
}

// perPair runs a statement that walks one stretch per pair of status and currency.
func (w *walk) perPair(ctx context.Context, full int, statement string, arguments ...any) error {
	type pair struct {
		status   int16
		currency string
	}
	spans := map[pair][]Resource{}
	var b pgx.Batch
	if w.counted() {
		w.queueTotals(&b)
	}
	b.Queue(statement, arguments...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var at pair
			var state []byte
			if err := rows.Scan(&at.status, &at.currency, &state); err != nil {
				return err
			}
			r, err := decode(state)
			if err != nil {
				return err
			}
			spans[at] = append(spans[at], r)
		}
		return rows.Err()
	})
	if err := w.DB.SendBatch(ctx, &b).Close(); err != nil {
		return err
	}
	all := make([][]Resource, 0, len(spans))
	for _, span := range spans {
		all = append(all, span)
	}
	w.merge(all, full)
	return nil
}

func (w *walk) byCustomer(ctx context.Context) error {
	full := w.rowsPerSpan(w.Status != "" || w.Currency != "" || w.rangeFiltered() && !w.Livemode)
	span, err := w.customerSpan(ctx, full)
	if err != nil {
		return err
	}
	w.merge([][]Resource{span}, full)
	return nil
}

func (w *walk) customerSpan(ctx context.Context, full int) ([]Resource, error) {
	rows, err := w.DB.Query(ctx, w.direction(selectByCustomer, selectByCustomerDown),
		w.Merchant.UUID(), w.Livemode, w.Customer.UUID(), w.from, w.to, full)
	if err != nil {
		return nil, err
	}
	return collect(rows)
}

// byLabel finds ids by the first metadata entry and then their rows.
func (w *walk) byLabel(ctx context.Context) error {
	residual := len(w.Metadata) > 1 || w.Status != "" || w.Currency != "" || !w.Customer.IsZero() || w.rangeFiltered() && !w.Livemode
	full := w.rowsPerSpan(residual)
	span, err := w.labelSpan(ctx, full)
	if err != nil {
		return err
	}
	w.merge([][]Resource{span}, full)
	return nil
}

func (w *walk) labelSpan(ctx context.Context, full int) ([]Resource, error) {
	label := digest(w.Merchant.UUID(), w.Livemode, w.Metadata[0].Key, w.Metadata[0].Value)
	rows, err := w.DB.Query(ctx, w.direction(selectByLabel, selectByLabelDown),
		w.Merchant.UUID(), w.Livemode, label, w.from, w.to, full)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	rows, err = w.DB.Query(ctx, selectByIDs, w.Merchant.UUID(), w.Livemode, ids)
	if err != nil {
		return nil, err
	}
	span, err := collect(rows)
	slices.SortFunc(span, func(a, b Resource) int { return w.compare(Key{ID: a.ID}, Key{ID: b.ID}) })
	return span, err
}

// byAmountAmongFew sorts a customer's (or metadata entry's) payments by amount in
// memory. Whoever has more of them than that is walked by amount, some rows a page.
func (w *walk) byAmountAmongFew(ctx context.Context) error {
	read := w.customerSpan
	if len(w.Metadata) > 0 {
		read = w.labelSpan
	}
	span, err := read(ctx, gatheredMax+1)
	if err != nil {
		return err
	}
	if len(span) > gatheredMax {
		return w.byAmount(ctx)
	}
	if !w.key.IsZero() {
		span = slices.DeleteFunc(span, func(r Resource) bool { return w.compare(keyOf(&r), w.key) <= 0 })
	}
	w.merge([][]Resource{span}, len(span)+1)
	return nil
}

// byIdempotencyKey reads the one payment of the request, or the few that repeated a
// key after it had been forgotten.
func (w *walk) byIdempotencyKey(ctx context.Context) error {
	rows, err := w.DB.Query(ctx, selectByIdempotencyKey, digest(w.Merchant.UUID(), w.Livemode, w.IdempotencyKey), examinedMax)
	if err != nil {
		return err
	}
	span, err := collect(rows)
	if err != nil {
		return err
	}
	if !w.key.IsZero() {
		span = slices.DeleteFunc(span, func(r Resource) bool { return w.compare(keyOf(&r), w.key) <= 0 })
	}
	w.merge([][]Resource{span}, len(span)+1)
	return nil
}

// collect decodes a result of one column, state.
func collect(rows pgx.Rows) ([]Resource, error) {
	defer rows.Close()
	var all []Resource
	for rows.Next() {
		r, err := decode(rows.RawValues()[0])
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
