package payment

import (
	"fmt"

	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/refusal"
)

// Correct wishes to set what was captured and refunded to what the acquirer's
// statement proves.
type Correct struct {
	AmountCaptured int64
	AmountRefunded int64
	Reason         string
	Operator       string // who asks
	ApprovedBy     string // another operator, verified by whoever words the wish; needed above CorrectionAloneMax
}

// CorrectionAloneMax is the largest change, in minor units, that one operator may
// make alone: 1,000 of the currency's major unit.
func CorrectionAloneMax(currency money.Currency) int64 {
	largest := int64(1_000)
	for range currency.Exponent() {
		largest *= 10
	}
	return largest
}

// Decide checks, in this order: that there was a hold and nothing is under way;
// then the fields: reason and amounts, all found at once; then the second pair of
// eyes.
func (w Correct) Decide(s State) ([]Event, *refusal.Refusal) {
	if s.Authorized == 0 || s.Open != nil || s.AmountRefunding() > 0 {
		return nil, refusal.New(refusal.PaymentNotCorrectable,
			"Only a payment that was authorized, and has no act under way, can be corrected.")
	}
	if wrong := w.check(s); wrong != nil {
		return nil, wrong
	}
	change := max(distance(w.AmountCaptured, s.Captured), distance(w.AmountRefunded, s.AmountRefunded()))
	limit := CorrectionAloneMax(s.Currency)
	if change > limit && (w.ApprovedBy == "" || w.ApprovedBy == w.Operator) {
		return nil, refusal.Of(refusal.SecondApproverNeeded, "approved_by",
			fmt.Sprintf("A change of more than %d needs a second operator's approval.", limit))
	}
	return []Event{Corrected{AmountCaptured: w.AmountCaptured, AmountRefunded: w.AmountRefunded, Reason: w.Reason, ApprovedBy: w.ApprovedBy}}, nil
}

func (w Correct) check(s State) (wrong *refusal.Refusal) {
	if w.Reason == "" {
		wrong = wrong.And(refusal.Of(refusal.PaymentNotCorrectable, "reason", "Say what proves the correction."))
	}
	if w.AmountCaptured < 0 || w.AmountCaptured > s.Authorized {
		wrong = wrong.And(refusal.Of(refusal.CaptureExceedsAuthorized, "amount_captured",
			fmt.Sprintf("Send what was captured: 0 to %d, the amount authorized.", s.Authorized)))
	}
	if w.AmountRefunded < 0 || w.AmountRefunded > w.AmountCaptured {
		wrong = wrong.And(refusal.Of(refusal.RefundExceedsCapture, "amount_refunded",
			"Send what was refunded: 0 to the amount captured."))
	}
	if wrong == nil && w.AmountCaptured == s.Captured && w.AmountRefunded == s.AmountRefunded() {
		wrong = refusal.New(refusal.PaymentNotCorrectable, "The payment stands at these amounts already.")
	}
	return wrong
}

// distance of two amounts within the bounds of payments, so it cannot overflow.
func distance(a, b int64) int64 { return max(a-b, b-a) }
