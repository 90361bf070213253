package payment

import (
	"fmt"
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
)

// RefundsMax bounds the refunds of one payment, failed ones too: each one is
// folded whenever the payment is read.
const RefundsMax = 500

// RequestRefund wishes to return captured money.
type RequestRefund struct {
	Refund    id.Refund
	Reference id.Reference
	Amount    *int64 // nil: all that is left
	Reason    string // duplicate, fraudulent, customer_request, other; may be empty
	Metadata  map[string]string
	Deadline  time.Time
}

// Decide checks, in this order: that money was captured, that no dispute is open,
// the amount. Refunds under way count as if they had succeeded.
func (w RequestRefund) Decide(s State) ([]Event, *refusal.Refusal) {
	left := s.AmountRefundable()
	switch {
	case s.Status != StatusCaptured && s.Status != StatusRefunded:
		return nil, refusal.New(refusal.PaymentNotRefundable, notRefundable(s))
	case s.Disputed:
		return nil, refusal.New(refusal.PaymentDisputed,
			"A dispute of this payment is open, and the bank has taken the money already. Accept the dispute instead.")
	case len(s.Refunds) >= RefundsMax:
		return nil, refusal.New(refusal.PaymentNotRefundable, fmt.Sprintf("A payment can have at most %d refunds.", RefundsMax))
	case w.Amount == nil && left == 0:
		return nil, refusal.New(refusal.PaymentNotRefundable, "Everything captured has been refunded, or is being refunded.")
	}
	amount := left
	if w.Amount != nil {
		amount = *w.Amount
	}
	switch {
	case amount < 1:
		return nil, refusal.Of(refusal.AmountTooSmall, "amount", "The amount is too small. Send at least 1, or none to refund all that is left.")
	case amount > left:
		return nil, refusal.Of(refusal.RefundExceedsCapture, "amount", exceedsCapture(left))
	}
	return []Event{RefundRequested{
		Refund: w.Refund, Reference: w.Reference, Amount: amount, Reason: w.Reason, Metadata: w.Metadata, Deadline: instant(w.Deadline),
	}}, nil
}

func notRefundable(s State) string {
	const only = "Only a captured payment can be refunded; this one is "
	if s.Status == StatusAuthorized {
		return only + "authorized. Cancel it instead."
	}
	return only + string(s.Status) + "."
}

func exceedsCapture(left int64) string {
	if left == 0 {
		return "Refunds together may not exceed what was captured, and nothing is left to refund."
	}
	return fmt.Sprintf("Refunds together may not exceed what was captured. Send at most %d.", left)
}
