package sandbox_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/gateways/sandbox"
)

// networkTimeout is the caller's: the sandbox has none of its own.
const networkTimeout = 3 * time.Second

// silent stands for "no answer" in the table below, refused for "not sent".
const (
	silent  acquirer.Outcome = "silent"
	refused acquirer.Outcome = "refused"
)

// behaviour is what sandbox.md says of a token.
type behaviour struct {
	outcome acquirer.Outcome
	decline string // decline_code
	code    string
	advice  string
	took    time.Duration
	inquiry acquirer.Outcome // when it differs from outcome
	amount  int64            // when it differs from the wish
}

var approved = behaviour{outcome: acquirer.Approved}

func declined(decline, code, advice string) behaviour {
	return behaviour{outcome: acquirer.Declined, decline: decline, code: code, advice: advice}
}

// told is sandbox.md a second time, written by hand: the table of cards must agree.
var told = map[string]behaviour{
	"pm_test_visa": approved, "pm_test_mastercard": approved, "pm_test_amex": approved, "pm_test_discover": approved,
	"pm_test_jcb": approved, "pm_test_diners": approved, "pm_test_unionpay": approved,

	"pm_test_declined":            declined("generic_decline", "card_declined", ""),
	"pm_test_insufficient_funds":  declined("insufficient_funds", "card_declined", ""),
	"pm_test_lost":                declined("lost_card", "card_declined", ""),
	"pm_test_stolen":              declined("stolen_card", "card_declined", ""),
	"pm_test_expired":             declined("expired_card", "expired_card", ""),
	"pm_test_bad_cvc":             declined("incorrect_cvc", "incorrect_cvc", ""),
	"pm_test_processing_error":    declined("processing_error", "processing_error", ""),
	"pm_test_velocity":            declined("card_velocity_exceeded", "card_declined", ""),
	"pm_test_blocked":             declined("fraudulent", "card_declined", ""),
	"pm_test_attach_then_decline": declined("generic_decline", "card_declined", ""),
	"pm_test_do_not_honor":        declined("do_not_honor", "card_declined", ""),
	"pm_test_issuer_down":         declined("issuer_not_available", "card_declined", acquirer.RetryLater),

	"pm_test_dispute_fraud": approved, "pm_test_dispute_not_received": approved, "pm_test_inquiry": approved,
	"pm_test_refund_slow": approved, "pm_test_refund_fail": approved, "pm_test_funds_at_once": approved,
	"pm_test_capture_fails": approved, "pm_test_expires_soon": approved,
	"pm_test_settles_short": approved, "pm_test_unsettled": approved, "pm_test_settles_twice": approved,
	"pm_test_fee_high": approved, "pm_test_settles_other_currency": approved,

	"pm_test_3ds_required":     {outcome: acquirer.ActionRequired},
	"pm_test_3ds_then_decline": {outcome: acquirer.ActionRequired},
	"pm_test_3ds_frictionless": approved,

	"pm_test_timeout_approved": {outcome: silent, took: networkTimeout, inquiry: acquirer.Approved},
	"pm_test_timeout_lost":     {outcome: silent, took: networkTimeout, inquiry: acquirer.NotFound},
	"pm_test_hang":             {outcome: silent, took: networkTimeout, inquiry: acquirer.NotFound},
	"pm_test_slow":             {outcome: acquirer.Approved, took: 1500 * time.Millisecond},
	"pm_test_network_down":     {outcome: refused, inquiry: acquirer.NotFound},
	"pm_test_partial_approval": {outcome: acquirer.Approved, amount: 500},

	"pm_test_wallet_apple": approved, "pm_test_wallet_google": approved,
	"pm_test_wallet_declined": declined("generic_decline", "card_declined", ""),

	"pm_test_bank_account":                    approved,
	"pm_test_bank_account_closed":             declined("invalid_account", "card_declined", ""),
	"pm_test_bank_account_missing":            declined("invalid_account", "card_declined", ""),
	"pm_test_bank_account_insufficient_funds": declined("insufficient_funds", "card_declined", ""),
	"pm_test_bank_account_not_authorized":     declined("revocation_of_authorization", "card_declined", ""),
}

func TestEveryTokenDoesWhatItsRowSays(t *testing.T) {
	t.Parallel()
	for _, card := range sandbox.Cards() {
		if card.Token == "" {
			continue
		}
		want, known := told[card.Token]
		if !known {
			t.Errorf("%s is in the table of cards, not in the table of this test", card.Token)
			continue
		}
		t.Run(card.Token, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { tokenDoes(t, card.Token, want) })
		})
	}
	if len(told) < len(sandbox.Cards())-2 { // one row without token, one second number
		t.Error("a token is missing in the table of cards")
	}
	for token := range told {
		if _, found := sandbox.CardOf(token); !found {
			t.Errorf("%s is missing in the table of cards", token)
		}
	}
}

func tokenDoes(t *testing.T, token string, want behaviour) {
	gateway, book := newGateway()
	a := authorization(token)
	ctx, cancel := context.WithTimeout(t.Context(), networkTimeout)
	defer cancel()
	began := time.Now()
	answer, err := gateway.Authorize(ctx, a)
	if took := time.Since(began); took != want.took {
		t.Errorf("took %s, want %s", took, want.took)
	}
	switch {
	case want.outcome == refused:
		if !errors.Is(err, acquirer.ErrNotSent) {
			t.Errorf("got error %v, want acquirer.ErrNotSent", err)
		}
	case want.outcome == silent:
		if err == nil || errors.Is(err, acquirer.ErrNotSent) {
			t.Errorf("got %+v and error %v, want doubt", answer, err)
		}
	case err != nil:
		t.Fatal(err)
	default:
		wantAnswer(t, answer, a, want)
	}
	inquiry := want.inquiry
	if inquiry == "" {
		inquiry = want.outcome
	}
	asked := inquired(t, gateway, a.Reference, noon, inquiry)
	if inquiry == acquirer.Approved {
		wantTotal(t, book, a.Payment, asked.Amount.Minor, 0, 0)
	} else {
		wantTotal(t, book, a.Payment, 0, 0, 0)
	}
}

func wantAnswer(t *testing.T, answer acquirer.Answer, a acquirer.Authorize, want behaviour) {
	t.Helper()
	if answer.Outcome != want.outcome || answer.Reference != a.Reference {
		t.Fatalf("got %+v, want %s", answer, want.outcome)
	}
	got := answer.Decline
	if got.Decline != want.decline || got.Code != want.code || want.advice != "" && got.Advice != want.advice {
		t.Errorf("declined %+v, want %s, %s, advice %q", got, want.code, want.decline, want.advice)
	}
	if answer.Outcome != acquirer.Approved {
		return
	}
	amount := a.Amount.Minor
	if want.amount > 0 {
		amount = want.amount
	}
	if answer.Amount != euro(amount) || len(answer.NetworkTransactionID) != 15 || !answer.ExpiresAt.After(a.At) {
		t.Errorf("got %+v, want %d with a transaction id and an end", answer, amount)
	}
}

func TestAHoldStandsSevenDaysUnlessTheCardExpiresSoon(t *testing.T) {
	t.Parallel()
	gateway, _ := newGateway()
	for token, life := range map[string]time.Duration{"pm_test_visa": 7 * 24 * time.Hour, "pm_test_expires_soon": time.Minute} {
		a := authorization(token)
		if answer := answered(t, gateway.Authorize, a, acquirer.Approved); !answer.ExpiresAt.Equal(noon.Add(life)) {
			t.Errorf("%s expires at %s, want after %s", token, answer.ExpiresAt, life)
		}
		answered(t, gateway.Capture, captureOf(a, 1001, noon.Add(life)), acquirer.Declined)
		answered(t, gateway.Capture, captureOf(a, 1001, noon.Add(life-time.Microsecond)), acquirer.Approved)
	}
}

func TestAChallengeEndsAsTheCardSays(t *testing.T) {
	t.Parallel()
	gateway, book := newGateway()
	for token, end := range map[string]acquirer.Outcome{
		"pm_test_3ds_required": acquirer.Approved, "pm_test_3ds_then_decline": acquirer.Declined,
	} {
		a := authorization(token)
		action := answered(t, gateway.Authorize, a, acquirer.ActionRequired).NextAction
		if want := "http://localhost:8080/sandbox/3ds/" + a.Payment.String(); action == nil || action.URL != want || action.Type != "redirect_to_url" {
			t.Errorf("next action is %+v, want a redirect to %s", action, want)
		}
		wantTotal(t, book, a.Payment, 0, 0, 0)
		second := a
		second.Reference, second.ActionCompleted = newReference(), true
		answered(t, gateway.Authorize, second, end)
	}
}

func TestASlowRefundIsPendingForAMinute(t *testing.T) {
	t.Parallel()
	gateway, book := newGateway()
	a := authorization("pm_test_refund_slow")
	answered(t, gateway.Authorize, a, acquirer.Approved)
	c := captureOf(a, 1001, noon)
	answered(t, gateway.Capture, c, acquirer.Approved)
	r := refundOf(c, 1000, noon)
	answered(t, gateway.Refund, r, acquirer.Pending)
	answered(t, gateway.Refund, refundOf(c, 2, noon), acquirer.Declined) // what is pending counts
	inquired(t, gateway, r.Reference, noon.Add(time.Minute-1000), acquirer.Pending)
	if answer := inquired(t, gateway, r.Reference, noon.Add(time.Minute), acquirer.Approved); answer.Amount != euro(1000) {
		t.Errorf("approved %+v, want the whole refund", answer.Amount)
	}
	wantTotal(t, book, a.Payment, 0, 1001, 1000)
}

func TestARefundSentAgainIsAnsweredWithWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	gateway, _ := newGateway()
	a := authorization("pm_test_refund_slow")
	answered(t, gateway.Authorize, a, acquirer.Approved)
	c := captureOf(a, 1001, noon)
	answered(t, gateway.Capture, c, acquirer.Approved)
	r := refundOf(c, 1000, noon)
	answered(t, gateway.Refund, r, acquirer.Pending)
	answered(t, gateway.Refund, r, acquirer.Pending)
	r.At = noon.Add(time.Minute)
	answered(t, gateway.Refund, r, acquirer.Approved)
}

func TestAFailingRefundGivesTheMoneyBackToTheCapture(t *testing.T) {
	t.Parallel()
	gateway, book := newGateway()
	a := authorization("pm_test_refund_fail")
	answered(t, gateway.Authorize, a, acquirer.Approved)
	c := captureOf(a, 1001, noon)
	answered(t, gateway.Capture, c, acquirer.Approved)
	r := refundOf(c, 1001, noon)
	answered(t, gateway.Refund, r, acquirer.Approved)
	wantTotal(t, book, a.Payment, 0, 1001, 1001)
	later := noon.Add(time.Minute)
	if d := inquired(t, gateway, r.Reference, later, acquirer.Declined).Decline; d.Raw != "refund_returned_by_issuer" {
		t.Errorf("declined %+v", d)
	}
	inquired(t, gateway, r.Reference, noon, acquirer.Declined) // what was told stays told
	wantTotal(t, book, a.Payment, 0, 1001, 0)
	answered(t, gateway.Refund, refundOf(c, 1001, later), acquirer.Approved)
}

func TestAFailingCaptureLeavesTheHold(t *testing.T) {
	t.Parallel()
	gateway, book := newGateway()
	a := authorization("pm_test_capture_fails")
	a.Capture, a.CaptureReference = true, newReference()
	if answered(t, gateway.Authorize, a, acquirer.Approved).Captured {
		t.Fatal("captured in one message, want a capture of its own that can fail")
	}
	c := captureOf(a, 600, noon)
	answered(t, gateway.Capture, c, acquirer.Pending)
	answered(t, gateway.Refund, refundOf(c, 1, noon), acquirer.Declined)
	answered(t, gateway.Cancel, cancelOf(a), acquirer.Declined)
	if d := inquired(t, gateway, c.Reference, noon.Add(time.Minute), acquirer.Declined).Decline; d.Decline != "processing_error" {
		t.Errorf("declined %+v, want processing_error", d)
	}
	wantTotal(t, book, a.Payment, 1001, 0, 0)
	answered(t, gateway.Cancel, cancelOf(a), acquirer.Approved)
	wantTotal(t, book, a.Payment, 0, 0, 0)
}

func TestFundsAtOnceIsSaidWithTheCapture(t *testing.T) {
	t.Parallel()
	gateway, _ := newGateway()
	a := authorization("pm_test_funds_at_once")
	if answered(t, gateway.Authorize, a, acquirer.Approved).FundsAtOnce {
		t.Error("a hold makes no funds available")
	}
	if !answered(t, gateway.Capture, captureOf(a, 1001, noon), acquirer.Approved).FundsAtOnce {
		t.Error("the capture does not say so")
	}
	one := authorization("pm_test_funds_at_once")
	one.Capture, one.CaptureReference = true, newReference()
	if answer := answered(t, gateway.Authorize, one, acquirer.Approved); !answer.FundsAtOnce || !answer.Captured {
		t.Errorf("one message: %+v, want captured, funds at once", answer)
	}
}

func TestAPartialApprovalIsCapturedForWhatItHolds(t *testing.T) {
	t.Parallel()
	gateway, book := newGateway()
	a := authorization("pm_test_partial_approval")
	a.Capture, a.CaptureReference = true, newReference()
	if answer := answered(t, gateway.Authorize, a, acquirer.Approved); answer.Amount != euro(500) || !answer.Captured {
		t.Errorf("got %+v, want 500 captured", answer)
	}
	wantTotal(t, book, a.Payment, 0, 500, 0)
	again := acquirer.Capture{Reference: a.CaptureReference, Authorization: a.Reference, Payment: a.Payment, Amount: euro(500), Final: true, At: noon}
	answered(t, gateway.Capture, again, acquirer.Approved)
	wantTotal(t, book, a.Payment, 0, 500, 0)
}

func TestTheReversalThatCameFirstIsTheWordOnTheLateAuthorization(t *testing.T) {
	t.Parallel()
	gateway, _ := newGateway()
	a := authorization("pm_test_visa")
	answered(t, gateway.Cancel, cancelOf(a), acquirer.Approved)
	answered(t, gateway.Authorize, a, acquirer.Reversed)
	inquired(t, gateway, a.Reference, noon, acquirer.Reversed)
}

func TestAReversalUndoesTheCaptureOfTheSameMessage(t *testing.T) {
	t.Parallel()
	gateway, book := newGateway()
	a := authorization("pm_test_visa")
	a.Capture, a.CaptureReference = true, newReference()
	answered(t, gateway.Authorize, a, acquirer.Approved)
	wantTotal(t, book, a.Payment, 0, 1001, 0)
	answered(t, gateway.Cancel, cancelOf(a), acquirer.Approved)
	wantTotal(t, book, a.Payment, 0, 0, 0)
	inquired(t, gateway, a.CaptureReference, noon, acquirer.Declined)
	refunded := authorization("pm_test_visa")
	refunded.Capture, refunded.CaptureReference = true, newReference()
	answered(t, gateway.Authorize, refunded, acquirer.Approved)
	taken := acquirer.Capture{Reference: refunded.CaptureReference, Payment: refunded.Payment}
	answered(t, gateway.Refund, refundOf(taken, 1, noon), acquirer.Approved)
	answered(t, gateway.Cancel, cancelOf(refunded), acquirer.Declined) // too late: money went back already
}

func TestNothingIsApprovedInLiveModeOrOnAnUnknownInstrument(t *testing.T) {
	t.Parallel()
	gateway, book := newGateway()
	live := authorization("pm_test_visa")
	live.Livemode = true
	if d := answered(t, gateway.Authorize, live, acquirer.Declined).Decline; d.Decline != "testmode_decline" {
		t.Errorf("declined %+v, want testmode_decline", d)
	}
	unknown := authorization("pm_live_something")
	answered(t, gateway.Authorize, unknown, acquirer.Declined)
	entries, err := book.Entries(t.Context(), newReference(), 10)
	if err != nil || len(entries) != 0 {
		t.Errorf("%d entries behind the last reference, error %v", len(entries), err)
	}
}

func TestTheSameCallsGiveTheSameAnswers(t *testing.T) {
	t.Parallel()
	a := authorization("pm_test_visa")
	one, _ := newGateway()
	two, _ := newGateway()
	if x, y := answered(t, one.Authorize, a, acquirer.Approved), answered(t, two.Authorize, a, acquirer.Approved); x != y {
		t.Errorf("one sandbox said %+v, another %+v", x, y)
	}
}
