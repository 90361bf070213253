package acquirer

// What to advise whoever was declined.
const (
	DoNotRetry           = "do_not_retry"
	RetryLater           = "retry_later"
	RetryWithOtherMethod = "retry_with_other_method"
	UpdateInstrument     = "update_instrument"
)

// Generic is the decline code for whatever a network says that nobody else knows.
const Generic = "generic_decline"

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
	Generic: {declined, RetryWithOtherMethod, plainDecline},
}
