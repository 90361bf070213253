// Package gatewaytest is what every gateway must pass. The in-doubt protocol rests
// on what a gateway declares of itself (acquirer.Traits), so the suite takes each
// declaration at its word and tries it.
//
//	func TestConformance(t *testing.T) {
//		gatewaytest.Run(t, func(t *testing.T) gatewaytest.Subject { … })
//	}
package gatewaytest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Gateway is what commands asks of an adapter.
type Gateway interface {
	Traits() acquirer.Traits
	Authorize(context.Context, acquirer.Authorize) (acquirer.Answer, error)
	Capture(context.Context, acquirer.Capture) (acquirer.Answer, error)
	Cancel(context.Context, acquirer.Cancel) (acquirer.Answer, error)
	Refund(context.Context, acquirer.Refund) (acquirer.Answer, error)
	Inquire(context.Context, acquirer.Inquire) (acquirer.Answer, error)
}

// Subject is a gateway with what the suite needs to drive it.
type Subject struct {
	Gateway  Gateway
	Currency money.Currency
	Livemode bool
	// Approved is authorized, captured and refunded in full, at once.
	Approved acquirer.Instrument
	// Declined is declined by the issuer.
	Declined acquirer.Instrument
	// Silent gets no answer to its authorizations. The zero value skips what needs it,
	// for an acquirer that cannot be made to keep silent.
	Silent acquirer.Instrument
}

// patience bounds a call that must be answered: above it the machine is at fault.
const patience = 30 * time.Second

// Run applies the suite. open gives each test a subject of its own; tests of one
// gateway run at the same time.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	tests := map[string]func(*testing.T, probe){
		"AnswersEchoReferenceAndAmount":              answersEcho,
		"AnIssuersNoIsAnAnswer":                      declineIsAnswer,
		"APartCanBeCaptured":                         partialCapture,
		"ACaptureNeverExceedsTheHold":                overCapture,
		"AHoldIsCapturedOnce":                        captureOnce,
		"RefundsTogetherNeverExceedTheCapture":       overRefund,
		"WhatIsCapturedCannotBeCancelled":            cancelAfterCapture,
		"WhatIsCancelledCannotBeCaptured":            captureAfterCancel,
		"TheEndOfTheContextEndsTheCall":              contextEnds,
		"AnEndedContextIsNotSent":                    contextEnded,
		"SameReferenceIsOneOperation":                idempotentReference,
		"SameReferenceFromManySidesIsOneOperation":   idempotentTogether,
		"OtherRequestUnderAReferenceIsDeclined":      duplicateReference,
		"InquiryTellsWhatBecameOfACall":              inquiryTells,
		"InquiryOfAnUnknownReferenceSaysNotFound":    inquiryNotFound,
		"InquiryTellsWhatASilentCallCameTo":          inquiryAfterSilence,
		"AReversalDefeatsTheLateAuthorization":       stickyReversal,
		"AReversalAgainstItsAuthorizationLeavesNone": reversalRace,
		"ARepeatAfterTheReversalIsNoApproval":        repeatAfterReversal,
		"OneMessageHoldsAndCaptures":                 oneMessage,
		"AReversalUndoesTheOneMessageCapture":        reverseOneMessage,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject := open(t)
			if subject.Currency == "" {
				subject.Currency = "eur"
			}
			test(t, probe{Subject: subject, traits: subject.Gateway.Traits()})
		})
	}
	t.Run("TraitsAreDeclared", func(t *testing.T) {
		t.Parallel()
		traits := open(t).Gateway.Traits()
		if traits.Name == "" || traits.LongestLife <= 0 {
			t.Errorf("a gateway needs a name and a longest life: %+v", traits)
		}
		if !traits.Inquiry && !traits.IdempotentReference {
			t.Error("a capture in doubt could neither be asked about nor repeated")
		}
	})
}

// probe is one test's view of the subject.
type probe struct {
	Subject
	traits acquirer.Traits
}

// needs ends the test when the gateway does not declare what the test is about.
func needs(t *testing.T, declared bool, trait string) {
	t.Helper()
	if !declared {
		t.Skipf("NOT DECLARED: the gateway does not claim %s", trait)
	}
}

func (p probe) money(minor int64) money.Money { return money.Of(minor, p.Currency) }

func newReference() id.Reference { return id.From[id.Reference](uuid.Must(uuid.NewV7())) }

func newPayment() id.Payment { return id.From[id.Payment](uuid.Must(uuid.NewV7())) }

func (p probe) authorization(amount int64) acquirer.Authorize {
	return acquirer.Authorize{
		Reference: newReference(), Payment: newPayment(), Merchant: id.From[id.Merchant](uuid.Must(uuid.NewV7())),
		Livemode: p.Livemode, Amount: p.money(amount), Instrument: p.Approved, At: time.Now(),
	}
}

func (p probe) capture(of acquirer.Authorize, amount int64) acquirer.Capture {
	return acquirer.Capture{
		Reference: newReference(), Authorization: of.Reference, Payment: of.Payment,
		Livemode: p.Livemode, Amount: p.money(amount), Final: true, At: time.Now(),
	}
}

func (p probe) cancel(of acquirer.Authorize) acquirer.Cancel {
	return acquirer.Cancel{
		Reference: newReference(), Authorization: of.Reference, Payment: of.Payment,
		Livemode: p.Livemode, Amount: of.Amount, At: time.Now(),
	}
}

func (p probe) refund(of acquirer.Capture, amount int64) acquirer.Refund {
	return acquirer.Refund{
		Reference: newReference(), Capture: of.Reference, Payment: of.Payment, Refund: id.From[id.Refund](uuid.Must(uuid.NewV7())),
		Livemode: p.Livemode, Amount: p.money(amount), At: time.Now(),
	}
}

func (p probe) inquiry(op acquirer.Operation, reference id.Reference, payment id.Payment) acquirer.Inquire {
	return acquirer.Inquire{Reference: reference, Operation: op, Payment: payment, Livemode: p.Livemode, At: time.Now()}
}

// call makes one call that must be answered. An error fails the test and gives an
// answer without outcome, so that it may be used beside the test's own goroutine.
func call[R any](t *testing.T, method func(context.Context, R) (acquirer.Answer, error), request R) acquirer.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	answer, err := method(ctx, request)
	if err != nil {
		t.Errorf("%T: %v", request, err)
	}
	return answer
}

// want holds an answer against its outcome, reference and, of an approval, amount.
func want(t *testing.T, answer acquirer.Answer, outcome acquirer.Outcome, reference id.Reference, amount money.Money) {
	t.Helper()
	if answer.Outcome != outcome || answer.Reference != reference {
		t.Fatalf("got %s of %s (%s), want %s of %s", answer.Outcome, answer.Reference, answer.Decline.Raw, outcome, reference)
	}
	if outcome == acquirer.Approved && answer.Amount != amount {
		t.Fatalf("approved %+v, want %+v", answer.Amount, amount)
	}
	if outcome == acquirer.Declined && (answer.Decline.Code == "" || answer.Decline.Decline == "" || answer.Decline.Advice == "") {
		t.Fatalf("a decline needs code, decline code and advice: %+v", answer.Decline)
	}
}

// held authorizes amount.
func (p probe) held(t *testing.T, amount int64) acquirer.Authorize {
	t.Helper()
	a := p.authorization(amount)
	want(t, call(t, p.Gateway.Authorize, a), acquirer.Approved, a.Reference, a.Amount)
	return a
}

// taken authorizes and captures amount.
func (p probe) taken(t *testing.T, amount int64) acquirer.Capture {
	t.Helper()
	c := p.capture(p.held(t, amount), amount)
	want(t, call(t, p.Gateway.Capture, c), acquirer.Approved, c.Reference, c.Amount)
	return c
}
