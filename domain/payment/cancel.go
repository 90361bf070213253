package payment

import (
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
)

// Cancel wishes to give the whole hold back.
type Cancel struct {
	Reference id.Reference
	Reason    string
	Deadline  time.Time
}

// Decide refuses all but a hold with no other act under way. A hold past its
// expiry may still be cancelled: giving back is always right.
func (w Cancel) Decide(s State) ([]Event, *refusal.Refusal) {
	switch {
	case s.Status != StatusAuthorized:
		return nil, refusal.New(refusal.PaymentNotCancellable, notCancellable(s))
	case s.Open != nil:
		return nil, refusal.New(refusal.PaymentNotCancellable,
			"A "+string(s.Open.Operation)+" of this payment is under way. Retrieve the payment to see how it ends.")
	}
	return []Event{CancellationRequested{Reference: w.Reference, Reason: w.Reason, Deadline: instant(w.Deadline)}}, nil
}

func notCancellable(s State) string {
	const only = "Only an authorized, uncaptured payment can be cancelled; this one is "
	if s.Captured > 0 {
		return only + string(s.Status) + ". Refund it instead."
	}
	return only + string(s.Status) + "."
}
