package commands

import (
	"context"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// Capture wishes to take money from a payment's hold, once.
type Capture struct {
	Payment id.Payment
	Amount  *int64 // nil: all of it
}

// Capture takes the money and releases the rest of the hold.
func (d *Desk) Capture(ctx context.Context, call Call, w Capture) (Reply, error) {
	return d.run(ctx, verbCapture, call, w.Payment, wish{
		decide: func(t *trip) ([]payment.Event, *refusal.Refusal) {
			return payment.Capture{Reference: t.reference(), Amount: w.Amount, Now: t.at, Deadline: t.deadline()}.Decide(t.state)
		},
		send: func(t *trip) request { return t.captureOf(t.state, *t.state.Open) },
	})
}

// captureOf asks for the money that intent wants. A payment is captured once, so
// every capture is the final one.
func (t *trip) captureOf(s payment.State, intent payment.Intent) request {
	wanted := acquirer.Capture{
		Reference: intent.Reference, Authorization: s.Authorization, Payment: s.ID, Livemode: s.Livemode,
		Amount: money.Of(intent.Amount, s.Currency), Final: true, At: t.at,
	}
	return func(ctx context.Context, g Gateway) (acquirer.Answer, error) { return g.Capture(ctx, wanted) }
}
