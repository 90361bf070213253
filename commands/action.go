package commands

import (
	"context"
	"fmt"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// CompleteAction tells how the cardholder's action (3-D Secure) ended.
type CompleteAction struct {
	Payment   id.Payment
	Succeeded bool
}

// CompleteAction asks the network again after a success, and fails the payment
// after a failure.
func (d *Desk) CompleteAction(ctx context.Context, call Call, w CompleteAction) (reply Reply, err error) {
	ctx, o := d.observe(ctx, verbAction)
	t, err := d.depart(ctx, call, w.Payment)
	defer func() { o.end(t.ending(), err) }()
	if err != nil {
		return Reply{}, err
	}
	instrument, err := t.instrument(ctx)
	if err != nil {
		return Reply{}, err
	}
	return t.change(ctx, wish{
		decide: func(t *trip) ([]payment.Event, *refusal.Refusal) {
			return payment.CompleteAction{Reference: t.reference(), Succeeded: w.Succeeded, Deadline: t.deadline()}.Decide(t.state)
		},
		send: func(t *trip) request { return t.authorizationOf(instrument, true) },
	})
}

// instrument finds again what the payment is to be charged to: history keeps
// nothing of it that could be charged.
func (t *trip) instrument(ctx context.Context) (acquirer.Instrument, error) {
	if err := t.find(ctx); err != nil {
		return acquirer.Instrument{}, err
	}
	requested, _ := t.history[0].Event.(payment.AuthorizationRequested)
	instrument, err := t.desk.instruments.Find(ctx, t.target.Merchant, t.target.Livemode, requested.Instrument.ID)
	if err != nil {
		return acquirer.Instrument{}, fmt.Errorf("find the instrument of payment %s: %w", t.target.Payment, err)
	}
	return instrument, nil
}
