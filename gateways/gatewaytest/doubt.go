package gatewaytest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/money"
)

func idempotentReference(t *testing.T, p probe) {
	needs(t, p.traits.IdempotentReference, "an idempotent reference")
	twice := func(name string, send func() acquirer.Answer) {
		first, again := send(), send()
		if first.Outcome != again.Outcome || first.Amount != again.Amount || first.Reference != again.Reference || first.Decline != again.Decline {
			t.Errorf("%s: first %+v, then %+v", name, first, again)
		}
	}
	a := p.authorization(1000)
	twice("authorize", func() acquirer.Answer { a.At = time.Now(); return call(t, p.Gateway.Authorize, a) })
	declined := p.authorization(1000)
	declined.Instrument = p.Declined
	twice("declined", func() acquirer.Answer { return call(t, p.Gateway.Authorize, declined) })
	c := p.capture(a, 700)
	twice("capture", func() acquirer.Answer { return call(t, p.Gateway.Capture, c) })
	r := p.refund(c, 600)
	twice("refund", func() acquirer.Answer { return call(t, p.Gateway.Refund, r) })
	left := p.refund(c, 100)
	want(t, call(t, p.Gateway.Refund, left), acquirer.Approved, left.Reference, left.Amount) // 700 = 600 once + 100
	x := p.cancel(p.held(t, 50))
	twice("cancel", func() acquirer.Answer { return call(t, p.Gateway.Cancel, x) })
}

// sides is how many callers share a reference in the tests of concurrency.
const sides = 50

func idempotentTogether(t *testing.T, p probe) {
	needs(t, p.traits.IdempotentReference, "an idempotent reference")
	a := p.authorization(1000)
	together(t, func() acquirer.Answer { return call(t, p.Gateway.Authorize, a) }, a.Amount)
	c := p.capture(a, 900)
	together(t, func() acquirer.Answer { return call(t, p.Gateway.Capture, c) }, c.Amount)
	r := p.refund(c, 500)
	together(t, func() acquirer.Answer { return call(t, p.Gateway.Refund, r) }, r.Amount)
	over := p.refund(c, 401)
	want(t, call(t, p.Gateway.Refund, over), acquirer.Declined, over.Reference, over.Amount)
	rest := p.refund(c, 400)
	want(t, call(t, p.Gateway.Refund, rest), acquirer.Approved, rest.Reference, rest.Amount) // 900 = 500 once + 400
}

func together(t *testing.T, send func() acquirer.Answer, amount money.Money) {
	t.Helper()
	var wait sync.WaitGroup
	answers := make([]acquirer.Answer, sides)
	for i := range answers {
		wait.Go(func() { answers[i] = send() })
	}
	wait.Wait()
	for _, answer := range answers {
		if answer.Outcome != acquirer.Approved || answer.Amount != amount {
			t.Fatalf("one of %d got %+v, want %+v approved", sides, answer, amount)
		}
	}
}

func duplicateReference(t *testing.T, p probe) {
	needs(t, p.traits.IdempotentReference, "an idempotent reference")
	a := p.held(t, 1000)
	other := a
	other.Amount = p.money(2000)
	want(t, call(t, p.Gateway.Authorize, other), acquirer.Declined, a.Reference, a.Amount)
	c := p.capture(a, 1000) // the hold of the first request stands
	want(t, call(t, p.Gateway.Capture, c), acquirer.Approved, c.Reference, c.Amount)
	less := c
	less.Amount = p.money(10)
	want(t, call(t, p.Gateway.Capture, less), acquirer.Declined, c.Reference, c.Amount)
}

func inquiryTells(t *testing.T, p probe) {
	needs(t, p.traits.Inquiry, "inquiry")
	a := p.held(t, 1000)
	want(t, call(t, p.Gateway.Inquire, p.inquiry(acquirer.OperationAuthorize, a.Reference, a.Payment)), acquirer.Approved, a.Reference, a.Amount)
	c := p.capture(a, 900)
	call(t, p.Gateway.Capture, c)
	want(t, call(t, p.Gateway.Inquire, p.inquiry(acquirer.OperationCapture, c.Reference, c.Payment)), acquirer.Approved, c.Reference, c.Amount)
	r := p.refund(c, 901)
	call(t, p.Gateway.Refund, r)
	want(t, call(t, p.Gateway.Inquire, p.inquiry(acquirer.OperationRefund, r.Reference, r.Payment)), acquirer.Declined, r.Reference, r.Amount)
}

func inquiryNotFound(t *testing.T, p probe) {
	needs(t, p.traits.Inquiry, "inquiry")
	for _, op := range []acquirer.Operation{acquirer.OperationAuthorize, acquirer.OperationCapture, acquirer.OperationCancel, acquirer.OperationRefund} {
		unknown := newReference()
		want(t, call(t, p.Gateway.Inquire, p.inquiry(op, unknown, newPayment())), acquirer.NotFound, unknown, p.money(0))
	}
}

func inquiryAfterSilence(t *testing.T, p probe) {
	needs(t, p.traits.Inquiry, "inquiry")
	needs(t, p.Silent != acquirer.Instrument{}, "an instrument without an answer")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	a := p.authorization(1000)
	a.Instrument = p.Silent
	if answer, err := p.Gateway.Authorize(ctx, a); err == nil {
		t.Fatalf("got %+v, want silence", answer)
	}
	answer := call(t, p.Gateway.Inquire, p.inquiry(acquirer.OperationAuthorize, a.Reference, a.Payment))
	if answer.Outcome != acquirer.Approved && answer.Outcome != acquirer.NotFound {
		t.Fatalf("inquiry says %+v", answer)
	}
	x := p.cancel(a)
	if answer := call(t, p.Gateway.Cancel, x); answer.Outcome != acquirer.Approved {
		t.Fatalf("reversal was answered %+v", answer)
	}
	if c := p.capture(a, 1000); call(t, p.Gateway.Capture, c).Outcome == acquirer.Approved {
		t.Error("a reversed authorization was captured")
	}
}

func stickyReversal(t *testing.T, p probe) {
	needs(t, p.traits.StickyReversal, "a sticky reversal")
	a := p.authorization(1000)
	if answer := call(t, p.Gateway.Cancel, p.cancel(a)); answer.Outcome != acquirer.Approved {
		t.Fatalf("reversal of what has not arrived was answered %+v", answer)
	}
	p.wantDefeated(t, a)
}

// wantDefeated sends a, late, and wants nothing held.
func (p probe) wantDefeated(t *testing.T, a acquirer.Authorize) {
	t.Helper()
	if late := call(t, p.Gateway.Authorize, a); late.Outcome == acquirer.Approved || late.Outcome == acquirer.Pending {
		t.Fatalf("the reversed authorization was answered %+v", late)
	}
	if c := p.capture(a, a.Amount.Minor); call(t, p.Gateway.Capture, c).Outcome == acquirer.Approved {
		t.Fatal("a reversed authorization was captured")
	}
	if p.traits.Inquiry {
		answer := call(t, p.Gateway.Inquire, p.inquiry(acquirer.OperationAuthorize, a.Reference, a.Payment))
		if answer.Outcome == acquirer.Approved {
			t.Fatalf("inquiry of a reversed authorization says %+v", answer)
		}
	}
}

func reversalRace(t *testing.T, p probe) {
	needs(t, p.traits.StickyReversal, "a sticky reversal")
	for range 20 {
		a := p.authorization(1000)
		x := p.cancel(a)
		var wait sync.WaitGroup
		var reversed acquirer.Answer
		wait.Go(func() { call(t, p.Gateway.Authorize, a) })
		wait.Go(func() { reversed = call(t, p.Gateway.Cancel, x) })
		wait.Wait()
		if reversed.Outcome != acquirer.Approved {
			t.Fatalf("the reversal was answered %+v", reversed)
		}
		p.wantDefeated(t, a)
	}
}

func repeatAfterReversal(t *testing.T, p probe) {
	needs(t, p.traits.IdempotentReference && p.traits.StickyReversal, "an idempotent reference and a sticky reversal")
	a := p.held(t, 1000)
	if answer := call(t, p.Gateway.Cancel, p.cancel(a)); answer.Outcome != acquirer.Approved {
		t.Fatalf("the cancel was answered %+v", answer)
	}
	p.wantDefeated(t, a)
}

func oneMessage(t *testing.T, p probe) {
	needs(t, p.traits.OneMessageCapture, "capture in one message")
	a := p.authorization(1000)
	a.Capture, a.CaptureReference = true, newReference()
	answer := call(t, p.Gateway.Authorize, a)
	want(t, answer, acquirer.Approved, a.Reference, a.Amount)
	if !answer.Captured {
		t.Fatal("held, not captured")
	}
	c := acquirer.Capture{Reference: a.CaptureReference, Payment: a.Payment}
	r := p.refund(c, 1000)
	want(t, call(t, p.Gateway.Refund, r), acquirer.Approved, r.Reference, r.Amount)
	over := p.refund(c, 1)
	want(t, call(t, p.Gateway.Refund, over), acquirer.Declined, over.Reference, over.Amount)
}

// An authorization in doubt may have captured too; its reversal must not fail for
// that, or the payment could never be concluded.
func reverseOneMessage(t *testing.T, p probe) {
	needs(t, p.traits.OneMessageCapture, "capture in one message")
	a := p.authorization(1000)
	a.Capture, a.CaptureReference = true, newReference()
	call(t, p.Gateway.Authorize, a)
	if answer := call(t, p.Gateway.Cancel, p.cancel(a)); answer.Outcome != acquirer.Approved {
		t.Fatalf("the reversal was answered %+v", answer)
	}
	r := p.refund(acquirer.Capture{Reference: a.CaptureReference, Payment: a.Payment}, 1000)
	want(t, call(t, p.Gateway.Refund, r), acquirer.Declined, r.Reference, r.Amount)
}
