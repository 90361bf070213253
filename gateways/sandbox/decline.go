package sandbox

import "github.com/paymint/paymint/domain/acquirer"

// Raw codes with which the book itself refuses a request.
const (
	reasonDuplicate      = "duplicate_reference"
	reasonUnknownHandle  = "unknown_instrument"
	reasonLiveMode       = "testmode_decline"
	reasonAmount         = "amount_not_positive"
	reasonNoHold         = "authorization_not_found"
	reasonNotHeld        = "authorization_not_held"
	reasonExpired        = "authorization_expired"
	reasonCaptured       = "already_captured"
	reasonRefunded       = "already_refunded"
	reasonOverHold       = "capture_exceeds_hold"
	reasonNoCapture      = "capture_not_found"
	reasonOverCapture    = "refund_exceeds_capture"
	reasonOtherCurrency  = "currency_differs_from_hold"
	reasonUndone         = "capture_reversed"
	reasonRefundReturned = "refund_returned_by_issuer"
)

// declineCodes gives the raw codes that are not decline codes already the field's
// usual one. R… are Nacha's return codes.
var declineCodes = map[string]string{
	reasonDuplicate:      "duplicate_transaction",
	reasonUnknownHandle:  "invalid_account",
	reasonAmount:         "invalid_amount",
	reasonNoHold:         "transaction_not_allowed",
	reasonNotHeld:        "transaction_not_allowed",
	reasonExpired:        "transaction_not_allowed",
	reasonCaptured:       "transaction_not_allowed",
	reasonRefunded:       "transaction_not_allowed",
	reasonOverHold:       "invalid_amount",
	reasonNoCapture:      "transaction_not_allowed",
	reasonOverCapture:    "invalid_amount",
	reasonOtherCurrency:  "currency_not_supported",
	reasonUndone:         "revocation_of_authorization",
	reasonRefundReturned: acquirer.Generic,
	"R01":                "insufficient_funds",
	"R02":                "invalid_account",
	"R03":                "invalid_account",
	"R10":                "revocation_of_authorization",
}

func declineOf(raw string) acquirer.Decline {
	code, translated := declineCodes[raw]
	if !translated {
		code = raw
	}
	decline := acquirer.DeclineOf(code)
	decline.Raw = raw
	return decline
}
