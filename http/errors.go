package api

import (
	"net/http"

	"github.com/paymint/paymint/domain/refusal"
)

// The types of api errors: what a client's code branches on first.
const (
	typeRequest        = "invalid_request_error"
	typeAuthentication = "authentication_error"
	typeAuthorization  = "authorization_error"
	typeCard           = "card_error"
	typeIdempotency    = "idempotency_error"
	typeRateLimit      = "rate_limit_error"
	typeAPI            = "api_error"
)

// The codes that arise at the counter. Codes of rules are refusal.Code.
const (
	codeParameterMissing     = "parameter_missing"
	codeParameterInvalid     = "parameter_invalid"
	codeParameterUnknown     = "parameter_unknown"
	codeParameterDuplicate   = "parameter_duplicate"
	codeInvalidJSON          = "invalid_json"
	codeInvalidCursor        = "invalid_cursor"
	codeInvalidKey           = "invalid_idempotency_key"
	codeVersionUnknown       = "api_version_unknown"
	codeHeaderDuplicate      = "header_duplicate"
	codeRequestMalformed     = "request_malformed"
	codeKeyMissing           = "api_key_missing"
	codeKeyInvalid           = "api_key_invalid"
	codeKeyRevoked           = "api_key_revoked"
	codeScopeMissing         = "scope_missing"
	codeTestModeOnly         = "test_mode_only"
	codeMerchantMissing      = "merchant_key_needed"
	codeRouteNotFound        = "route_not_found"
	codeMethodNotAllowed     = "method_not_allowed"
	codeRequestTimeout       = "request_timeout"
	codeConcurrentChange     = "concurrent_change"
	codeKeyReused            = "idempotency_key_reused"
	codeKeyInUse             = "idempotency_key_in_use"
	codeRequestTooLarge      = "request_too_large"
	codeMediaType            = "unsupported_media_type"
	codeContentEncoding      = "content_encoding_not_accepted"
	codeExpectation          = "expectation_failed"
	codeHeaderTooLarge       = "header_too_large"
	codeTransferEncoding     = "transfer_encoding_not_implemented"
	codeRateLimited          = "rate_limit_exceeded"
	codeInternal             = "internal_error"
	codeBusy                 = "server_busy"
	codeUnavailable          = "storage_unavailable"
	codeProjectionLag        = "projection_lag"
	codeCardDeclined         = "card_declined"
	codeCaptureFailed        = "capture_failed"
	codeCancellationFailed   = "cancellation_failed"
	codeAcquirerRefused      = "processing_error"
	codeIncorrectZip         = "incorrect_zip"
	codeInvalidNumber        = "invalid_number"
	codeInvalidCVC           = "invalid_cvc"
	codeInvalidMonth         = "invalid_expiry_month"
	codeInvalidYear          = "invalid_expiry_year"
	codeAuthenticationNeeded = "authentication_required"
	codeExpiredCard          = "expired_card"
	codeIncorrectCVC         = "incorrect_cvc"
	codeIncorrectNumber      = "incorrect_number"
	codeAuthenticationFailed = "authentication_failed"
)

// codeDoc is one row of the table of errors. Doc is a sentence for /docs/errors:
// what it means and what to do about it.
type codeDoc struct {
	Code   string
	Type   string
	Status int
	Doc    string
	// RetryAfter is sent in seconds with the answer; 0 sends none.
	RetryAfter int
}

// codeTable is the one table of errors: the answers, /docs/errors and the list in
// openapi.yaml are made from it or tested against it.
func codeTable() []codeDoc {
	return append(append(requestCodes(), ruleCodes()...), serverCodes()...)
}

func requestCodes() []codeDoc {
	return []codeDoc{
		{codeParameterMissing, typeRequest, 400, "A required field, query parameter or header is absent or null. `param` names it.", 0},
		{codeParameterInvalid, typeRequest, 400, "A value has the wrong type, form or range. `message` says which rule it breaks.", 0},
		{codeParameterUnknown, typeRequest, 400, "The endpoint does not know this field or query parameter. Check the spelling: names are in snake_case and case matters.", 0},
		{codeParameterDuplicate, typeRequest, 400, "A query parameter appears twice. Send each parameter once.", 0},
		{codeInvalidJSON, typeRequest, 400, "The body is not one strict JSON object: duplicate names, comments, trailing commas or data, control characters, invalid UTF-8 and nesting deeper than 16 are refused. `message` names the place.", 0},
		{codeInvalidCursor, typeRequest, 400, "A cursor was altered, or comes from a list of another merchant, mode, filter or sort. Send cursors back as you got them, with the same filters.", 0},
		{codeInvalidKey, typeRequest, 400, "`Idempotency-Key` must be a UUID, such as 8e03978e-40d5-43e8-bc93-6894a57f9324.", 0},
		{codeVersionUnknown, typeRequest, 400, "`Paymint-Version` names a date on which no version was released.", 0},
		{codeHeaderDuplicate, typeRequest, 400, "A header that must be sent once was sent twice.", 0},
		{codeRequestMalformed, typeRequest, 400, "The request is not valid HTTP and could not be read. The connection is closed.", 0},
		{codeKeyMissing, typeAuthentication, 401, "No API key was sent. Send `Authorization: Bearer sk_test_…`, or the key as the user name of Basic authentication with an empty password.", 0},
		{codeKeyInvalid, typeAuthentication, 401, "The API key is not one of ours, or is incomplete. Copy it again.", 0},
		{codeKeyRevoked, typeAuthentication, 401, "The API key was revoked. Use another one.", 0},
		{codeScopeMissing, typeAuthorization, 403, "The API key lacks the scope that this endpoint needs. `message` names the scope.", 0},
		{codeMerchantMissing, typeAuthorization, 403, "The endpoint works on a merchant's objects, and the key is the platform's own. Use a key of the merchant.", 0},
		{codeTestModeOnly, typeAuthorization, 403, "The endpoint exists in test mode only. Use a test key.", 0},
		{codeRouteNotFound, typeRequest, 404, "No such path. The API reference lists what exists.", 0},
		{string(refusal.NotFound), typeRequest, 404, "No such object, or it belongs to another merchant or mode.", 0},
		{codeMethodNotAllowed, typeRequest, 405, "The path exists, but not with this method. `Allow` lists the methods.", 0},
		{codeRequestTimeout, typeRequest, 408, "The body did not arrive in time. Nothing was done; send the request again.", 0},
		{codeConcurrentChange, typeRequest, 409, "The object was changed by other requests at the same moment, several times in a row. Nothing was done by this request; send it again.", 1},
		{codeKeyReused, typeIdempotency, 409, "The idempotency key was used with another request. Use a new key for a new request.", 0},
		{codeKeyInUse, typeIdempotency, 409, "The first request with this idempotency key is still running. Send it again after `Retry-After` to get its answer.", 1},
		{codeRequestTooLarge, typeRequest, 413, "The body is larger than 256 KiB (1 MiB for a batch).", 0},
		{codeMediaType, typeRequest, 415, "A body must be sent as exactly `Content-Type: application/json` (`; charset=utf-8` is fine).", 0},
		{codeContentEncoding, typeRequest, 415, "Compressed request bodies are not accepted. Send the body without `Content-Encoding`.", 0},
		{codeExpectation, typeRequest, 417, "`Expect` knows `100-continue` only.", 0},
		{codeRateLimited, typeRateLimit, 429, "Too many requests with this key. Wait for `Retry-After` seconds; the `X-RateLimit-*` headers tell the limit.", 1},
		{codeHeaderTooLarge, typeRequest, 431, "The request's headers are larger than 16 KiB (12 KiB over HTTP/2, names and values and 32 bytes each).", 0},
	}
}

func ruleCodes() []codeDoc {
	rule := func(code refusal.Code, status int, doc string) codeDoc {
		return codeDoc{Code: string(code), Type: typeRequest, Status: status, Doc: doc}
	}
	card := func(code, doc string) codeDoc { return codeDoc{Code: code, Type: typeCard, Status: 402, Doc: doc} }
	return []codeDoc{
		rule(refusal.AmountTooSmall, 400, "The amount is below the smallest that the currency allows, or not positive."),
		rule(refusal.AmountTooLarge, 400, "The amount is above the largest that the currency allows."),
		rule(refusal.CurrencyNotSupported, 400, "The currency is not a three-letter code of ISO 4217 that payments can be made in."),
		rule(refusal.MerchantNotActive, 422, "The merchant is not active (under review, suspended or terminated) and takes no payments."),
		rule(refusal.PaymentMethodNotFound, 422, "No such payment method, or it belongs to another merchant or mode."),
		rule(refusal.PaymentMethodExpired, 422, "The payment method's expiry date has passed. Ask the payer for another one."),
		rule(refusal.PaymentNotAwaitingAction, 422, "The payment does not wait for an action of the cardholder."),
		rule(refusal.PaymentNotCapturable, 422, "Only an authorized payment can be captured, once."),
		rule(refusal.CaptureExceedsAuthorized, 422, "The amount is more than `amount_capturable`."),
		rule(refusal.AuthorizationExpired, 422, "The authorization has expired; the hold is gone. Make a new payment."),
		rule(refusal.PaymentNotCancellable, 422, "Only an authorization that was not captured can be cancelled. Refund a captured payment."),
		rule(refusal.PaymentNotRefundable, 422, "Only a captured payment can be refunded."),
		rule(refusal.RefundExceedsCapture, 422, "All refunds together may not exceed `amount_captured`; pending ones count."),
		rule(refusal.PaymentDisputed, 422, "The payment is disputed. The dispute decides where the money goes; a refund would pay twice."),
		rule(refusal.PaymentNotCorrectable, 422, "The correction contradicts what is recorded, such as a refund above the capture."),
		rule(refusal.SecondApproverNeeded, 422, "A correction of this size needs a second approver: send in `approved_by` the id of a platform key that is not revoked and not your own."),
		rule(refusal.TestClockInvalid, 400, "The test clock only goes forward, by at most 366 days at a time."),
		card(codeCardDeclined, "The issuer declined. `decline_code` says why as far as issuers tell; `retry_advice` says whether another attempt makes sense."),
		card(codeExpiredCard, "The card has expired."),
		card(codeIncorrectCVC, "The security code is wrong."),
		card(codeIncorrectNumber, "The card number is wrong."),
		card(codeIncorrectZip, "The postal code does not match the card's."),
		card(codeInvalidNumber, "The card number is not one that an issuer has given out."),
		card(codeInvalidCVC, "The security code has the wrong length or form."),
		card(codeInvalidMonth, "The expiry month is not a month."),
		card(codeInvalidYear, "The expiry year is in the past, or no year."),
		card(codeAuthenticationFailed, "The cardholder did not pass the authentication (3-D Secure)."),
		card(codeAuthenticationNeeded, "The issuer wants the cardholder to authenticate (3-D Secure). Make a new payment with the payer present."),
		card(codeAcquirerRefused, "The payment could not be processed by the network. Nothing was charged."),
		card(codeCaptureFailed, "The acquirer did not capture. The hold stands and can be captured again."),
		card(codeCancellationFailed, "The acquirer did not release the hold. It stands and can be cancelled again, or captured."),
	}
}

func serverCodes() []codeDoc {
	return []codeDoc{
		{codeInternal, typeAPI, http.StatusInternalServerError, "Something is wrong on our side. The true state can be read; a retry with the same idempotency key is safe.", 0},
		{codeTransferEncoding, typeRequest, http.StatusNotImplemented, "`Transfer-Encoding` knows `chunked` only.", 0},
		{codeBusy, typeAPI, http.StatusServiceUnavailable, "More requests than can be taken. Nothing was done; send it again after `Retry-After`.", 1},
		{codeUnavailable, typeAPI, http.StatusServiceUnavailable, "Storage did not answer in time. If `message` does not say that nothing was done, what became of the request is not known yet: send it again with the same idempotency key to find out.", 2},
		{codeProjectionLag, typeAPI, http.StatusServiceUnavailable, "The read side has not reached `Paymint-Min-Position` within two seconds. Read again after `Retry-After`.", 1},
		{string(refusal.AcquirerUnavailable), typeAPI, http.StatusServiceUnavailable, "No acquirer can be reached at the moment. Nothing was begun; send the request again after `Retry-After`.", 5},
	}
}
