package commands

import (
	"context"

	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// Expire records that a hold ran out uncaptured, by the merchant's clock. The
// network is not called: the issuer lets go at the same moment by itself. It
// reports false when there was nothing to expire.
func (d *Desk) Expire(ctx context.Context, actor string, target Target) (expired bool, err error) {
	ctx, o := d.observe(ctx, verbExpire)
	how := endedFailed
	defer func() { o.end(how, err) }()
	t, err := d.dispatch(ctx, actor, target)
	if err != nil {
		return false, err
	}
	refused := false
	_, err = t.change(ctx, wish{
		decide: func(t *trip) ([]payment.Event, *refusal.Refusal) {
			events, no := payment.Expire{Now: t.at}.Decide(t.state)
			refused = no != nil
			return events, no
		},
	})
	how = t.finished
	return err == nil && !refused, err
}
