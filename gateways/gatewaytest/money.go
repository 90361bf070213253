package gatewaytest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
)

func answersEcho(t *testing.T, p probe) {
	a := p.held(t, 1234)
	c := p.capture(a, 1234)
	want(t, call(t, p.Gateway.Capture, c), acquirer.Approved, c.Reference, c.Amount)
	r := p.refund(c, 1234)
	want(t, call(t, p.Gateway.Refund, r), acquirer.Approved, r.Reference, r.Amount)
	b := p.held(t, 777)
	x := p.cancel(b)
	answer := call(t, p.Gateway.Cancel, x)
	want(t, answer, acquirer.Approved, x.Reference, answer.Amount) // it gives back the whole hold, however much that is
}

func declineIsAnswer(t *testing.T, p probe) {
	a := p.authorization(500)
	a.Instrument = p.Declined
	want(t, call(t, p.Gateway.Authorize, a), acquirer.Declined, a.Reference, a.Amount)
	c := p.capture(a, 500)
	want(t, call(t, p.Gateway.Capture, c), acquirer.Declined, c.Reference, c.Amount)
}

func partialCapture(t *testing.T, p probe) {
	c := p.capture(p.held(t, 1000), 400)
	want(t, call(t, p.Gateway.Capture, c), acquirer.Approved, c.Reference, c.Amount)
	r := p.refund(c, 401)
	want(t, call(t, p.Gateway.Refund, r), acquirer.Declined, r.Reference, r.Amount)
}

func overCapture(t *testing.T, p probe) {
	a := p.held(t, 1000)
	over := p.capture(a, 1001)
	want(t, call(t, p.Gateway.Capture, over), acquirer.Declined, over.Reference, over.Amount)
	exact := p.capture(a, 1000)
	want(t, call(t, p.Gateway.Capture, exact), acquirer.Approved, exact.Reference, exact.Amount)
}

func captureOnce(t *testing.T, p probe) {
	a := p.held(t, 1000)
	first := p.capture(a, 400)
	want(t, call(t, p.Gateway.Capture, first), acquirer.Approved, first.Reference, first.Amount)
	second := p.capture(a, 400)
	want(t, call(t, p.Gateway.Capture, second), acquirer.Declined, second.Reference, second.Amount)
}

func overRefund(t *testing.T, p probe) {
	c := p.taken(t, 1000)
	for _, part := range []int64{600, 300} {
		r := p.refund(c, part)
		want(t, call(t, p.Gateway.Refund, r), acquirer.Approved, r.Reference, r.Amount)
	}
	over := p.refund(c, 101)
	want(t, call(t, p.Gateway.Refund, over), acquirer.Declined, over.Reference, over.Amount)
	rest := p.refund(c, 100)
	want(t, call(t, p.Gateway.Refund, rest), acquirer.Approved, rest.Reference, rest.Amount)
}

func cancelAfterCapture(t *testing.T, p probe) {
	a := p.held(t, 1000)
	c := p.capture(a, 1000)
	want(t, call(t, p.Gateway.Capture, c), acquirer.Approved, c.Reference, c.Amount)
	x := p.cancel(a)
	want(t, call(t, p.Gateway.Cancel, x), acquirer.Declined, x.Reference, x.Amount)
	r := p.refund(c, 1000)
	want(t, call(t, p.Gateway.Refund, r), acquirer.Approved, r.Reference, r.Amount)
}

func captureAfterCancel(t *testing.T, p probe) {
	a := p.held(t, 1000)
	if x := p.cancel(a); call(t, p.Gateway.Cancel, x).Outcome != acquirer.Approved {
		t.Fatal("the cancel was not approved")
	}
	c := p.capture(a, 1000)
	want(t, call(t, p.Gateway.Capture, c), acquirer.Declined, c.Reference, c.Amount)
}

// silenceMax is how long a call may go on when its context is over.
const silenceMax = 5 * time.Second

func contextEnds(t *testing.T, p probe) {
	needs(t, p.Silent != acquirer.Instrument{}, "an instrument without an answer")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	a := p.authorization(1000)
	a.Instrument = p.Silent
	began := time.Now()
	answer, err := p.Gateway.Authorize(ctx, a)
	if err == nil || errors.Is(err, acquirer.ErrNotSent) {
		t.Fatalf("silence gave %+v and error %v, want an error that leaves the outcome in doubt", answer, err)
	}
	if took := time.Since(began); took > silenceMax {
		t.Errorf("returned %s after the start", took)
	}
}

func contextEnded(t *testing.T, p probe) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := p.authorization(1000)
	if _, err := p.Gateway.Authorize(ctx, a); !errors.Is(err, acquirer.ErrNotSent) {
		t.Errorf("got %v, want acquirer.ErrNotSent: nothing can have been sent", err)
	}
}
