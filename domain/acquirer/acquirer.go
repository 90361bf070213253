// Package acquirer is the language in which Paymint speaks to card networks: the
// five wishes (authorize, capture, cancel, refund, inquire), each under a
// reference of ours, and the answers.
//
// An adapter in gateways/ translates it to one acquirer's wire. A call either
// returns an Answer or an error; an error means that the outcome is in doubt,
// unless it is ErrNotSent.
package acquirer

import (
	"errors"
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// ErrNotSent says that the request certainly never reached the acquirer
// (connection refused, breaker open): the operation did not happen.
var ErrNotSent = errors.New("request not sent to the acquirer")

// Operation is what an intent wants done.
type Operation string

// The operations. A reversal undoes an authorization whose outcome is in doubt;
// on the wire it is a cancel of that reference.
const (
	OperationAuthorize Operation = "authorize"
	OperationCapture   Operation = "capture"
	OperationCancel    Operation = "cancel"
	OperationReverse   Operation = "reverse"
	OperationRefund    Operation = "refund"
)

// Instrument is what is charged. Handle is the gateway's or vault's name of it;
// no card number ever stands here.
type Instrument struct {
	ID          string // as the merchant sent it: pm_… or tok_…
	Type        string // card, bank_account, wallet
	Brand       string // visa, mastercard, …; empty where there is none
	LastFour    string
	ExpMonth    int
	ExpYear     int
	Funding     string // credit, debit, prepaid, unknown
	Fingerprint string
	Handle      string
}

// Authorize asks for a hold, or with Capture for hold and capture in one message.
type Authorize struct {
	Reference        id.Reference
	CaptureReference id.Reference // set with Capture
	Payment          id.Payment
	Merchant         id.Merchant
	Livemode         bool
	Amount           money.Money
	Capture          bool
	Instrument       Instrument
	// ActionCompleted says that the cardholder has been authenticated (3-D Secure)
	// since the first call under another reference.
	ActionCompleted bool
	// At is the merchant's clock: wall time, moved by the test clock in test mode.
	At time.Time
}

// Capture takes money from a hold. Final releases what is left of it.
type Capture struct {
	Reference     id.Reference
	Authorization id.Reference
	Payment       id.Payment
	Livemode      bool
	Amount        money.Money
	Final         bool
	At            time.Time
}

// Cancel releases a hold, also one that may never have arrived: a gateway with
// StickyReversal remembers the cancel and refuses the late authorization.
type Cancel struct {
	Reference     id.Reference
	Authorization id.Reference
	Payment       id.Payment
	Livemode      bool
	Amount        money.Money
	At            time.Time
}

// Refund returns captured money.
type Refund struct {
	Reference id.Reference
	Capture   id.Reference
	Payment   id.Payment
	Refund    id.Refund
	Livemode  bool
	Amount    money.Money
	At        time.Time
}

// Inquire asks what became of the call made under Reference.
type Inquire struct {
	Reference id.Reference
	Operation Operation
	Payment   id.Payment
	Livemode  bool
	At        time.Time
}

// Outcome is the acquirer's word on one reference.
type Outcome string

// The outcomes. NotFound comes from inquiries alone and concludes nothing: the
// request may still be on its way. Pending is a promise to know later.
const (
	Approved       Outcome = "approved"
	Declined       Outcome = "declined"
	ActionRequired Outcome = "action_required"
	Pending        Outcome = "pending"
	Reversed       Outcome = "reversed"
	NotFound       Outcome = "not_found"
)

// Answer is what the acquirer said. Reference, and for Approved Amount, are
// echoed so that the caller can hold them against the intent.
type Answer struct {
	Reference            id.Reference
	Outcome              Outcome
	Amount               money.Money // approved; below the wish on a partial approval
	NetworkTransactionID string
	ExpiresAt            time.Time // of the hold
	Decline              Decline   // with Declined
	NextAction           *NextAction
	// Captured: the one-message authorize-and-capture took the money too.
	Captured bool
	// FundsAtOnce: captured funds are available without the merchant's delay.
	FundsAtOnce bool
}

// Decline is the issuer's no, in the field's usual codes (see declines.go).
type Decline struct {
	Code    string // card_error code: card_declined, expired_card, incorrect_cvc, …
	Decline string // decline_code
	Raw     string // as the network sent it
	Advice  string // do_not_retry, retry_later, retry_with_other_method, update_instrument
	Message string // may be shown to the payer
}

// NextAction is what the cardholder must do; today always a redirect.
type NextAction struct {
	Type string `json:"type"` // redirect_to_url
	URL  string `json:"url"`
}

// Traits are what a gateway declares of itself; the in-doubt protocol rests on them.
type Traits struct {
	Name                string
	IdempotentReference bool // the same reference twice is one operation
	Inquiry             bool
	StickyReversal      bool // a reversal that arrives first defeats the late authorization
	OneMessageCapture   bool // authorize and capture in one call
	// LongestLife is how long a request can still be on its way after its deadline.
	LongestLife time.Duration
}
