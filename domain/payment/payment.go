// Package payment is the life of one payment: its authorization, capture,
// cancellation, refunds and corrections, as pure functions over its events.
//
//	                   ┌─ failed                             (issuer declined, or the network never got it)
//	(none) ─ requested ┼─ action_required ─┐ (3-D Secure)
//	       = pending   │   = pending       ├─ authorized ─┬─ captured ─┬─ captured, partly refunded … ─ refunded
//	                   ├─ outcome_unknown ─┘              ├─ cancelled └─ disputed (flag)
//	                   └─ authorized                      └─ expired  = cancelled, reason expired
//
// Decide functions look at a State and a wish and return events or a
// *refusal.Refusal; Evolve folds one event and never refuses. Every act on the
// world is an intent event, the act, and exactly one outcome event.
package payment

import (
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Status is the public state of a payment.
type Status string

// The public states. All else is told by fields.
const (
	StatusPending    Status = "pending"
	StatusAuthorized Status = "authorized"
	StatusCaptured   Status = "captured"
	StatusFailed     Status = "failed"
	StatusCancelled  Status = "cancelled"
	StatusRefunded   Status = "refunded" // only when all that was captured is returned
)

// State is what later decisions need to know of a payment; the zero value is
// "no such payment". What is only shown belongs to a projection.
type State struct {
	ID       id.Payment
	Merchant id.Merchant
	Livemode bool
	Version  int
	Gateway  string
	Status   Status
	Currency money.Currency

	Requested  int64 // asked for
	Authorized int64 // held by the issuer; below Requested on a partial approval
	Captured   int64
	Released   int64 // given back of the hold
	Disputed   bool

	Authorization id.Reference // the reference under which the hold stands
	Capture       id.Reference // the reference under which the money was taken
	ExpiresAt     time.Time    // of the hold

	AwaitingAction bool
	// Open is the intent without an outcome, at most one besides refunds.
	Open    *Intent
	Refunds []Refund
}

// Intent is an act on the world whose outcome is not recorded yet.
type Intent struct {
	Operation acquirer.Operation
	Reference id.Reference
	Amount    int64
	Deadline  time.Time // after it the outcome is in doubt
	Unknown   bool      // OutcomeUnknown was recorded
}

// Refund is one refund within the payment.
type Refund struct {
	ID        id.Refund
	Reference id.Reference
	Amount    int64
	Status    RefundStatus
	Deadline  time.Time
	Unknown   bool
}

// RefundStatus is the public state of a refund.
type RefundStatus string

// The states of a refund; one that succeeded can still fail, days later.
const (
	RefundStatusPending   RefundStatus = "pending"
	RefundStatusSucceeded RefundStatus = "succeeded"
	RefundStatusFailed    RefundStatus = "failed"
)
