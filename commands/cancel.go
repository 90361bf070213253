package commands

import (
	"context"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// Cancel wishes to give a payment's whole hold back.
type Cancel struct {
	Payment id.Payment
	Reason  string
}

// Cancel releases the hold of an uncaptured payment.
func (d *Desk) Cancel(ctx context.Context, call Call, w Cancel) (Reply, error) {
	return d.run(ctx, verbCancel, call, w.Payment, wish{
		decide: func(t *trip) ([]payment.Event, *refusal.Refusal) {
			return payment.Cancel{Reference: t.reference(), Reason: w.Reason, Deadline: t.deadline()}.Decide(t.state)
		},
		send: func(t *trip) request { return t.cancelOf(t.state, *t.state.Open) },
	})
}

// cancelOf asks to undo the authorization, under the reference of intent: a cancel
// or, when it is not known whether there is a hold, a reversal.
func (t *trip) cancelOf(s payment.State, intent payment.Intent) request {
	wanted := acquirer.Cancel{
		Reference: intent.Reference, Authorization: s.Authorization, Payment: s.ID, Livemode: s.Livemode,
		Amount: money.Of(intent.Amount, s.Currency), At: t.at,
	}
	return func(ctx context.Context, g Gateway) (acquirer.Answer, error) { return g.Cancel(ctx, wanted) }
}
