// Package payment is the life of one payment: its authorization, capture,
// cancellation, refunds and corrections, as pure functions over its events.
//
//	                   ┌─ failed                             (issuer declined, or the network never got it)
//	(none) ─ requested ┼─ action_required ─┐ (3-D Secure)
//	       = pending   │   = pending       ├─ authorized ─┬─ captured ─┬─ captured, partly refunded … ─ refunded
//	                   ├─ outcome_unknown ─┘              ├─ cancelled └─ disputed (flag)
//	                   └─ authorized                      └─ expired  = cancelled, reason expired
//
// A wish (Authorize, Capture, Cancel, Refund, …) has one method, Decide: it looks
// at a State and returns events or a *refusal.Refusal. Evolve folds one event and
// never refuses. Every act on the world is an intent event, the act, and exactly
// one outcome event: State.Conclude turns the acquirer's answer into it,
// State.NotSent and State.Doubt the lack of one, and State.NextStep says what to
// do about an outcome that stays in doubt.
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

	Authorization id.Reference // of the latest authorization call; the hold stands under it
	Capture       id.Reference // of the latest capture call; the money was taken under it
	ExpiresAt     time.Time    // of the hold

	// CaptureAtOnce is the wish of the authorization, CaptureReference the reference
	// its capture goes by, in one message or in two.
	CaptureAtOnce    bool
	CaptureReference id.Reference

	AwaitingAction bool
	Expired        bool // cancelled because the hold ran out
	LateApproval   bool // noted while the reversal was under way
	// Open is the intent without an outcome, at most one besides refunds.
	Open    *Intent
	Refunds []Refund
	// RefundsCorrected is what corrections added to (or took from) the refunds that succeeded.
	RefundsCorrected int64
}

// Intent is an act on the world whose outcome is not recorded yet.
type Intent struct {
	Operation acquirer.Operation
	Reference id.Reference
	Refund    id.Refund // of a refund
	Amount    int64
	// Deadline is when the call is given up; the outcome is in doubt after it. A
	// reversal has that of its authorization.
	Deadline time.Time
	Unknown  bool   // OutcomeUnknown was recorded
	Reason   string // of a cancel
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

// Exists reports whether there is such a payment.
func (s State) Exists() bool { return s.Status != "" }

// AmountCapturable is what a capture may take now: zero while a capture or a
// cancellation is under way.
func (s State) AmountCapturable() int64 {
	if s.Status != StatusAuthorized || s.Open != nil {
		return 0
	}
	return s.Authorized - s.Released
}

// AmountRefunded is what has gone back: refunds that succeeded, as corrected.
func (s State) AmountRefunded() int64 {
	return s.refunds(RefundStatusSucceeded) + s.RefundsCorrected
}

// AmountRefunding is what refunds under way will take.
func (s State) AmountRefunding() int64 { return s.refunds(RefundStatusPending) }

// AmountRefundable is what a new refund may take: pending refunds are counted as
// if they had succeeded.
func (s State) AmountRefundable() int64 {
	return s.Captured - s.AmountRefunded() - s.AmountRefunding()
}

func (s State) refunds(status RefundStatus) (sum int64) {
	for i := range s.Refunds {
		if s.Refunds[i].Status == status {
			sum += s.Refunds[i].Amount
		}
	}
	return sum
}

// Intents lists every act without an outcome: Open and the pending refunds.
func (s State) Intents() []Intent {
	var open []Intent
	if s.Open != nil {
		open = append(open, *s.Open)
	}
	for i := range s.Refunds {
		if s.Refunds[i].Status == RefundStatusPending {
			open = append(open, s.Refunds[i].intent())
		}
	}
	return open
}

// Intent finds the act without an outcome that goes by reference.
func (s State) Intent(reference id.Reference) (Intent, bool) {
	if s.Open != nil && s.Open.Reference == reference {
		return *s.Open, true
	}
	if i := s.refundByReference(reference); i >= 0 && s.Refunds[i].Status == RefundStatusPending {
		return s.Refunds[i].intent(), true
	}
	return Intent{}, false
}

// RefundOf finds a refund by its id.
func (s State) RefundOf(refund id.Refund) (Refund, bool) {
	for i := range s.Refunds {
		if s.Refunds[i].ID == refund {
			return s.Refunds[i], true
		}
	}
	return Refund{}, false
}

func (s State) refundByReference(reference id.Reference) int {
	for i := range s.Refunds {
		if s.Refunds[i].Reference == reference {
			return i
		}
	}
	return -1
}

func (r Refund) intent() Intent {
	return Intent{
		Operation: acquirer.OperationRefund, Reference: r.Reference, Refund: r.ID,
		Amount: r.Amount, Deadline: r.Deadline, Unknown: r.Unknown,
	}
}
