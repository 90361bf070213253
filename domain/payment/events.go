package payment

import (
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Event is one fact in a payment's stream. Type is dotted, past tense and final.
type Event interface{ Type() string }

// Recorded is an event as the log holds it: the fact with its envelope.
type Recorded struct {
	ID             id.Event
	Version        int // 1, 2, 3 … in the payment's stream
	RecordedAt     time.Time
	EffectiveAt    time.Time
	Actor          string
	RequestID      string
	IdempotencyKey string
	Event          Event
}

// AuthorizationRequested is the intent of an authorization and the birth of the
// payment. With Capture it is the intent of the capture too: one network message
// where the gateway can (CaptureReference), two otherwise.
type AuthorizationRequested struct {
	Payment             id.Payment        `json:"payment_id"`
	Merchant            id.Merchant       `json:"merchant_id"`
	Livemode            bool              `json:"livemode"`
	Reference           id.Reference      `json:"reference"`
	CaptureReference    id.Reference      `json:"capture_reference,omitzero"`
	Gateway             string            `json:"gateway"`
	Amount              int64             `json:"amount"` // minor units
	Currency            money.Currency    `json:"currency"`
	Capture             bool              `json:"capture"`
	Instrument          Instrument        `json:"instrument"`
	Customer            id.Customer       `json:"customer_id,omitzero"`
	Description         string            `json:"description,omitzero"`
	StatementDescriptor string            `json:"statement_descriptor,omitzero"`
	Metadata            map[string]string `json:"metadata,omitempty"`
	// Deadline is when the network call is given up: the outcome is in doubt after it.
	Deadline time.Time `json:"deadline"`
}

// Instrument is what history keeps of the payment method: nothing that could be charged.
type Instrument struct {
	ID          string `json:"id"`
	Type        string `json:"type"`
	Brand       string `json:"brand,omitzero"`
	LastFour    string `json:"last_four,omitzero"`
	ExpMonth    int    `json:"exp_month,omitzero"`
	ExpYear     int    `json:"exp_year,omitzero"`
	Funding     string `json:"funding,omitzero"`
	Fingerprint string `json:"fingerprint,omitzero"`
}

// Authorized: the issuer holds Amount, which is below the wish on a partial approval.
type Authorized struct {
	Reference            id.Reference `json:"reference"`
	Amount               int64        `json:"amount"`
	NetworkTransactionID string       `json:"network_transaction_id,omitzero"`
	ExpiresAt            time.Time    `json:"expires_at"`
}

// Failed: the issuer declined, risk blocked, or the network never got the request.
type Failed struct {
	Reference   id.Reference `json:"reference"`
	Code        string       `json:"code"`
	DeclineCode string       `json:"decline_code,omitzero"`
	RawCode     string       `json:"raw_code,omitzero"`
	RetryAdvice string       `json:"retry_advice,omitzero"`
	Message     string       `json:"message"`
}

// ActionRequired: the cardholder must do something first (3-D Secure).
type ActionRequired struct {
	Reference id.Reference        `json:"reference"`
	Action    acquirer.NextAction `json:"next_action"`
}

// ActionCompleted is the intent of the second authorization call, made once the
// cardholder was authenticated; with Succeeded false Failed follows at once.
type ActionCompleted struct {
	Reference id.Reference `json:"reference"` // of the second call
	Succeeded bool         `json:"succeeded"`
	Deadline  time.Time    `json:"deadline"`
}

// OutcomeUnknown: the network did not answer; the inquiry reaction finds out.
type OutcomeUnknown struct {
	Reference id.Reference       `json:"reference"`
	Operation acquirer.Operation `json:"operation"`
	Refund    id.Refund          `json:"refund_id,omitzero"`
	Reason    string             `json:"reason"` // timeout, connection_lost, answer_mismatch
}

// ReversalRequested is a point of no return: an approval found later is noted, not honoured.
type ReversalRequested struct {
	Reference     id.Reference `json:"reference"`
	Authorization id.Reference `json:"authorization"`
}

// LateApprovalNoted: the authorization turned out approved after its reversal was requested.
type LateApprovalNoted struct {
	Authorization id.Reference `json:"authorization"`
	Amount        int64        `json:"amount"`
}

// Reversed: the acquirer acknowledged the reversal; nothing is held. The payment has failed.
type Reversed struct {
	Reference id.Reference `json:"reference"`
}

// CaptureRequested is the intent of a capture.
type CaptureRequested struct {
	Reference id.Reference `json:"reference"`
	Amount    int64        `json:"amount"`
	Deadline  time.Time    `json:"deadline"`
}

// Captured: the money is taken.
type Captured struct {
	Reference   id.Reference `json:"reference"`
	Amount      int64        `json:"amount"`
	FundsAtOnce bool         `json:"funds_at_once,omitzero"`
}

// AuthorizationReleased: what a capture left of the hold is given back.
type AuthorizationReleased struct {
	Amount int64 `json:"amount"`
}

// CaptureFailed: nothing was taken; the hold stands and may be captured again.
type CaptureFailed struct {
	Reference id.Reference `json:"reference"`
	Code      string       `json:"code"`
	Message   string       `json:"message"`
}

// CancellationRequested is the intent of a cancel.
type CancellationRequested struct {
	Reference id.Reference `json:"reference"`
	Reason    string       `json:"reason,omitzero"`
	Deadline  time.Time    `json:"deadline"`
}

// Cancelled: the hold is released.
type Cancelled struct {
	Reference id.Reference `json:"reference"`
	Reason    string       `json:"reason,omitzero"`
}

// CancellationFailed: the acquirer would not release; the hold stands.
type CancellationFailed struct {
	Reference id.Reference `json:"reference"`
	Code      string       `json:"code"`
	Message   string       `json:"message"`
}

// AuthorizationExpired: the hold ran out uncaptured.
type AuthorizationExpired struct {
	Amount int64 `json:"amount"`
}

// RefundRequested is the intent of a refund.
type RefundRequested struct {
	Refund    id.Refund         `json:"refund_id"`
	Reference id.Reference      `json:"reference"`
	Amount    int64             `json:"amount"`
	Reason    string            `json:"reason,omitzero"`
	Metadata  map[string]string `json:"metadata,omitempty"`
	Deadline  time.Time         `json:"deadline"`
}

// RefundSucceeded: the acquirer confirmed.
type RefundSucceeded struct {
	Refund    id.Refund    `json:"refund_id"`
	Reference id.Reference `json:"reference"`
}

// RefundFailed: the money stays or came back; it may follow RefundSucceeded by days.
type RefundFailed struct {
	Refund    id.Refund    `json:"refund_id"`
	Reference id.Reference `json:"reference"`
	Code      string       `json:"code"`
	Message   string       `json:"message"`
}

// Corrected sets captured and refunded amounts to what the acquirer's statement
// proves, by a platform operator and, above a limit, a second one.
type Corrected struct {
	AmountCaptured int64  `json:"amount_captured"`
	AmountRefunded int64  `json:"amount_refunded"`
	Reason         string `json:"reason"`
	ApprovedBy     string `json:"approved_by,omitzero"`
}

// The event types, for ever.
const (
	TypeAuthorizationRequested = "payment.authorization_requested"
	TypeAuthorized             = "payment.authorized"
	TypeFailed                 = "payment.failed"
	TypeActionRequired         = "payment.action_required"
	TypeActionCompleted        = "payment.action_completed"
	TypeOutcomeUnknown         = "payment.outcome_unknown"
	TypeReversalRequested      = "payment.reversal_requested"
	TypeLateApprovalNoted      = "payment.late_approval_noted"
	TypeReversed               = "payment.reversed"
	TypeCaptureRequested       = "payment.capture_requested"
	TypeCaptured               = "payment.captured"
	TypeAuthorizationReleased  = "payment.authorization_released"
	TypeCaptureFailed          = "payment.capture_failed"
	TypeCancellationRequested  = "payment.cancellation_requested"
	TypeCancelled              = "payment.cancelled"
	TypeCancellationFailed     = "payment.cancellation_failed"
	TypeAuthorizationExpired   = "payment.authorization_expired"
	TypeRefundRequested        = "refund.requested"
	TypeRefundSucceeded        = "refund.succeeded"
	TypeRefundFailed           = "refund.failed"
	TypeCorrected              = "payment.corrected"
)

// Type implements Event; so do the ones below.
func (AuthorizationRequested) Type() string { return TypeAuthorizationRequested }
func (Authorized) Type() string             { return TypeAuthorized }
func (Failed) Type() string                 { return TypeFailed }
func (ActionRequired) Type() string         { return TypeActionRequired }
func (ActionCompleted) Type() string        { return TypeActionCompleted }
func (OutcomeUnknown) Type() string         { return TypeOutcomeUnknown }
func (ReversalRequested) Type() string      { return TypeReversalRequested }
func (LateApprovalNoted) Type() string      { return TypeLateApprovalNoted }
func (Reversed) Type() string               { return TypeReversed }
func (CaptureRequested) Type() string       { return TypeCaptureRequested }
func (Captured) Type() string               { return TypeCaptured }
func (AuthorizationReleased) Type() string  { return TypeAuthorizationReleased }
func (CaptureFailed) Type() string          { return TypeCaptureFailed }
func (CancellationRequested) Type() string  { return TypeCancellationRequested }
func (Cancelled) Type() string              { return TypeCancelled }
func (CancellationFailed) Type() string     { return TypeCancellationFailed }
func (AuthorizationExpired) Type() string   { return TypeAuthorizationExpired }
func (RefundRequested) Type() string        { return TypeRefundRequested }
func (RefundSucceeded) Type() string        { return TypeRefundSucceeded }
func (RefundFailed) Type() string           { return TypeRefundFailed }
func (Corrected) Type() string              { return TypeCorrected }
