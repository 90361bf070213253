package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// errSilence is why a call ends without an answer.
var errSilence = errors.New("no answer")

// deliver carries a call over the wire: the fault of this call, latency, then the
// acquirer. It returns soon after ctx is done; what the acquirer was told before
// stays told. Of an inquiry, e holds the reference and the clock alone.
func (g *Gateway) deliver(ctx context.Context, call Call, card Fault, e Entry) (acquirer.Answer, error) {
	fault := g.faultOf(ctx, call, card)
	switch {
	case fault.Down:
		return acquirer.Answer{}, call.failed(errors.New("connection refused"), acquirer.ErrNotSent)
	case ctx.Err() != nil:
		return acquirer.Answer{}, call.failed(context.Cause(ctx), acquirer.ErrNotSent)
	case fault.DropRequest:
		return acquirer.Answer{}, call.silence(ctx)
	case fault.Late:
		return acquirer.Answer{}, g.deliverLate(ctx, call, fault.LateBy, e)
	}
	if g.latency != nil && !pause(ctx, g.latency(call)) {
		return acquirer.Answer{}, call.silence(ctx)
	}
	answer, err := g.arrive(ctx, call, e)
	if err == nil && fault.Duplicate {
		answer, err = g.arrive(ctx, call, e)
	}
	if err != nil {
		return acquirer.Answer{}, call.failed(err)
	}
	if fault == (Fault{}) {
		return answer, nil
	}
	return mangle(ctx, call, fault, answer)
}

// arrive is what happens when a call reaches the acquirer.
func (g *Gateway) arrive(ctx context.Context, call Call, e Entry) (acquirer.Answer, error) {
	if !call.Inquiry {
		stands, err := g.book.Enter(ctx, e)
		if err != nil {
			return acquirer.Answer{}, err
		}
		return g.answer(stands), nil
	}
	found, known, err := g.book.Find(ctx, e.Reference, e.At)
	switch {
	case err != nil:
		return acquirer.Answer{}, err
	case !known:
		return acquirer.Answer{Reference: e.Reference, Outcome: acquirer.NotFound}, nil
	}
	return g.answer(found), nil
}

// faultOf lets the plan speak first, then the card.
func (g *Gateway) faultOf(ctx context.Context, call Call, card Fault) Fault {
	if g.faults != nil {
		if planned := g.faults(ctx, call); planned != (Fault{}) {
			return planned
		}
	}
	return card
}

// mangle is what can happen to an answer on its way back.
func mangle(ctx context.Context, call Call, fault Fault, answer acquirer.Answer) (acquirer.Answer, error) {
	if fault.DropAnswer || !pause(ctx, fault.Delay) {
		return acquirer.Answer{}, call.silence(ctx)
	}
	if answer.Outcome == acquirer.Approved {
		answer.Amount = money.Of(answer.Amount.Minor+fault.AmountOff, answer.Amount.Currency)
	}
	if !fault.Reference.IsZero() {
		answer.Reference = fault.Reference
	}
	return answer, nil
}

// deliverLate lets the request arrive after its caller has given up. The delivery
// outlives the call; Wait waits for it.
func (g *Gateway) deliverLate(ctx context.Context, call Call, by time.Duration, e Entry) error {
	g.late.Go(func() {
		<-ctx.Done()
		on := context.WithoutCancel(ctx)
		if pause(on, by) {
			_, _ = g.arrive(on, call, e) // nobody waits for the answer
		}
	})
	return call.silence(ctx)
}

// pause reports whether d went by before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// silence waits until the caller gives up.
func (c Call) silence(ctx context.Context) error {
	<-ctx.Done()
	return c.failed(errSilence, context.Cause(ctx))
}

func (c Call) failed(causes ...error) error {
	what := string(c.Operation)
	if c.Inquiry {
		what = "inquiry of " + what
	}
	return fmt.Errorf("sandbox %s %s: %w", what, c.Reference, errors.Join(causes...))
}

// transactionID is the network's own id of a call: 15 digits, as Visa's, made from
// the reference so that it is the same on every run.
func transactionID(reference id.Reference) string {
	var digits [15]byte
	rest := uint64(0)
	for _, b := range reference.UUID() {
		rest = rest*257 + uint64(b)
	}
	for i := range digits {
		digits[i] = '0' + byte(rest%10)
		rest /= 10
	}
	return string(digits[:])
}
