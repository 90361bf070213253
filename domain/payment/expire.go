package payment

import (
	"time"

	"github.com/paymint/paymint/domain/refusal"
)

// Expire wishes to record that the hold ran out uncaptured.
type Expire struct {
	Now time.Time // the merchant's clock
}

// Decide refuses (not due) until the hold's end, and while a capture or cancel is
// under way, which may yet have succeeded in time.
func (w Expire) Decide(s State) ([]Event, *refusal.Refusal) {
	if s.Status != StatusAuthorized || s.Open != nil || w.Now.Before(s.ExpiresAt) {
		return nil, refusal.New(refusal.NotDue, "The payment has no hold that has run out.")
	}
	return []Event{AuthorizationExpired{Amount: s.Authorized - s.Released}}, nil
}
