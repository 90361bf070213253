package commands

import (
	"context"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// Refund wishes to return captured money.
type Refund struct {
	Payment  id.Payment
	Amount   *int64 // nil: all that is left
	Reason   string
	Metadata map[string]string
}

// Refund returns money. Several refunds of one payment may be under way at once;
// together they never exceed what was captured.
func (d *Desk) Refund(ctx context.Context, call Call, w Refund) (Reply, error) {
	return d.run(ctx, verbRefund, call, w.Payment, wish{
		decide: func(t *trip) ([]payment.Event, *refusal.Refusal) {
			return payment.RequestRefund{
				Refund: id.From[id.Refund](t.desk.newID()), Reference: t.reference(), Amount: w.Amount,
				Reason: w.Reason, Metadata: w.Metadata, Deadline: t.deadline(),
			}.Decide(t.state)
		},
		send: func(t *trip) request {
			intent, _ := t.state.Intent(t.asked)
			return t.refundOf(t.state, intent)
		},
	})
}

// refundOf asks to return what intent wants returned.
func (t *trip) refundOf(s payment.State, intent payment.Intent) request {
	wanted := acquirer.Refund{
		Reference: intent.Reference, Capture: s.Capture, Payment: s.ID, Refund: intent.Refund, Livemode: s.Livemode,
		Amount: money.Of(intent.Amount, s.Currency), At: t.at,
	}
	return func(ctx context.Context, g Gateway) (acquirer.Answer, error) { return g.Refund(ctx, wanted) }
}
