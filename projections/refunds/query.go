package refunds

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// Query answers questions about refunds. Its methods may be called from any number
// of goroutines; none holds more than one connection.
type Query struct {
	DB  projections.Database
	Log projections.Streams
}

// Get returns a refund as it is now, folded from its payment's stream. The error is
// projections.ErrNotFound or trouble.
func (q Query) Get(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment, refund id.Refund) (Resource, error) {
	return q.At(ctx, merchant, livemode, payment, refund, time.Time{})
}

// At returns a refund as it was at asOf (by the time of recording); now, when asOf
// is zero.
func (q Query) At(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment, refund id.Refund, asOf time.Time) (Resource, error) {
	of, err := q.ofPayment(ctx, merchant, livemode, payment, asOf)
	if err != nil {
		return Resource{}, err
	}
	r, found := of.Refund(refund)
	if !found {
		return Resource{}, projections.ErrNotFound
	}
	return r, nil
}

// Locate finds the payment of a refund known by its own id alone, as far as the read
// model has come.
func (q Query) Locate(ctx context.Context, merchant id.Merchant, livemode bool, refund id.Refund) (Resource, error) {
	rows, err := q.DB.Query(ctx, selectOne, merchant.UUID(), livemode, refund.UUID())
	if err != nil {
		return Resource{}, fmt.Errorf("read refund %s: %w", refund, err)
	}
	found, err := collect(rows)
	if err != nil {
		return Resource{}, fmt.Errorf("read refund %s: %w", refund, err)
	}
	if len(found) == 0 {
		return Resource{}, projections.ErrNotFound
	}
	return found[0], nil
}

func (q Query) ofPayment(ctx context.Context, merchant id.Merchant, livemode bool, of id.Payment, asOf time.Time) (Payment, error) {
	events, err := q.Log.ReadStream(ctx, of.UUID(), 0, projections.StreamEventsMax)
	if err != nil {
		return Payment{}, fmt.Errorf("read payment %s: %w", of, err)
	}
	if len(events) == 0 || events[0].Stream.Aggregate != projections.AggregatePayment ||
		events[0].Merchant != merchant.UUID() || events[0].Livemode != livemode {
		return Payment{}, projections.ErrNotFound
	}
	if !asOf.IsZero() {
		if late := slices.IndexFunc(events, laterThan(asOf)); late >= 0 {
			events = events[:late]
		}
	}
	history, err := projections.PaymentHistory(events)
	if err != nil {
		return Payment{}, err
	}
	return FoldAll(history), nil
}

// Filter says which refunds a list holds. Zero fields do not filter.
type Filter struct {
	Merchant id.Merchant
	Livemode bool
	Payment  id.Payment // the refunds of one payment: always current
	Status   payment.RefundStatus
	// CreatedFrom and CreatedTo are inclusive.
	CreatedFrom, CreatedTo time.Time

	OldestFirst   bool // newest first otherwise
	Limit         int  // 1 to 100
	After, Before id.Refund
}

// Page is a part of a list, in the filter's order. Like a page of payments it may
// be shorter than asked for while HasMore is set.
type Page struct {
	Items      []Resource
	HasMore    bool
	Next       id.Refund // of Filter.After for the following page; zero at the end
	Previous   id.Refund // of Filter.Before for the page in front; zero at the start
	TotalCount *int64    // exact; known for one payment, and over all without a filter or by status
}
