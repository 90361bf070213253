// Package merchant is who takes payments: onboarding, freezing, settings, and the
// test clock.
//
//	(none) ─ pending_review ─► active ◄─► suspended
//	                │            └────────────┴─► terminated (for good)
//	                └───────────────────────────► terminated
package merchant

import (
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Status is where a merchant stands; only an active one takes payments.
type Status string

// The states.
const (
	StatusPendingReview Status = "pending_review"
	StatusActive        Status = "active"
	StatusSuspended     Status = "suspended" // frozen: no new payments; captures, cancels and refunds go on
	StatusTerminated    Status = "terminated"
)

// State is a merchant; the zero value is "no such merchant".
type State struct {
	ID                 id.Merchant
	Version            int
	Status             Status
	BusinessName       string
	MCC                string // ISO 18245, four digits
	Country            string // ISO 3166-1 alpha-2, upper case
	SettlementCurrency money.Currency
	WebhookURL         string
	APIVersion         string // pinned, such as 2026-04-01
	Pricing            Pricing
	// ClockOffset is how far the test clock runs ahead of the wall. Live mode has no
	// test clock.
	ClockOffset time.Duration
}

// Pricing is what the merchant pays per capture: a share of the amount and a fixed
// fee in minor units of the payment's currency.
type Pricing struct {
	Percentage money.Rate               `json:"percentage"`
	Fixed      map[money.Currency]int64 `json:"fixed,omitempty"`
}

// Exists reports whether there is such a merchant.
func (s State) Exists() bool { return s.Status != "" }

// Active reports whether the merchant may take payments.
func (s State) Active() bool { return s.Status == StatusActive }

// Clock is the merchant's clock when the wall shows now.
func (s State) Clock(now time.Time, livemode bool) time.Time {
	if livemode {
		return now
	}
	return now.Add(s.ClockOffset)
}

// Fold brings s forward by events, oldest first; it accepts any history.
func Fold(s State, events []Event) State {
	for _, e := range events {
		s = Evolve(s, e)
	}
	return s
}

// Evolve brings s forward by one event; it never refuses.
func Evolve(s State, e Event) State {
	switch e := e.(type) {
	case Created:
		s.ID, s.Status, s.BusinessName, s.MCC, s.Country = e.Merchant, StatusPendingReview, e.BusinessName, e.MCC, e.Country
		s.SettlementCurrency, s.WebhookURL, s.APIVersion, s.Pricing = e.SettlementCurrency, e.WebhookURL, e.APIVersion, e.Pricing
	case Activated, Thawed:
		s.Status = StatusActive
	case Suspended:
		s.Status = StatusSuspended
	case Terminated:
		s.Status = StatusTerminated
	case TestClockAdvanced:
		s.ClockOffset = time.Duration(e.OffsetMilliseconds) * time.Millisecond
	}
	s.Version++
	return s
}
