// Package refusal is the second of the three outcomes of a command: the wish is
// understood and cannot be granted. (The issuer's no is an event; trouble is an
// error of another type.)
package refusal

// Code is the machine-readable reason; api callers branch on it, so it is final.
type Code string

// Refusal says which rule a wish broke and, where one field is to blame, which.
// Message is a sentence for the developer who reads it: what is wrong, and what
// to send instead.
type Refusal struct {
	Code    Code
	Param   string
	Message string
	// Also holds the other wrong fields of the same wish, where several are; theirs
	// is empty.
	Also []*Refusal
}

// Error implements error.
func (r *Refusal) Error() string { return string(r.Code) + ": " + r.Message }

// New makes a refusal that no single field is to blame for.
func New(code Code, message string) *Refusal { return &Refusal{Code: code, Message: message} }

// Of makes a refusal of the field param.
func Of(code Code, param, message string) *Refusal {
	return &Refusal{Code: code, Param: param, Message: message}
}

// And adds another wrong field to r and returns the whole; either may be nil. The
// first refusal stays the first.
func (r *Refusal) And(other *Refusal) *Refusal {
	switch {
	case r == nil:
		return other
	case other == nil:
		return r
	}
	r.Also = append(r.Also, other.All()...)
	return r
}

// All lists r and what stands beside it, the first first; none for nil.
func (r *Refusal) All() []*Refusal {
	if r == nil {
		return nil
	}
	return append([]*Refusal{r}, r.Also...)
}

// The codes of the payment rules (status 422 over HTTP).
const (
	AmountTooSmall           Code = "amount_too_small"
	AmountTooLarge           Code = "amount_too_large"
	CurrencyNotSupported     Code = "currency_not_supported"
	MerchantNotActive        Code = "merchant_not_active"
	PaymentMethodNotFound    Code = "payment_method_not_found"
	PaymentMethodExpired     Code = "payment_method_expired"
	PaymentNotAwaitingAction Code = "payment_not_awaiting_action"
	PaymentNotCapturable     Code = "payment_not_capturable"
	CaptureExceedsAuthorized Code = "capture_exceeds_authorized"
	AuthorizationExpired     Code = "authorization_expired"
	PaymentNotCancellable    Code = "payment_not_cancellable"
	PaymentNotRefundable     Code = "payment_not_refundable"
	RefundExceedsCapture     Code = "refund_exceeds_capture"
	PaymentDisputed          Code = "payment_disputed"
	PaymentNotCorrectable    Code = "payment_not_correctable"
	SecondApproverNeeded     Code = "second_approver_needed"
	NotFound                 Code = "resource_missing"
	AcquirerUnavailable      Code = "acquirer_unavailable"
	AlreadyExists            Code = "resource_already_exists"
)

// The codes that only parts of the system meet, never a merchant.
const (
	NotDue              Code = "not_due"               // a deadline has not been reached, or the matter is settled
	OutcomeAlreadyKnown Code = "outcome_already_known" // nothing to inquire or reverse
)

// The codes of the merchant and key rules.
const (
	MerchantNotChangeable Code = "merchant_not_changeable" // its status does not allow the step
	TestClockInvalid      Code = "test_clock_invalid"
	ScopeInvalid          Code = "scope_invalid"
	KeyRevoked            Code = "api_key_revoked"
	ParameterInvalid      Code = "parameter_invalid"
)
