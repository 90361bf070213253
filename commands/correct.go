package commands

import (
	"context"

	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// Correct sets what was captured and refunded to what the acquirer's statement
// proves. The operator is of the platform, so the payment's whereabouts are said.
func (d *Desk) Correct(ctx context.Context, call Call, target Target, w payment.Correct) (reply Reply, err error) {
	ctx, o := d.observe(ctx, verbCorrect)
	t := d.newTrip(call, target, 0)
	defer func() { o.end(t.ending(), err) }()
	return t.change(ctx, wish{
		decide: func(t *trip) ([]payment.Event, *refusal.Refusal) { return w.Decide(t.state) },
	})
}
