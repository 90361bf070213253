package sandbox

import (
	"context"
	"sync"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/money"
)

// Name is what the gateway calls itself in routes, events and metrics.
const Name = "sandbox"

// longestLife bounds how long a request can still take effect after its caller
// gave up: the book's writer drops what waits for nobody and bounds a batch below it.
const longestLife = 10 * time.Second

// Config is what a Gateway needs. The zero value of all but Book works.
type Config struct {
	Book Book
	// BaseURL is where the cardholder's browser finds the pages of 3-D Secure; the
	// page of a payment is BaseURL/sandbox/3ds/<payment id>.
	BaseURL string
	// Faults chooses the fault of each call; see FaultPlan. Nil: a good line. A zero
	// Fault leaves the call to the card's own behaviour.
	Faults func(context.Context, Call) Fault
	// Latency is how long each call takes to reach the acquirer; see Latency. Nil: none.
	Latency func(Call) time.Duration
}

// Gateway is the sandbox acquirer behind the interface that commands declares. All
// methods may be called at once, and return soon after ctx is done; a card that
// never answers answers only so.
type Gateway struct {
	book    Book
	baseURL string
	faults  func(context.Context, Call) Fault
	latency func(Call) time.Duration
	late    sync.WaitGroup
}

// New makes a Gateway.
func New(c Config) *Gateway {
	return &Gateway{book: c.Book, baseURL: c.BaseURL, faults: c.Faults, latency: c.Latency}
}

// Traits declares what the in-doubt protocol may rest on.
func (g *Gateway) Traits() acquirer.Traits {
	return acquirer.Traits{
		Name: Name, IdempotentReference: true, Inquiry: true, StickyReversal: true, OneMessageCapture: true,
		LongestLife: longestLife,
	}
}

// Wait returns when no late delivery of a fault plan is under way.
func (g *Gateway) Wait() { g.late.Wait() }

// Authorize holds the amount, as the card behaves; with Capture it takes it too,
// unless the card's captures have a course of their own (Captured is false then).
func (g *Gateway) Authorize(ctx context.Context, a acquirer.Authorize) (acquirer.Answer, error) {
	card, known := CardOf(a.Instrument.Handle)
	call := Call{Operation: acquirer.OperationAuthorize, Reference: a.Reference, Payment: a.Payment, Handle: a.Instrument.Handle}
	return g.deliver(ctx, call, card.Wire, authorization(a, card.Behaviour, known))
}

// authorization decides by the card alone; what the book knows comes on top.
func authorization(a acquirer.Authorize, b Behaviour, known bool) Entry {
	at := clock(a.At)
	e := Entry{
		Reference: a.Reference, Operation: acquirer.OperationAuthorize, Payment: a.Payment,
		Amount: a.Amount, Card: a.Instrument.Handle, At: at, ExpiresAt: at.Add(b.holdLife()),
	}
	amount := a.Amount.Minor
	if b.Partial {
		amount /= 2
	}
	switch {
	case !known:
		e.Card = "" // whatever it was, it is not ours to keep
		return e.declined(reasonUnknownHandle)
	case a.Livemode:
		return e.declined(reasonLiveMode)
	case amount <= 0:
		return e.declined(reasonAmount)
	case b.ThreeDS == ThreeDSChallenge && !a.ActionCompleted:
		e.Outcome = acquirer.ActionRequired
		return e
	case b.Decline != "":
		return e.declined(b.Decline)
	}
	if a.Capture && b.capturesAtOnce() {
		e.Capture = a.CaptureReference
	}
	return e.approved(amount)
}

// Capture takes money from a hold that has not expired, at most what is held.
func (g *Gateway) Capture(ctx context.Context, c acquirer.Capture) (acquirer.Answer, error) {
	call := Call{Operation: acquirer.OperationCapture, Reference: c.Reference, Payment: c.Payment}
	return g.deliver(ctx, call, Fault{}, Entry{
		Reference: c.Reference, Operation: acquirer.OperationCapture, Payment: c.Payment, Authorization: c.Authorization,
		Amount: c.Amount, Final: c.Final, At: clock(c.At),
	})
}

// Cancel releases all that is still held under the authorization, whatever amount
// the caller names; one that never arrived will hold nothing when it does. It is
// also the reversal of an authorization in doubt.
func (g *Gateway) Cancel(ctx context.Context, c acquirer.Cancel) (acquirer.Answer, error) {
	call := Call{Operation: acquirer.OperationCancel, Reference: c.Reference, Payment: c.Payment}
	return g.deliver(ctx, call, Fault{}, Entry{
		Reference: c.Reference, Operation: acquirer.OperationCancel, Payment: c.Payment, Authorization: c.Authorization,
		Amount: c.Amount, At: clock(c.At),
	})
}

// Refund returns captured money, at most what was captured and not refunded yet.
// Of pm_test_refund_fail it is approved, and declined for whoever inquires (or
// sends it again) with a clock a minute later.
func (g *Gateway) Refund(ctx context.Context, r acquirer.Refund) (acquirer.Answer, error) {
	call := Call{Operation: acquirer.OperationRefund, Reference: r.Reference, Payment: r.Payment}
	return g.deliver(ctx, call, Fault{}, Entry{
		Reference: r.Reference, Operation: acquirer.OperationRefund, Payment: r.Payment, Capture: r.Capture,
		Amount: r.Amount, At: clock(r.At),
	})
}

// Inquire tells what has become of a reference by the clock of the question:
// pending captures and refunds come to their end here.
func (g *Gateway) Inquire(ctx context.Context, i acquirer.Inquire) (acquirer.Answer, error) {
	call := Call{Operation: i.Operation, Inquiry: true, Reference: i.Reference, Payment: i.Payment}
	return g.deliver(ctx, call, Fault{}, Entry{Reference: i.Reference, At: i.At})
}

// answer words an entry.
func (g *Gateway) answer(e Entry) acquirer.Answer {
	answer := acquirer.Answer{Reference: e.Reference, Outcome: e.word()}
	switch answer.Outcome {
	case acquirer.Approved, acquirer.Pending:
		answer.Amount = money.Of(e.Approved, e.Amount.Currency)
		answer.NetworkTransactionID = transactionID(e.Reference)
		answer.ExpiresAt = e.ExpiresAt
		answer.Captured = e.Operation == acquirer.OperationAuthorize && !e.Capture.IsZero()
		card, _ := CardOf(e.Card)
		answer.FundsAtOnce = card.FundsAtOnce && (answer.Captured || e.Operation == acquirer.OperationCapture)
	case acquirer.Declined:
		answer.Decline = declineOf(e.Decline)
	case acquirer.ActionRequired:
		answer.NextAction = &acquirer.NextAction{Type: "redirect_to_url", URL: g.baseURL + "/sandbox/3ds/" + e.Payment.String()}
	default: // reversed: the word is all there is to say
	}
	return answer
}
