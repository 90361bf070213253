package payments

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/projections"
)

const (
	// limitDefault is a page nobody asked a length for.
	limitDefault = 25
	// examinedMax is how many rows one page may look at where a filter has no index of
	// its own: some milliseconds. The page then says where it stopped.
	examinedMax = 1000
	// gatheredMax is up to how many payments of one customer (or metadata entry) are
	// sorted by amount in memory.
	gatheredMax = 2000
)

// List returns a page of payments as far as the read model has come (see
// Follower.Wait). Its cost depends on the page's length and not on how many
// payments there are or how far into the list it is.
func (q Query) List(ctx context.Context, f Filter) (Page, error) {
	w, err := q.walk(ctx, f)
	if err != nil {
		return Page{}, err
	}
	switch {
	case f.IdempotencyKey != "":
		err = w.byIdempotencyKey(ctx)
	case f.gathers():
		err = w.byAmountAmongFew(ctx)
	case f.Sort.byAmount():
		err = w.byAmount(ctx)
	case len(f.Metadata) > 0:
		err = w.byLabel(ctx)
	case !f.Customer.IsZero():
		err = w.byCustomer(ctx)
	case f.Status != "" || f.Currency != "":
		err = w.byStatus(ctx)
	default:
		err = w.byCreation(ctx)
	}
	if err != nil {
		return Page{}, fmt.Errorf("list payments of %s: %w", f.Merchant, err)
	}
	return w.page(), nil
}

// gathers: by amount, among the payments of one customer or metadata entry.
func (f *Filter) gathers() bool {
	return f.Sort.byAmount() && (len(f.Metadata) > 0 || !f.Customer.IsZero())
}

// counted: the totals know how many payments the filter finds.
func (f *Filter) counted() bool {
	return f.Customer.IsZero() && f.IdempotencyKey == "" && len(f.Metadata) == 0 && f.CreatedFrom.IsZero() && f.CreatedTo.IsZero()
}

// walk goes through a list in one direction.
type walk struct {
	Query
	Filter
	backward   bool // towards the start of the list
	descending bool // on the index
	key        Key  // where the walk begins, exclusive
	from, to   uuid.UUID

	found []Resource // in the walk's direction
	// stop is set when rows were left unseen: everything up to and including it was looked at.
	stop  Key
	more  bool
	total *int64
}

func (q Query) walk(ctx context.Context, f Filter) (*walk, error) {
	if f.Limit <= 0 {
		f.Limit = limitDefault
	}
	f.Limit = min(f.Limit, LimitMax)
	w := &walk{Query: q, Filter: f, backward: !f.Before.IsZero(), key: f.After}
	if w.backward {
		w.key = f.Before
	}
	w.descending = f.Sort.descending() != w.backward
	var offset time.Duration
	if q.ClockOffset != nil && !f.Livemode && !f.CreatedFrom.IsZero() {
		var err error
		if offset, err = q.ClockOffset(ctx, f.Merchant); err != nil {
			return nil, fmt.Errorf("ask for the test clock of %s: %w", f.Merchant, err)
		}
	}
	earliest := f.CreatedFrom
	if !earliest.IsZero() {
		earliest = earliest.Add(-offset) // an id's time is at most that far behind created_at, never ahead of it
	}
	w.from, w.to = projections.IDRange(earliest, f.CreatedTo)
	if !w.key.IsZero() && !f.Sort.byAmount() {
		w.from, w.to = projections.BeyondID(w.from, w.to, w.key.ID.UUID(), w.descending)
	}
	return w, nil
}

// rangeFiltered: in test mode a moved clock sets created_at apart from the id, so the
// range of ids is wider than the filter.
func (w *walk) rangeFiltered() bool { return !w.CreatedFrom.IsZero() || !w.CreatedTo.IsZero() }

// rowsPerSpan is how many rows one stretch of an index is asked for: one more than
// the page where each row belongs to it, so that one knows whether there is more.
func (w *walk) rowsPerSpan(residual bool) int {
	if residual {
		return examinedMax
	}
	return w.Limit + 1
}

// compare orders two payments in the walk's direction.
func (w *walk) compare(a, b Key) int {
	order := 0
	if w.Sort.byAmount() {
		order = cmp.Compare(a.Amount, b.Amount)
	}
	if order == 0 {
		left, right := a.ID.UUID(), b.ID.UUID()
		order = slices.Compare(left[:], right[:])
	}
	if w.descending {
		return -order
	}
	return order
}

func keyOf(r *Resource) Key { return Key{Amount: r.Amount, ID: r.ID} }

// matches holds a row against the whole filter: what the index already made sure of
// costs nothing, and a row that shares only a digest with the filter is found out.
func (f *Filter) matches(r *Resource) bool {
	return r.Merchant == f.Merchant && r.Livemode == f.Livemode &&
		(f.Status == "" || r.Status == f.Status) &&
		(f.Currency == "" || r.Currency == f.Currency) &&
		(f.Customer.IsZero() || r.Customer == f.Customer) &&
		(f.IdempotencyKey == "" || r.IdempotencyKey == f.IdempotencyKey) &&
		(f.CreatedFrom.IsZero() || !r.CreatedAt.Before(f.CreatedFrom)) &&
		(f.CreatedTo.IsZero() || !r.CreatedAt.After(f.CreatedTo)) &&
		hasLabels(r.Metadata, f.Metadata)
}

func hasLabels(labels, wanted []projections.Label) bool {
	for _, label := range wanted {
		if !slices.Contains(labels, label) {
			return false
		}
	}
	return true
}

// page cuts what was found to the page asked for, in the list's order.
func (w *walk) page() Page {
	matching := w.found[:0]
	for i := range w.found {
		if w.Filter.matches(&w.found[i]) {
			matching = append(matching, w.found[i])
		}
	}
	more, end := w.more, w.stop
	if len(matching) > w.Limit {
		matching, more = matching[:w.Limit], true
		end = keyOf(&matching[w.Limit-1])
	}
	p := Page{Items: matching, HasMore: more, TotalCount: w.total}
	if w.backward {
		slices.Reverse(p.Items)
		if more {
			p.Previous = end
		}
		if len(p.Items) > 0 {
			p.Next = keyOf(&p.Items[len(p.Items)-1])
		}
		return p
	}
	if more {
		p.Next = end
	}
	if !w.key.IsZero() && len(p.Items) > 0 {
		p.Previous = keyOf(&p.Items[0])
	}
	return p
}

// merge brings stretches, each in the walk's order, into one. A stretch that is full
// may go on: nothing behind the end of one is known to come next, so the merge ends
// at the first such end.
func (w *walk) merge(spans [][]Resource, full int) {
	for _, span := range spans {
		w.found = append(w.found, span...)
		if len(span) < full {
			continue
		}
		if end := keyOf(&span[len(span)-1]); !w.more || w.compare(end, w.stop) < 0 {
			w.more, w.stop = true, end
		}
	}
	slices.SortFunc(w.found, func(a, b Resource) int { return w.compare(keyOf(&a), keyOf(&b)) })
	if w.more {
		seen, _ := slices.BinarySearchFunc(w.found, w.stop, func(r Resource, stop Key) int { return w.compare(keyOf(&r), stop) })
		w.found = w.found[:min(seen+1, len(w.found))]
	}
}
