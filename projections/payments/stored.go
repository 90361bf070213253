package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/projections"
)

// Stored is a payment's row as one text: two rows have equal texts exactly when all of
// their columns are equal. A checker holds rows against the log by them.
type Stored struct {
	Payment uuid.UUID
	Version int
	Text    []byte
}

const selectStored = `
SELECT p.amount, p.due_at, p.version, coalesce(t.status, 0), p.lane, p.livemode, p.merchant_id, p.payment_id, p.customer_id, p.idempotency,
       coalesce(t.currency, ''), p.state
  FROM unnest($1::uuid[], $2::boolean[], $3::uuid[]) AS k(merchant_id, livemode, payment_id)
 CROSS JOIN LATERAL (
       SELECT * FROM payments o
        WHERE (o.merchant_id, o.livemode, o.payment_id) >= (k.merchant_id, k.livemode, k.payment_id)
          AND (o.merchant_id, o.livemode, o.payment_id) <= (k.merchant_id, k.livemode, k.payment_id)
        ORDER BY o.merchant_id, o.livemode, o.payment_id LIMIT 1) p
  LEFT JOIN payments_totals t ON t.group_id = p.group_id AND t.merchant_id = p.merchant_id AND t.livemode = p.livemode`

// ReadStored reads the rows of those of the keys that have one, from the tables in use.
func ReadStored(ctx context.Context, db projections.Database, keys []projections.RowKey) ([]Stored, error) {
	merchants, livemodes, ids := make([][16]byte, len(keys)), make([]bool, len(keys)), make([][16]byte, len(keys))
	for i, key := range keys {
		merchants[i], livemodes[i], ids[i] = key.Merchant, key.Livemode, key.Stream
	}
	rows, err := db.Query(ctx, selectStored, merchants, livemodes, ids)
	if err != nil {
		return nil, fmt.Errorf("read rows of payments: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Stored, error) {
		var s storedColumns
		err := row.Scan(&s.amount, &s.due, &s.version, &s.status, &s.lane, &s.livemode, &s.merchant, &s.payment, &s.customer, &s.key, &s.currency, &s.state)
		return s.stored(), err
	})
}

// StoredOf is the row that r has by right. It is made by the code that writes rows.
func StoredOf(r Resource, lane int) Stored {
	var u upsert
	u.add(&projections.Change[Resource]{Stream: r.ID.UUID(), Lane: lane, New: &r}, 0)
	s := storedColumns{
		amount: u.amounts[0], due: u.due[0], version: u.versions[0], status: statusCode(r.Status), lane: u.lanes[0], livemode: u.livemodes[0],
		merchant: u.merchants[0], payment: u.ids[0], customer: u.customers[0], key: u.idempotency[0], currency: string(r.Currency), state: u.states[0],
	}
	return s.stored()
}

type storedColumns struct {
	amount            int64
	due               *time.Time
	version           int32
	status, lane      int16
	livemode          bool
	merchant, payment [16]byte
	customer          *[16]byte
	key               *int64
	currency          string
	state             []byte
}

func (s *storedColumns) stored() Stored {
	text := fmt.Appendf(nil, "%d %d %d %d %t %x %x %s %x", s.amount, s.version, s.status, s.lane, s.livemode, s.merchant, s.payment, s.currency, s.state)
	if s.due != nil {
		text = fmt.Appendf(text, " due %d", s.due.UnixMicro())
	}
	if s.customer != nil {
		text = fmt.Appendf(text, " customer %x", *s.customer)
	}
	if s.key != nil {
		text = fmt.Appendf(text, " key %d", *s.key)
	}
	return Stored{Payment: s.payment, Version: int(s.version), Text: text}
}
