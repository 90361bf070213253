package api_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
)

// views answers reads by folding the whole log each time: slow, and right.
type views struct{ log *memory.Log }

func (v *views) query() payments.Query { return payments.Query{Log: v.log} }

func (v *views) Get(ctx context.Context, merchant id.Merchant, livemode bool, p id.Payment) (payments.Resource, error) {
	moments, err := v.query().History(ctx, merchant, livemode, p)
	if err != nil {
		return payments.Resource{}, err
	}
	return moments[len(moments)-1].Payment, nil
}

func (v *views) At(ctx context.Context, merchant id.Merchant, livemode bool, p id.Payment, asOf time.Time) (payments.Resource, error) {
	return v.query().At(ctx, merchant, livemode, p, asOf)
}

func (v *views) History(ctx context.Context, merchant id.Merchant, livemode bool, p id.Payment) ([]payments.Moment, error) {
	return v.query().History(ctx, merchant, livemode, p)
}

// Find implements api.Challenges.
func (v *views) Find(ctx context.Context, p id.Payment) (access.Principal, bool, error) {
	events, err := v.log.ReadStream(ctx, p.UUID(), 0, 1)
	if err != nil || len(events) == 0 {
		return access.Principal{}, false, err
	}
	return access.Principal{Merchant: id.From[id.Merchant](events[0].Merchant), Livemode: events[0].Livemode}, true, nil
}

func (v *views) all(ctx context.Context, merchant id.Merchant, livemode bool) (found []payments.Resource, err error) {
	events, err := v.log.ReadLog(ctx, 0, 0, 1<<20)
	if err != nil {
		return nil, err
	}
	seen := map[uuid.UUID]bool{}
	for _, e := range events {
		if e.Stream.Aggregate != projections.AggregatePayment || seen[e.Stream.ID] {
			continue
		}
		seen[e.Stream.ID] = true
		if r, err := v.Get(ctx, merchant, livemode, id.From[id.Payment](e.Stream.ID)); err == nil {
			found = append(found, r)
		}
	}
	return found, nil
}

func (v *views) List(ctx context.Context, f payments.Filter) (payments.Page, error) {
	all, err := v.all(ctx, f.Merchant, f.Livemode)
	if err != nil {
		return payments.Page{}, err
	}
	all = slices.DeleteFunc(all, func(r payments.Resource) bool { return !holds(f, r) })
	byAmount := f.Sort == payments.SmallestFirst || f.Sort == payments.LargestFirst
	down := f.Sort == payments.NewestFirst || f.Sort == payments.LargestFirst
	order := func(a, b payments.Key) int {
		by := cmp.Or(cmp.Compare(a.Amount, b.Amount), cmp.Compare(a.ID.String(), b.ID.String()))
		if down {
			return -by
		}
		return by
	}
	keyOf := func(r payments.Resource) payments.Key {
		if byAmount {
			return payments.Key{Amount: r.Amount, ID: r.ID}
		}
		return payments.Key{ID: r.ID}
	}
	slices.SortFunc(all, func(a, b payments.Resource) int { return order(keyOf(a), keyOf(b)) })
	total := int64(len(all))
	from, to := cut(all, f.Limit, f.After, f.Before, keyOf, order)
	page := payments.Page{Items: all[from:to], HasMore: to < len(all), TotalCount: &total}
	if !f.Before.IsZero() {
		page.HasMore = from > 0
	}
	if from < to && to < len(all) {
		page.Next = keyOf(all[to-1])
	}
	if from < to && from > 0 {
		page.Previous = keyOf(all[from])
	}
	return page, nil
}

func cut[R, K any](all []R, limit int, after, before K, keyOf func(R) K, order func(a, b K) int) (from, to int) {
	zero := func(k K) bool { return any(k).(interface{ IsZero() bool }).IsZero() }
	if !zero(before) {
		to = len(all)
		if i := slices.IndexFunc(all, func(r R) bool { return order(keyOf(r), before) >= 0 }); i >= 0 {
			to = i
		}
		return max(0, to-limit), to
	}
	if !zero(after) {
		from = len(all)
		if i := slices.IndexFunc(all, func(r R) bool { return order(keyOf(r), after) > 0 }); i >= 0 {
			from = i
		}
	}
	return from, min(from+limit, len(all))
}

func holds(f payments.Filter, r payments.Resource) bool {
	for _, label := range f.Metadata {
		if !slices.Contains(r.Metadata, label) {
			return false
		}
	}
	return (f.Status == "" || r.Status == f.Status) && (f.Currency == "" || r.Currency == f.Currency) &&
		(f.Customer.IsZero() || r.Customer == f.Customer) && (f.IdempotencyKey == "" || r.IdempotencyKey == f.IdempotencyKey) &&
		(f.CreatedFrom.IsZero() || !r.CreatedAt.Before(f.CreatedFrom)) && (f.CreatedTo.IsZero() || !r.CreatedAt.After(f.CreatedTo))
}

// refundViews is views for refunds.
type refundViews struct{ *views }

func (v refundViews) Get(ctx context.Context, merchant id.Merchant, livemode bool, p id.Payment, r id.Refund) (refunds.Resource, error) {
	return refunds.Query{Log: v.log}.Get(ctx, merchant, livemode, p, r)
}

func (v refundViews) At(ctx context.Context, merchant id.Merchant, livemode bool, p id.Payment, r id.Refund, asOf time.Time) (refunds.Resource, error) {
	return refunds.Query{Log: v.log}.At(ctx, merchant, livemode, p, r, asOf)
}

func (v refundViews) List(ctx context.Context, f refunds.Filter) (refunds.Page, error) {
	of, err := v.all(ctx, f.Merchant, f.Livemode)
	if err != nil {
		return refunds.Page{}, err
	}
	var all []refunds.Resource
	for _, p := range of {
		if !f.Payment.IsZero() && p.ID != f.Payment {
			continue
		}
		events, err := v.log.ReadStream(ctx, p.ID.UUID(), 0, 4096)
		if err != nil {
			return refunds.Page{}, err
		}
		history, err := projections.PaymentHistory(events)
		if err != nil {
			return refunds.Page{}, err
		}
		all = append(all, refunds.FoldAll(history).Refunds...)
	}
	all = slices.DeleteFunc(all, func(r refunds.Resource) bool { return f.Status != "" && r.Status != f.Status })
	order := func(a, b id.Refund) int {
		if f.OldestFirst {
			return cmp.Compare(a.String(), b.String())
		}
		return cmp.Compare(b.String(), a.String())
	}
	keyOf := func(r refunds.Resource) id.Refund { return r.ID }
	slices.SortFunc(all, func(a, b refunds.Resource) int { return order(a.ID, b.ID) })
	from, to := cut(all, f.Limit, f.After, f.Before, keyOf, order)
	page := refunds.Page{Items: all[from:to], HasMore: to < len(all)}
	if from < to && to < len(all) {
		page.Next = all[to-1].ID
	}
	if from < to && from > 0 {
		page.Previous = all[from].ID
	}
	return page, nil
}
