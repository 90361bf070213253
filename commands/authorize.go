package commands

import (
	"context"
	"fmt"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// Authorize wishes to hold Amount on a payment method, and with Capture to take it.
// Its shape (lengths, metadata) has been judged at the counter.
type Authorize struct {
	Amount              money.Money // of any currency code: an unknown one is refused
	PaymentMethod       string      // pm_… or tok_…
	Customer            id.Customer
	Capture             bool
	Description         string
	StatementDescriptor string
	Metadata            map[string]string
}

// Authorize makes a payment. Its stream is new, so nothing is read: two appends and
// one network call between them.
func (d *Desk) Authorize(ctx context.Context, call Call, wish Authorize) (reply Reply, err error) {
	ctx, o := d.observe(ctx, verbAuthorize)
	var a *authorization
	defer func() { o.end(a.ending(), err) }()
	a, err = d.plan(ctx, call, wish)
	if err != nil {
		return Reply{}, err
	}
	defer a.release()
	switch {
	case a.refused != nil:
		return a.refuse(ctx, a.refused)
	case a.link == nil:
		return a.unavailable(ctx)
	}
	if reply, begun, err := a.begin(ctx, a.intended); !begun {
		return reply, err
	}
	return a.act(ctx, a.link, a.take(), a.assignment())
}

// authorization is a trip towards a new payment: judged, routed, not yet begun.
type authorization struct {
	*trip
	instrument acquirer.Instrument
	intended   page
	refused    *refusal.Refusal
	link       *link // nil: no gateway can be asked now
	permit     leave // of link, until taken
}

func (a *authorization) ending() ending {
	if a == nil {
		return endedFailed
	}
	return a.finished
}

// take hands the breaker's leave to whoever makes the call.
func (a *authorization) take() leave {
	permit := a.permit
	a.permit = nil
	return permit
}

// release gives an unused leave back.
func (a *authorization) release() {
	if a.permit != nil {
		a.take().release()
	}
}

// plan does everything that comes before the intent: who, with what, through whom,
// and whether the rules allow it. Nothing outside has changed when it returns.
func (d *Desk) plan(ctx context.Context, call Call, wish Authorize) (*authorization, error) {
	who := call.Principal
	m, err := d.merchants.Find(ctx, who.Merchant)
	if err != nil {
		return nil, fmt.Errorf("find merchant %s: %w", who.Merchant, err)
	}
	target := Target{Lane: who.Lane, Merchant: who.Merchant, Livemode: who.Livemode, Payment: id.From[id.Payment](d.newID())}
	a := &authorization{trip: d.newTrip(call, target, clockOf(m, who.Livemode))}
	found, err := a.findInstrument(ctx, wish.PaymentMethod)
	if err != nil {
		return nil, err
	}
	if found {
		a.route(wish.Amount.Currency)
	}
	var events []payment.Event
	if events, a.refused = a.wish(m, wish, found).Decide(a.state); a.refused != nil {
		return a, nil //nolint:nilerr // a refusal is an answer, not trouble
	}
	a.asked = id.From[id.Reference](a.intent)
	if a.intended, err = a.compose(a.intent, events); err != nil {
		a.release()
		return nil, err
	}
	return a, nil
}

// findInstrument finds what is to be charged. That there is none is for the domain
// to refuse, in its order.
func (a *authorization) findInstrument(ctx context.Context, method string) (found bool, err error) {
	a.instrument, err = a.desk.instruments.Find(ctx, a.target.Merchant, a.target.Livemode, method)
	if asRefusal(err) != nil {
		return false, nil //nolint:nilerr // a refusal: for the domain to word
	}
	if err != nil {
		return false, fmt.Errorf("find payment method: %w", err)
	}
	return true, nil
}

// route takes the first gateway that its breaker lets us ask.
func (a *authorization) route(currency money.Currency) {
	d := a.desk
	for _, name := range d.router.Routes(a.target.Merchant, a.target.Livemode, a.instrument.Brand, currency) {
		l := d.links[name]
		if l == nil {
			continue
		}
		if permit, err := l.enter(); err == nil {
			a.link, a.permit = l, permit
			return
		}
	}
}

// wish words the wish for the domain. The intent's event id is the reference that
// the network will know the call by.
func (a *authorization) wish(m merchant.State, w Authorize, found bool) payment.Authorize {
	a.intent = a.desk.newID()
	asked := payment.Authorize{
		Payment: a.target.Payment, Merchant: a.target.Merchant, Livemode: a.target.Livemode, MerchantActive: m.Active(),
		Reference: id.From[id.Reference](a.intent), Amount: w.Amount, Capture: w.Capture,
		Customer: w.Customer, Description: w.Description, StatementDescriptor: w.StatementDescriptor, Metadata: w.Metadata,
		Now: a.at, Deadline: a.deadline(),
	}
	if w.Capture {
		asked.CaptureReference = id.From[id.Reference](a.desk.newID())
	}
	if found {
		asked.Instrument = &a.instrument
	}
	if a.link != nil {
		asked.Gateway = a.link.traits.Name
	}
	return asked
}

func (a *authorization) assignment() assignment {
	return assignment{operation: acquirer.OperationAuthorize, reference: a.asked, deadline: a.state.Open.Deadline, send: a.authorizationOf(a.instrument, false)}
}

// authorizationOf asks for the hold that the open intent wants.
func (t *trip) authorizationOf(instrument acquirer.Instrument, actionCompleted bool) request {
	s := t.state
	wanted := acquirer.Authorize{
		Reference: t.asked, Payment: s.ID, Merchant: s.Merchant, Livemode: s.Livemode, Amount: money.Of(s.Requested, s.Currency),
		Instrument: instrument, ActionCompleted: actionCompleted, At: t.at,
	}
	if s.CaptureAtOnce && t.desk.links[s.Gateway].traits.OneMessageCapture {
		wanted.Capture, wanted.CaptureReference = true, s.CaptureReference
	}
	return func(ctx context.Context, g Gateway) (acquirer.Answer, error) { return g.Authorize(ctx, wanted) }
}
