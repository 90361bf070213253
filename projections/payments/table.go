package payments

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// Name is the projection's name in checkpoints and tables.
const Name = "payments"

// Projection is the read model for a Follower.
func Projection() projections.Projection { return New(Table) }

// New is Projection on other tables, as a simulation wants.
func New(table func(version int) projections.Table[Resource]) projections.Projection {
	return &projections.Rows[Resource]{
		ProjectionName: Name,
		Aggregate:      projections.AggregatePayment,
		Table:          table,
		Contents:       Tables,
		Fold: func(row *Resource, e *projections.Event) error {
			fact, fits := e.Fact.(payment.Event)
			if !fits {
				return fmt.Errorf("a payment's stream holds a %T", e.Fact)
			}
			if e.Version != row.Version+1 {
				return fmt.Errorf("version %d follows %d", e.Version, row.Version)
			}
			recorded := e.Recorded(fact)
			row.apply(&recorded)
			return nil
		},
	}
}

// Tables are the projection's tables in one version. Groups are numbered anew in
// each, so versions are compared by what the numbers stand for.
func Tables(version int) []projections.Content {
	rows, totals := fmt.Sprintf("payments_v%d", version), fmt.Sprintf("payments_totals_v%d", version)
	return []projections.Content{
		{Name: rows, Compare: `
SELECT p.payment_id, p.merchant_id, p.livemode, p.lane, p.version, t.status, t.currency, p.amount, p.idempotency, p.due_at, p.customer_id, p.state
  FROM ` + rows + ` p LEFT JOIN ` + totals + ` t ON t.group_id = p.group_id AND t.merchant_id = p.merchant_id AND t.livemode = p.livemode`},
		{Name: fmt.Sprintf("payments_labels_v%d", version)},
		{Name: totals, Compare: `SELECT merchant_id, livemode, status, currency, total FROM ` + totals + ` WHERE total <> 0`},
	}
}

// Table keeps rows in PostgreSQL.
func Table(version int) projections.Table[Resource] {
	return &table{
		load:        fmt.Sprintf(selectRows, version),
		copyRows:    fmt.Sprintf(copyRows, version),
		copyLabels:  fmt.Sprintf(copyLabels, version),
		upsert:      fmt.Sprintf(upsertRows, version),
		makeGroups:  fmt.Sprintf(makeGroups, version),
		readGroups:  fmt.Sprintf(readGroups, version),
		addToTotals: fmt.Sprintf(addToTotals, version),
		groups:      map[group]int64{},
	}
}

type table struct {
	load, copyRows, copyLabels, upsert  string
	makeGroups, readGroups, addToTotals string

	groups map[group]int64 // what payments are counted by, to the row that counts

	rows, labels projections.CopyRows // memory for the next batch
}

const (
	selectRows = `
SELECT p.state
  FROM unnest($1::uuid[], $2::boolean[], $3::uuid[]) AS k(merchant_id, livemode, payment_id)
 CROSS JOIN LATERAL (
       SELECT t.state FROM payments_v%d t
        WHERE (t.merchant_id, t.livemode, t.payment_id) >= (k.merchant_id, k.livemode, k.payment_id)
          AND (t.merchant_id, t.livemode, t.payment_id) <= (k.merchant_id, k.livemode, k.payment_id)
        ORDER BY t.merchant_id, t.livemode, t.payment_id LIMIT 1) p`

	copyRows = `
COPY payments_v%d (group_id, amount, idempotency, due_at, version, lane, livemode, merchant_id, payment_id, customer_id, state)
FROM STDIN (FORMAT binary)`

	copyLabels = `COPY payments_labels_v%d (label, livemode, merchant_id, payment_id) FROM STDIN (FORMAT binary)`

	upsertRows = `
INSERT INTO payments_v%d AS p (group_id, amount, due_at, version, lane, livemode, merchant_id, payment_id, customer_id, idempotency, state)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::timestamptz[], $4::integer[], $5::smallint[], $6::boolean[], $7::uuid[],
                     $8::uuid[], $9::uuid[], $10::bigint[], $11::bytea[])
    ON CONFLICT (merchant_id, livemode, payment_id) DO UPDATE
   SET group_id = excluded.group_id, due_at = excluded.due_at, version = excluded.version, state = excluded.state`
)

// copiedFrom is from how many new rows on a COPY is cheaper than one more statement
// in the pipeline: it costs round trips of its own.
const copiedFrom = 16

// Load implements projections.Table.
func (t *table) Load(trip *projections.Trip, keys []projections.RowKey, found func(uuid.UUID, *Resource)) {
	merchants, livemodes, ids := make([][16]byte, len(keys)), make([]bool, len(keys)), make([][16]byte, len(keys))
	for i, key := range keys {
		merchants[i], livemodes[i], ids[i] = key.Merchant, key.Livemode, key.Stream
	}
	trip.Query(t.load, func(rows pgx.Rows) error {
		all, err := collect(rows)
		for i := range all {
			found(all[i].ID.UUID(), &all[i])
		}
		return err
	}, merchants, livemodes, ids)
}

// Save implements projections.Table.
func (t *table) Save(trip *projections.Trip, changes []*projections.Change[Resource]) {
	t.rows.Reset()
	t.labels.Reset()
	fresh := 0
	for _, change := range changes {
		if change.Old == nil {
			fresh++
			t.label(change.New)
		}
	}
	var changed upsert
	for _, change := range changes {
		if change.Old == nil && fresh >= copiedFrom {
			t.copy(change)
			continue
		}
		changed.add(change, t.groups[groupOf(change.New)])
	}
	if t.rows.Len() > 0 {
		trip.Copy(t.copyRows, &t.rows)
	}
	if t.labels.Len() > 0 {
		trip.Copy(t.copyLabels, &t.labels)
	}
	if len(changed.ids) > 0 {
		trip.Query(t.upsert, nil, changed.arguments()...)
	}
	t.count(trip, changes)
}

func (t *table) copy(change *projections.Change[Resource]) {
	r, c := change.New, &t.rows
	c.Row(11)
	c.Int8(t.groups[groupOf(r)])
	c.Int8(r.Amount)
	if r.IdempotencyKey == "" {
		c.Null()
	} else {
		c.Int8(digest(r.Merchant.UUID(), r.Livemode, r.IdempotencyKey))
	}
	c.TimeOrNull(dueAt(&r.state))
	c.Int4(int32(r.Version))
	c.Int2(int16(change.Lane))
	c.Bool(r.Livemode)
	c.UUID(r.Merchant.UUID())
	c.UUID(change.Stream)
	c.UUIDOrNull(r.Customer.UUID())
	c.Append(r.encode)
}

// label writes a new payment's metadata; it never changes afterwards.
func (t *table) label(r *Resource) {
	for i := range r.Metadata {
		t.labels.Row(4)
		t.labels.Int8(digest(r.Merchant.UUID(), r.Livemode, r.Metadata[i].Key, r.Metadata[i].Value))
		t.labels.Bool(r.Livemode)
		t.labels.UUID(r.Merchant.UUID())
		t.labels.UUID(r.ID.UUID())
	}
}
