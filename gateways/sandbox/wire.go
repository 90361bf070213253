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

// arrival is what happens when a call reaches the acquirer.
type arrival func(context.Context) (acquirer.Answer, error)

// deliver carries a call over the wire: latency, then the fault of this call, then
// the acquirer. It returns soon after ctx is done; what the acquirer was told
// before stays told.
func (g *Gateway) deliver(ctx context.Context, call Call, card Fault, arrive arrival) (acquirer.Answer, error) {
	fault := g.faultOf(ctx, call, card)
	switch {
	case fault.Down:
		return acquirer.Answer{}, call.failed(errors.New("connection refused"), acquirer.ErrNotSent)
	case ctx.Err() != nil:
		return acquirer.Answer{}, call.failed(context.Cause(ctx), acquirer.ErrNotSent)
	case fault.DropRequest:
		return acquirer.Answer{}, call.silence(ctx)
	case fault.Late:
		return acquirer.Answer{}, g.deliverLate(ctx, call, fault.LateBy, arrive)
	}
	if g.latency != nil && !pause(ctx, g.latency(call)) {
		return acquirer.Answer{}, call.silence(ctx)
	}
	answer, err := arrive(ctx)
	if err != nil {
		return acquirer.Answer{}, call.failed(err)
	}
	if fault == (Fault{}) {
		return answer, nil
	}
	return g.mangle(ctx, call, fault, answer, arrive)
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
func (g *Gateway) mangle(ctx context.Context, call Call, fault Fault, answer acquirer.Answer, arrive arrival) (acquirer.Answer, error) {
	if fault.Duplicate {
		again, err := arrive(ctx)
		if err != nil {
			return acquirer.Answer{}, call.failed(err)
		}
		answer = again
	}
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
func (g *Gateway) deliverLate(ctx context.Context, call Call, by time.Duration, arrive arrival) error {
	g.late.Go(func() {
		<-ctx.Done()
		on := context.WithoutCancel(ctx)
		if pause(on, by) {
			_, _ = arrive(on) // nobody waits for the answer
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
