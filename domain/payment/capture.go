package payment

import (
	"fmt"
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
)

// Capture wishes to take money from the hold, once; what it leaves is released.
type Capture struct {
	Reference id.Reference
	Amount    *int64    // nil: all that can be captured
	Now       time.Time // the merchant's clock, which judges expiry
	Deadline  time.Time // wall clock
}

// Decide checks, in this order: that the hold has not run out, that it can be
// captured (no other act is under way, nothing was taken before), the amount.
func (w Capture) Decide(s State) ([]Event, *refusal.Refusal) {
	held := s.Status == StatusAuthorized
	if s.Expired || held && s.Open == nil && !w.Now.Before(s.ExpiresAt) {
		return nil, refusal.New(refusal.AuthorizationExpired, "The authorization has expired. Create a new payment.")
	}
	if !held || s.Open != nil {
		return nil, refusal.New(refusal.PaymentNotCapturable, notCapturable(s))
	}
	capturable := s.AmountCapturable()
	amount := capturable
	if w.Amount != nil {
		amount = *w.Amount
	}
	switch {
	case amount < 1:
		return nil, refusal.Of(refusal.AmountTooSmall, "amount", "The amount is too small. Send at least 1, or none to capture all.")
	case amount > capturable:
		return nil, refusal.Of(refusal.CaptureExceedsAuthorized, "amount",
			fmt.Sprintf("The amount exceeds what is authorized. Send at most %d, or none to capture all.", capturable))
	}
	return []Event{CaptureRequested{Reference: w.Reference, Amount: amount, Deadline: instant(w.Deadline)}}, nil
}

func notCapturable(s State) string {
	if s.Status == StatusAuthorized {
		return "A " + string(s.Open.Operation) + " of this payment is under way. Retrieve the payment to see how it ends."
	}
	return "Only an authorized payment can be captured, and only once; this one is " + string(s.Status) + "."
}
