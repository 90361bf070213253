package payments

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/projections"
)

// group is what payments are counted by.
type group struct {
	merchant uuid.UUID
	livemode bool
	status   int16
	currency string
}

func groupOf(r *Resource) group {
	return group{merchant: r.Merchant.UUID(), livemode: r.Livemode, status: statusCode(r.Status), currency: string(r.Currency)}
}

const (
	makeGroups = `
INSERT INTO payments_totals_v%[1]d (total, status, livemode, merchant_id, currency)
SELECT 0, g.status, g.livemode, g.merchant_id, g.currency
  FROM unnest($1::smallint[], $2::boolean[], $3::uuid[], $4::text[]) AS g(status, livemode, merchant_id, currency)
 WHERE NOT EXISTS (SELECT FROM payments_totals_v%[1]d t
                    WHERE t.merchant_id = g.merchant_id AND t.livemode = g.livemode AND t.status = g.status AND t.currency = g.currency)
    ON CONFLICT DO NOTHING`
	readGroups = `
SELECT t.group_id, t.status, t.livemode, t.merchant_id, t.currency
  FROM unnest($1::smallint[], $2::boolean[], $3::uuid[], $4::text[]) AS g(status, livemode, merchant_id, currency)
  JOIN payments_totals_v%d t
    ON t.merchant_id = g.merchant_id AND t.livemode = g.livemode AND t.status = g.status AND t.currency = g.currency`

	addToTotals = `
UPDATE payments_totals_v%d t SET total = t.total + d.difference
  FROM unnest($1::bigint[], $2::bigint[]) AS d(group_id, difference)
 WHERE t.group_id = d.group_id`
)

// groupsMax bounds the memory of groups; beyond it they are asked for again.
const groupsMax = 200_000

// Prepare implements projections.Preparing: rows name the group that counts them, so
// it must exist first. A group without payments harms nobody, so it is made outside
// the batch's transaction.
func (t *table) Prepare(trip *projections.Trip, changes []*projections.Change[Resource]) {
	if len(t.groups) > groupsMax {
		clear(t.groups)
	}
	unknown := map[group]bool{}
	for _, change := range changes {
		for _, r := range [...]*Resource{change.Old, change.New} {
			if r == nil {
				continue
			}
			if g := groupOf(r); t.groups[g] == 0 {
				unknown[g] = true
			}
		}
	}
	if len(unknown) == 0 {
		return
	}
	var statuses []int16
	var livemodes []bool
	var merchants [][16]byte
	var currencies []string
	for g := range unknown {
		statuses, livemodes = append(statuses, g.status), append(livemodes, g.livemode)
		merchants, currencies = append(merchants, g.merchant), append(currencies, g.currency)
	}
	trip.Query(t.makeGroups, nil, statuses, livemodes, merchants, currencies)
	trip.Query(t.readGroups, func(rows pgx.Rows) error {
		var row int64
		var g group
		_, err := pgx.ForEachRow(rows, []any{&row, &g.status, &g.livemode, &g.merchant, &g.currency}, func() error {
			t.groups[g] = row
			return nil
		})
		return err
	}, statuses, livemodes, merchants, currencies)
}

// count keeps the totals equal to the rows: it looks at what a row was and is, not
// at events, so a stream that is parked is counted as its row stands.
func (t *table) count(trip *projections.Trip, changes []*projections.Change[Resource]) {
	differences := make(map[int64]int64, 16)
	for _, change := range changes {
		if change.Old != nil {
			differences[t.groups[groupOf(change.Old)]]--
		}
		differences[t.groups[groupOf(change.New)]]++
	}
	rows := make([]int64, 0, len(differences))
	for row, difference := range differences {
		if difference != 0 {
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		return
	}
	slices.SortFunc(rows, cmp.Compare[int64])
	by := make([]int64, len(rows))
	for i, row := range rows {
		by[i] = differences[row]
	}
	trip.Query(t.addToTotals, nil, rows, by)
}
