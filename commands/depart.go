package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/payment"
)

// run takes a client's wish about an existing payment down the road.
func (d *Desk) run(ctx context.Context, v verb, call Call, p id.Payment, w wish) (reply Reply, err error) {
	ctx, o := d.observe(ctx, v)
	t, err := d.depart(ctx, call, p)
	defer func() { o.end(t.ending(), err) }()
	if err != nil {
		return Reply{}, err
	}
	return t.change(ctx, w)
}

// depart sets out for a payment of the caller's own merchant.
func (d *Desk) depart(ctx context.Context, call Call, p id.Payment) (*trip, error) {
	who := call.Principal
	clock, err := d.clock(ctx, who.Merchant, who.Livemode)
	if err != nil {
		return nil, err
	}
	return d.newTrip(call, Target{Lane: who.Lane, Merchant: who.Merchant, Livemode: who.Livemode, Payment: p}, clock), nil
}

// dispatch sets out for a payment without a client: a part of the system acts.
func (d *Desk) dispatch(ctx context.Context, actor string, target Target) (*trip, error) {
	clock, err := d.clock(ctx, target.Merchant, target.Livemode)
	if err != nil {
		return nil, err
	}
	t := d.newTrip(Call{}, target, clock)
	t.actor = actor
	return t, nil
}

// clock is how far a merchant's clock is ahead of wall time.
func (d *Desk) clock(ctx context.Context, whose id.Merchant, livemode bool) (time.Duration, error) {
	if livemode {
		return 0, nil
	}
	m, err := d.merchants.Find(ctx, whose)
	if err != nil {
		return 0, fmt.Errorf("find merchant %s: %w", whose, err)
	}
	return clockOf(m, livemode), nil
}

func clockOf(m merchant.State, livemode bool) time.Duration {
	if livemode {
		return 0
	}
	return m.ClockOffset
}

// reference draws the name of a new intent: the id of its event.
func (t *trip) reference() id.Reference { return id.From[id.Reference](t.desk.newID()) }

// deadline is when the call for an intent made now is given up.
func (t *trip) deadline() time.Time { return t.wall.Add(payment.CallTimeout) }

func (t *trip) ending() ending {
	if t == nil {
		return endedFailed
	}
	return t.finished
}

func paymentOf(stream uuid.UUID) id.Payment { return id.From[id.Payment](stream) }
