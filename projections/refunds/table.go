package refunds

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// Name is the projection's name in checkpoints and tables.
const Name = "refunds"

// Projection is the read model for a Follower. Its row is a payment with all of its
// refunds; payments without one are not kept, and are folded from their stream when
// the first refund comes.
func Projection() projections.Projection { return New(Table) }

// New is Projection on other tables, as a simulation wants.
func New(table func(version int) projections.Table[Payment]) projections.Projection {
	return &projections.Rows[Payment]{
		ProjectionName: Name,
		Aggregate:      projections.AggregatePayment,
		Table:          table,
		Contents:       Tables,
		Keep:           func(row *Payment) bool { return len(row.Refunds) > 0 },
		Fold: func(row *Payment, e *projections.Event) error {
			fact, fits := e.Fact.(payment.Event)
			if !fits {
				return fmt.Errorf("a payment's stream holds a %T", e.Fact)
			}
			*row = Fold(*row, e.Recorded(fact))
			return nil
		},
	}
}

// Tables are the projection's tables in one version.
func Tables(version int) []projections.Content {
	totals := fmt.Sprintf("refunds_totals_v%d", version)
	return []projections.Content{
		{Name: fmt.Sprintf("refunds_v%d", version)},
		{Name: totals, Compare: `SELECT merchant_id, livemode, status, total FROM ` + totals + ` WHERE total <> 0`},
	}
}

// Table keeps rows in PostgreSQL.
func Table(version int) projections.Table[Payment] {
	return table{
		load:        fmt.Sprintf(selectOfPayments, version),
		upsert:      fmt.Sprintf(upsertRefund, version),
		addToTotals: fmt.Sprintf(addToTotals, version),
	}
}

type table struct{ load, upsert, addToTotals string }

const (
	selectOfPayments = `SELECT ` + columns + ` FROM refunds_v%d WHERE payment_id = ANY($1)`

	upsertRefund = `
INSERT INTO refunds_v%d (` + columns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (merchant_id, livemode, refund_id) DO UPDATE SET status = excluded.status, failure_code = excluded.failure_code`

	addToTotals = `
INSERT INTO refunds_totals_v%d AS t (merchant_id, livemode, status, total) VALUES ($1, $2, $3, $4)
    ON CONFLICT (merchant_id, livemode, status) DO UPDATE SET total = t.total + excluded.total`
)

// Load implements projections.Table.
func (t table) Load(trip *projections.Trip, keys []projections.RowKey, found func(uuid.UUID, *Payment)) {
	ids := make([][16]byte, len(keys))
	for i, key := range keys {
		ids[i] = key.Stream
	}
	trip.Query(t.load, func(rows pgx.Rows) error {
		all, err := collect(rows)
		of := map[uuid.UUID]*Payment{}
		for i := range all {
			r := &all[i]
			p := of[r.Payment.UUID()]
			if p == nil {
				p = &Payment{Payment: r.Payment, Merchant: r.Merchant, Livemode: r.Livemode, Currency: r.Currency}
				of[r.Payment.UUID()] = p
			}
			p.Refunds = append(p.Refunds, *r)
		}
		for stream, p := range of {
			slices.SortFunc(p.Refunds, func(a, b Resource) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
			found(stream, p)
		}
		return err
	}, ids)
}

// Save implements projections.Table. One statement per refund that changed: refunds
// are few beside authorizations.
func (t table) Save(trip *projections.Trip, changes []*projections.Change[Payment]) {
	differences := map[group]int64{}
	for _, change := range changes {
		for i := range change.New.Refunds {
			r := &change.New.Refunds[i]
			before, known := Resource{}, false
			if change.Old != nil {
				before, known = change.Old.Refund(r.ID)
			}
			if known && before.Status == r.Status {
				continue
			}
			if known {
				differences[groupOf(&before)]--
			}
			differences[groupOf(r)]++
			t.queue(trip, r)
		}
	}
	for _, g := range sorted(differences) {
		trip.Query(t.addToTotals, nil, g.merchant.UUID(), g.livemode, string(g.status), differences[g])
	}
}

func (t table) queue(trip *projections.Trip, r *Resource) {
	keys, values := make([]string, len(r.Metadata)), make([]string, len(r.Metadata))
	for i, label := range r.Metadata {
		keys[i], values[i] = label.Key, label.Value
	}
	trip.Query(t.upsert, nil, r.ID.UUID(), r.Payment.UUID(), r.Merchant.UUID(), r.Livemode, r.Amount, string(r.Currency), r.Reason,
		string(r.Status), r.FailureCode, keys, values, r.CreatedAt)
}

// group is what refunds are counted by.
type group struct {
	merchant id.Merchant
	livemode bool
	status   payment.RefundStatus
}

func groupOf(r *Resource) group {
	return group{merchant: r.Merchant, livemode: r.Livemode, status: r.Status}
}

func sorted(differences map[group]int64) []group {
	groups := make([]group, 0, len(differences))
	for g, difference := range differences {
		if difference != 0 {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.merchant.String(), b.merchant.String()), cmp.Compare(a.status, b.status))
	})
	return groups
}
