package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// Query answers questions about payments. Its methods may be called from any
// number of goroutines; none holds more than one connection.
type Query struct {
	DB  projections.Database
	Log projections.Streams
	// ClockOffset is how far a merchant's test clock has been moved ahead; nil means
	// that no clock was ever moved. It is asked in test mode by lists with a
	// created_at range alone.
	ClockOffset func(ctx context.Context, merchant id.Merchant) (time.Duration, error)
}

// Get returns a payment as it is now: whatever was durable in the log when Get was
// called is in it, on any process, however far behind the read model is. The error
// is projections.ErrNotFound or trouble.
func (q Query) Get(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment) (Resource, error) {
	row, head, err := q.rowAndHead(ctx, merchant, livemode, payment)
	if err != nil {
		return Resource{}, err
	}
	if row.Version < head {
		if row, err = q.foldOn(ctx, row, payment); err != nil {
			return Resource{}, err
		}
	}
	if !row.Exists() || row.Merchant != merchant || row.Livemode != livemode {
		return Resource{}, projections.ErrNotFound
	}
	return row, nil
}

// selectRowAndHead asks for the row and for the version it should be at, in one
// round trip and one snapshot. The order by all columns of the primary key keeps
// the planner from taking another index of which merchant and livemode are a prefix.
const selectRowAndHead = `
SELECT h.version, p.state
  FROM stream_heads h
  LEFT JOIN LATERAL (
       SELECT state FROM payments
        WHERE (merchant_id, livemode, payment_id) >= ($2, $3, $1) AND (merchant_id, livemode, payment_id) <= ($2, $3, $1)
        ORDER BY merchant_id, livemode, payment_id LIMIT 1) p ON true
 WHERE h.stream_id = $1`

func (q Query) rowAndHead(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment) (Resource, int, error) {
	var head int
	var state []byte
	err := q.DB.QueryRow(ctx, selectRowAndHead, payment.UUID(), merchant.UUID(), livemode).Scan(&head, &state)
	if errors.Is(err, pgx.ErrNoRows) {
		return Resource{}, 0, projections.ErrNotFound
	}
	if err != nil {
		return Resource{}, 0, fmt.Errorf("read the row of payment %s: %w", payment, err)
	}
	if state == nil {
		return Resource{}, head, nil // not projected yet, or not this merchant's
	}
	row, err := decode(state)
	if err != nil {
		return Resource{}, 0, fmt.Errorf("row of payment %s: %w", payment, err)
	}
	return row, head, nil
}

// foldOn folds what the log has beyond the row.
func (q Query) foldOn(ctx context.Context, row Resource, payment id.Payment) (Resource, error) {
	events, err := q.Log.ReadStream(ctx, payment.UUID(), row.Version, projections.StreamEventsMax)
	if err != nil {
		return Resource{}, fmt.Errorf("read payment %s after version %d: %w", payment, row.Version, err)
	}
	if len(events) > 0 && events[0].Stream.Aggregate != projections.AggregatePayment {
		return Resource{}, projections.ErrNotFound
	}
	history, err := projections.PaymentHistory(events)
	if err != nil {
		return Resource{}, err
	}
	for i := range history {
		row.apply(&history[i])
	}
	return row, nil
}

// At returns a payment as it was at asOf: folded from the events recorded until
// then. Recorded, not effective: the answer to "what did you tell me that day" does
// not change when a later event is back-dated.
func (q Query) At(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment, asOf time.Time) (Resource, error) {
	history, err := q.history(ctx, merchant, livemode, payment)
	if err != nil {
		return Resource{}, err
	}
	var r Resource
	for i := range history {
		if history[i].RecordedAt.After(asOf) {
			break // recorded later in the stream is later in truth, whatever a clock said after it
		}
		r.apply(&history[i])
	}
	if !r.Exists() {
		return Resource{}, projections.ErrNotFound
	}
	return r, nil
}

// Moment is one event of a payment's history and the payment after it.
type Moment struct {
	payment.Recorded
	Payment Resource
}

// History returns all events of a payment, oldest first.
func (q Query) History(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment) ([]Moment, error) {
	history, err := q.history(ctx, merchant, livemode, payment)
	if err != nil {
		return nil, err
	}
	moments := make([]Moment, len(history))
	var r Resource
	for i := range history {
		r.apply(&history[i])
		moments[i] = Moment{Recorded: history[i], Payment: r}
	}
	return moments, nil
}

func (q Query) history(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment) ([]payment.Recorded, error) {
	events, err := q.Log.ReadStream(ctx, payment.UUID(), 0, projections.StreamEventsMax)
	if err != nil {
		return nil, fmt.Errorf("read payment %s: %w", payment, err)
	}
	if len(events) == 0 || events[0].Stream.Aggregate != projections.AggregatePayment ||
		events[0].Merchant != merchant.UUID() || events[0].Livemode != livemode {
		return nil, projections.ErrNotFound
	}
	return projections.PaymentHistory(events)
}
