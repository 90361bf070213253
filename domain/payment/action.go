package payment

import (
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
)

// CompleteAction tells how the cardholder's action (3-D Secure) ended. After a
// success the authorization is asked for again, under Reference.
type CompleteAction struct {
	Reference id.Reference
	Succeeded bool
	Deadline  time.Time
}

// Decide refuses a payment that waits for no action. A cardholder who failed
// fails the payment at once: the network is not asked again.
func (w CompleteAction) Decide(s State) ([]Event, *refusal.Refusal) {
	if !s.AwaitingAction {
		return nil, refusal.New(refusal.PaymentNotAwaitingAction,
			"This payment waits for no cardholder action. Retrieve it to see its status.")
	}
	events := []Event{ActionCompleted{Reference: w.Reference, Succeeded: w.Succeeded, Deadline: instant(w.Deadline)}}
	if !w.Succeeded {
		events = append(events, Failed{
			Reference: w.Reference, Code: CodeAuthenticationFailed, DeclineCode: "authentication_required",
			RetryAdvice: "retry_with_other_method", Message: "The cardholder could not be authenticated.",
		})
	}
	return events, nil
}
