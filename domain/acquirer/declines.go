package acquirer

import (
	"maps"
	"slices"
)

// What to advise whoever was declined.
const (
	DoNotRetry           = "do_not_retry"
	RetryLater           = "retry_later"
	RetryWithOtherMethod = "retry_with_other_method"
	UpdateInstrument     = "update_instrument"
)

// Generic is the decline code for whatever a network says that nobody else knows.
const Generic = "generic_decline"

// DeclineCodes lists all codes of the set in the order of the alphabet.
func DeclineCodes() []string { return slices.Sorted(maps.Keys(declines)) }

// DeclineOf finds a decline by the field's usual code. An unknown one becomes
// generic_decline; Raw keeps what was said in either case.
func DeclineOf(raw string) Decline {
	decline, known := declines[raw]
	code := raw
	if !known {
		decline, code = declines[Generic], Generic
	}
	return Decline{Code: decline.code, Decline: code, Raw: raw, Advice: decline.advice, Message: decline.message}
}

// decline is a row: card_error code, advice to the merchant, words for the payer.
type decline struct{ code, advice, message string }

const (
	declined     = "card_declined"
	plainDecline = "The card was declined."
)

// declines is the field's usual set. Who holds a lost, stolen, restricted or
// fraudulently used card must not learn that it is known: the payer reads a plain
// decline, the merchant alone sees the decline code.
var declines = map[string]decline{
	"approve_with_id":                   {declined, RetryLater, "The payment could not be authorized. Please try again."},
	"authentication_required":           {"authentication_required", RetryLater, "The bank asks to confirm this payment. Please try again and confirm it."},
	"call_issuer":                       {declined, RetryWithOtherMethod, plainDecline + " Please contact your bank, or use another card."},
	"card_not_supported":                {declined, RetryWithOtherMethod, "This card does not support this kind of purchase. Please use another card."},
	"card_velocity_exceeded":            {declined, RetryWithOtherMethod, "The limit of this card has been reached. Please use another card."},
	"currency_not_supported":            {declined, RetryWithOtherMethod, "This card does not support the currency. Please use another card."},
	"do_not_honor":                      {declined, RetryWithOtherMethod, plainDecline},
	"do_not_try_again":                  {declined, DoNotRetry, plainDecline},
	"duplicate_transaction":             {declined, DoNotRetry, "A payment of the same amount was made a moment ago."},
	"expired_card":                      {"expired_card", UpdateInstrument, "The card has expired. Please use another card."},
	"fraudulent":                        {declined, DoNotRetry, plainDecline},
	"generic_decline":                   {declined, RetryWithOtherMethod, plainDecline},
	"incorrect_cvc":                     {"incorrect_cvc", UpdateInstrument, "The security code is incorrect."},
	"incorrect_number":                  {"incorrect_number", UpdateInstrument, "The card number is incorrect."},
	"incorrect_pin":                     {declined, UpdateInstrument, "The PIN is incorrect."},
	"incorrect_zip":                     {"incorrect_zip", UpdateInstrument, "The postal code does not fit the card."},
	"insufficient_funds":                {declined, RetryWithOtherMethod, "There are not enough funds for this payment. Please use another card."},
	"invalid_account":                   {declined, UpdateInstrument, "The card, or the account behind it, is not valid. Please use another card."},
	"invalid_amount":                    {declined, RetryWithOtherMethod, "The amount exceeds what this card allows. Please use another card."},
	"invalid_cvc":                       {"invalid_cvc", UpdateInstrument, "The security code is not valid."},
	"invalid_expiry_month":              {"invalid_expiry_month", UpdateInstrument, "The month of expiry is not valid."},
	"invalid_expiry_year":               {"invalid_expiry_year", UpdateInstrument, "The year of expiry is not valid."},
	"invalid_number":                    {"invalid_number", UpdateInstrument, "The card number is not valid."},
	"invalid_pin":                       {declined, UpdateInstrument, "The PIN is not valid."},
	"issuer_not_available":              {declined, RetryLater, "The bank could not be reached. Please try again later."},
	"lost_card":                         {declined, DoNotRetry, plainDecline},
	"merchant_blacklist":                {declined, DoNotRetry, plainDecline},
	"new_account_information_available": {declined, UpdateInstrument, "The card has new details. Please enter them, or use another card."},
	"no_action_taken":                   {declined, RetryLater, plainDecline},
	"not_permitted":                     {declined, RetryWithOtherMethod, plainDecline},
	"offline_pin_required":              {declined, UpdateInstrument, "This card asks for its PIN."},
	"online_or_offline_pin_required":    {declined, UpdateInstrument, "This card asks for its PIN."},
	"pickup_card":                       {declined, DoNotRetry, plainDecline},
	"pin_try_exceeded":                  {declined, RetryWithOtherMethod, "The PIN was entered wrongly too often. Please use another card."},
	"processing_error":                  {"processing_error", RetryLater, "The card could not be processed. Please try again later."},
	"reenter_transaction":               {declined, RetryLater, "The payment could not be processed. Please try again."},
	"restricted_card":                   {declined, DoNotRetry, plainDecline},
	"revocation_of_all_authorizations":  {declined, DoNotRetry, plainDecline},
	"revocation_of_authorization":       {declined, DoNotRetry, plainDecline},
	"security_violation":                {declined, DoNotRetry, plainDecline},
	"service_not_allowed":               {declined, RetryWithOtherMethod, plainDecline},
	"stolen_card":                       {declined, DoNotRetry, plainDecline},
	"stop_payment_order":                {declined, DoNotRetry, plainDecline},
	"testmode_decline":                  {declined, UpdateInstrument, "A test card was used for a live payment. Please use another card."},
	"transaction_not_allowed":           {declined, RetryWithOtherMethod, plainDecline},
	"try_again_later":                   {declined, RetryLater, plainDecline + " Please try again later."},
	"withdrawal_count_limit_exceeded":   {declined, RetryWithOtherMethod, "The limit of this card has been reached. Please use another card."},
}
