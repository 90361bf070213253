package payment_test

import (
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
)

// Times and ids of the tests: fixed, so that files can hold what comes out.
var noon = time.Date(2026, 4, 11, 12, 0, 0, 0, time.UTC)

func uuidOf(kind, n byte) uuid.UUID {
	u := uuid.MustParse("019d7c3a-8400-7000-8000-000000000000")
	u[14], u[15] = kind, n
	return u
}

func payID(n byte) id.Payment   { return id.From[id.Payment](uuidOf(1, n)) }
func mchID(n byte) id.Merchant  { return id.From[id.Merchant](uuidOf(2, n)) }
func refID(n byte) id.Refund    { return id.From[id.Refund](uuidOf(3, n)) }
func netID(n byte) id.Reference { return id.From[id.Reference](uuidOf(4, n)) }
func cusID(n byte) id.Customer  { return id.From[id.Customer](uuidOf(5, n)) }

// samples holds one event of every type, every field filled. The golden files are
// made of them.
func samples() []payment.Event {
	deadline := noon.Add(payment.CallTimeout)
	return []payment.Event{
		payment.AuthorizationRequested{
			Payment: payID(1), Merchant: mchID(1), Livemode: true, Reference: netID(1), CaptureReference: netID(2),
			Gateway: "sandbox", Amount: 12_345, Currency: "eur", Capture: true,
			Instrument: payment.Instrument{
				ID: "pm_test_visa", Type: "card", Brand: "visa", LastFour: "4242", ExpMonth: 12, ExpYear: 2030,
				Funding: "credit", Fingerprint: "fp_7Hq2",
			},
			Customer: cusID(1), Description: "Order 17 <café>, \"blue\"", StatementDescriptor: "PAYMINT*SHOES",
			Metadata: map[string]string{"order": "17", "a": "line\nbreak", "z": "ünïcode 🙂"}, Deadline: deadline,
		},
		payment.Authorized{Reference: netID(1), Amount: 12_345, NetworkTransactionID: "ntx_482", ExpiresAt: noon.AddDate(0, 0, 7)},
		payment.Failed{
			Reference: netID(1), Code: "card_declined", DeclineCode: "insufficient_funds", RawCode: "51",
			RetryAdvice: acquirer.RetryWithOtherMethod, Message: "There are not enough funds for this payment.",
		},
		payment.ActionRequired{Reference: netID(1), Action: acquirer.NextAction{Type: "redirect_to_url", URL: "https://acs.example/3ds?a=1&b=2"}},
		payment.ActionCompleted{Reference: netID(3), Succeeded: true, Deadline: deadline},
		payment.OutcomeUnknown{Reference: netID(7), Operation: acquirer.OperationRefund, Refund: refID(1), Reason: payment.ReasonTimeout},
		payment.ReversalRequested{Reference: netID(4), Authorization: netID(1)},
		payment.LateApprovalNoted{Authorization: netID(1), Amount: 12_345},
		payment.Reversed{Reference: netID(4)},
		payment.CaptureRequested{Reference: netID(2), Amount: 12_000, Deadline: deadline},
		payment.Captured{Reference: netID(2), Amount: 12_000, FundsAtOnce: true},
		payment.AuthorizationReleased{Amount: 345},
		payment.CaptureFailed{Reference: netID(2), Code: "processing_error", Message: "The card could not be processed."},
		payment.CancellationRequested{Reference: netID(5), Reason: "out of stock", Deadline: deadline},
		payment.Cancelled{Reference: netID(5), Reason: "out of stock"},
		payment.CancellationFailed{Reference: netID(5), Code: "processing_error", Message: "The card could not be processed."},
		payment.AuthorizationExpired{Amount: 12_345},
		payment.RefundRequested{
			Refund: refID(1), Reference: netID(7), Amount: 2_000, Reason: "customer_request",
			Metadata: map[string]string{"ticket": "4711"}, Deadline: deadline,
		},
		payment.RefundSucceeded{Refund: refID(1), Reference: netID(7)},
		payment.RefundFailed{Refund: refID(1), Reference: netID(7), Code: "card_declined", Message: "The account is closed."},
		payment.Corrected{AmountCaptured: 11_000, AmountRefunded: 500, Reason: "statement of 2026-04-30, line 8", ApprovedBy: "ops_ada"},
	}
}
