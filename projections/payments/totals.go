package payments

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/google/uuid"

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

// count keeps the totals equal to the rows: it looks at what a row was and is, not
// at events, so a stream that is parked is counted as its row stands.
func (t *table) count(trip *projections.Trip, changes []*projections.Change[Resource]) {
	differences := make(map[group]int64, 16)
	for _, change := range changes {
		if change.Old != nil {
			differences[groupOf(change.Old)]--
		}
		differences[groupOf(change.New)]++
	}
	groups := make([]group, 0, len(differences))
	for g, difference := range differences {
		if difference != 0 {
			groups = append(groups, g)
		}
	}
	if len(groups) == 0 {
		return
	}
	// In order of the key: neighbours share pages, and two lanes never wait for each
	// other crosswise.
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(bytes.Compare(a.merchant[:], b.merchant[:]), cmp.Compare(a.status, b.status), cmp.Compare(a.currency, b.currency))
	})
	totals, statuses, livemodes := make([]int64, len(groups)), make([]int16, len(groups)), make([]bool, len(groups))
	merchants, currencies := make([][16]byte, len(groups)), make([]string, len(groups))
	for i, g := range groups {
		totals[i], statuses[i], livemodes[i], merchants[i], currencies[i] = differences[g], g.status, g.livemode, g.merchant, g.currency
	}
	trip.Query(t.addToTotals, nil, totals, statuses, livemodes, merchants, currencies)
}
