package main_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// cards is every card of the sandbox that concerns authorization, capture,
// cancel, refund, 3-D Secure, time-outs and outages, by what a merchant sees.
var cards = []struct {
	token       string
	httpStatus  int
	status      string // of the payment
	code        string // of the card error
	declineCode string
}{
	{"pm_test_visa", 201, "authorized", "", ""},
	{"pm_test_mastercard", 201, "authorized", "", ""},
	{"pm_test_amex", 201, "authorized", "", ""},
	{"pm_test_discover", 201, "authorized", "", ""},
	{"pm_test_jcb", 201, "authorized", "", ""},
	{"pm_test_diners", 201, "authorized", "", ""},
	{"pm_test_unionpay", 201, "authorized", "", ""},
	{"pm_test_declined", 402, "failed", "card_declined", "generic_decline"},
	{"pm_test_insufficient_funds", 402, "failed", "card_declined", "insufficient_funds"},
	{"pm_test_lost", 402, "failed", "card_declined", "lost_card"},
	{"pm_test_stolen", 402, "failed", "card_declined", "stolen_card"},
	{"pm_test_expired", 402, "failed", "expired_card", "expired_card"},
	{"pm_test_bad_cvc", 402, "failed", "incorrect_cvc", "incorrect_cvc"},
	{"pm_test_processing_error", 402, "failed", "processing_error", "processing_error"},
	{"pm_test_velocity", 402, "failed", "card_declined", "card_velocity_exceeded"},
	{"pm_test_blocked", 402, "failed", "card_declined", "fraudulent"},
	{"pm_test_attach_then_decline", 402, "failed", "card_declined", "generic_decline"},
	{"pm_test_do_not_honor", 402, "failed", "card_declined", "do_not_honor"},
	{"pm_test_issuer_down", 402, "failed", "card_declined", "issuer_not_available"},
	{"pm_test_dispute_fraud", 201, "authorized", "", ""},
	{"pm_test_dispute_not_received", 201, "authorized", "", ""},
	{"pm_test_inquiry", 201, "authorized", "", ""},
	{"pm_test_refund_slow", 201, "authorized", "", ""},
	{"pm_test_refund_fail", 201, "authorized", "", ""},
	{"pm_test_funds_at_once", 201, "authorized", "", ""},
	{"pm_test_3ds_required", 201, "pending", "", ""},
	{"pm_test_3ds_then_decline", 201, "pending", "", ""},
	{"pm_test_3ds_frictionless", 201, "authorized", "", ""},
	{"pm_test_slow", 201, "authorized", "", ""},
	{"pm_test_partial_approval", 201, "authorized", "", ""},
	{"pm_test_capture_fails", 201, "authorized", "", ""},
	{"pm_test_expires_soon", 201, "authorized", "", ""},
	{"pm_test_settles_short", 201, "authorized", "", ""},
	{"pm_test_unsettled", 201, "authorized", "", ""},
	{"pm_test_settles_twice", 201, "authorized", "", ""},
	{"pm_test_fee_high", 201, "authorized", "", ""},
	{"pm_test_settles_other_currency", 201, "authorized", "", ""},
	{"pm_test_wallet_apple", 201, "authorized", "", ""},
	{"pm_test_wallet_google", 201, "authorized", "", ""},
	{"pm_test_wallet_declined", 402, "failed", "card_declined", "generic_decline"},
}

func TestEveryCardOfTheSandboxDoesWhatItsRowSays(t *testing.T) {
	t.Parallel()
	p := up(t, embeddedDir(t))
	for _, card := range cards {
		t.Run(card.token, func(t *testing.T) {
			a := p.authorize(card.httpStatus, card.token, "")
			if card.httpStatus == 201 {
				if a.str("status") != card.status {
					t.Fatalf("status %s, want %s: %s", a.str("status"), card.status, a.raw)
				}
				return
			}
			if a.str("error", "code") != card.code || a.str("error", "decline_code") != card.declineCode ||
				a.str("error", "payment", "status") != card.status || a.str("error", "type") != "card_error" {
				t.Fatalf("got %s", a.raw)
			}
		})
	}
	lives(t, p)
}

// lives drives whole payment lives over HTTP on one server.
func lives(t *testing.T, p *process) {
	t.Run("captured in part, the rest released, refunded in two steps", func(t *testing.T) {
		id := p.authorize(201, "pm_test_visa", "").str("id")
		a := p.must(200, "POST", "/v1/payments/"+id+"/capture", uuid.NewString(), `{"amount":800}`)
		if a.str("status") != "captured" || a.num("amount_captured") != 800 || a.num("amount_released") != 200 {
			t.Fatalf("after capture: %s", a.raw)
		}
		p.must(201, "POST", "/v1/payments/"+id+"/refunds", uuid.NewString(), `{"amount":300,"reason":"customer_request"}`)
		if a := p.must(422, "POST", "/v1/payments/"+id+"/refunds", uuid.NewString(), `{"amount":501}`); a.str("error", "code") != "refund_exceeds_capture" {
			t.Fatalf("over-refund: %s", a.raw)
		}
		p.must(201, "POST", "/v1/payments/"+id+"/refunds", uuid.NewString(), `{}`)
		if a := p.must(200, "GET", "/v1/payments/"+id, "", ""); a.str("status") != "refunded" || a.num("amount_refunded") != 800 {
			t.Fatalf("after refunds: %s", a.raw)
		}
	})
	t.Run("cancelled before capture", func(t *testing.T) {
		id := p.authorize(201, "pm_test_visa", "").str("id")
		if a := p.must(200, "POST", "/v1/payments/"+id+"/cancel", uuid.NewString(), ""); a.str("status") != "cancelled" {
			t.Fatalf("after cancel: %s", a.raw)
		}
		if a := p.must(422, "POST", "/v1/payments/"+id+"/capture", uuid.NewString(), ""); a.str("error", "code") != "payment_not_capturable" {
			t.Fatalf("capture after cancel: %s", a.raw)
		}
	})
	t.Run("authorized and captured at once", func(t *testing.T) {
		a := p.authorize(201, "pm_test_visa", `,"capture":true`)
		if a.str("status") != "captured" || a.num("amount_captured") != 1000 {
			t.Fatalf("got %s", a.raw)
		}
	})
	t.Run("a partial approval holds half", func(t *testing.T) {
		if a := p.authorize(201, "pm_test_partial_approval", ""); a.num("amount_capturable") != 500 {
			t.Fatalf("got %s", a.raw)
		}
	})
	t.Run("an authorization runs out on the test clock", func(t *testing.T) {
		id := p.authorize(201, "pm_test_expires_soon", "").str("id")
		p.must(200, "POST", "/v1/test_clock/advance", "", `{"seconds":90}`)
		a := p.eventually("/v1/payments/"+id, func(a answer) bool { return a.str("status") == "cancelled" })
		if a.str("cancellation_reason") != "expired" {
			t.Fatalf("got %s", a.raw)
		}
	})
	later(t, p)
	cardholder(t, p)
	inDoubt(t, p)
}

// later is what the card network makes up its mind about in a minute.
func later(t *testing.T, p *process) {
	t.Run("a capture that fails leaves the hold, and can be tried again", func(t *testing.T) {
		id := p.authorize(201, "pm_test_capture_fails", "").str("id")
		for range 2 {
			a := p.must(200, "POST", "/v1/payments/"+id+"/capture", uuid.NewString(), `{"amount":600}`)
			if a.str("status") != "authorized" || a.num("amount_captured") != 0 || a.num("amount_capturable") != 0 {
				t.Fatalf("while the capture is on its way: %s", a.raw)
			}
			p.minuteLater()
			a = p.eventually("/v1/payments/"+id, func(a answer) bool { return a.num("amount_capturable") > 0 })
			if a.str("status") != "authorized" || a.num("amount_captured") != 0 || a.num("amount_capturable") != 1000 {
				t.Fatalf("after the capture failed: %s", a.raw)
			}
		}
		if a := p.must(200, "POST", "/v1/payments/"+id+"/cancel", uuid.NewString(), ""); a.str("status") != "cancelled" {
			t.Fatalf("after cancel: %s", a.raw)
		}
	})
	t.Run("a slow refund is pending for a minute, then succeeds", func(t *testing.T) {
		id, refund := p.refunded("pm_test_refund_slow", "pending")
		p.minuteLater()
		p.eventually(refund, func(a answer) bool { return a.str("status") == "succeeded" })
		if a := p.must(200, "GET", "/v1/payments/"+id, "", ""); a.num("amount_refunded") != 400 || a.str("status") != "captured" {
			t.Fatalf("after the refund: %s", a.raw)
		}
	})
	t.Run("a refund that fails after it succeeded gives its amount back", func(t *testing.T) {
		id, refund := p.refunded("pm_test_refund_fail", "succeeded")
		if a := p.must(200, "GET", "/v1/payments/"+id, "", ""); a.num("amount_refunded") != 400 {
			t.Fatalf("while the refund stands: %s", a.raw)
		}
		p.minuteLater()
		p.eventually(refund, func(a answer) bool { return a.str("status") == "failed" })
		if a := p.must(200, "GET", "/v1/payments/"+id, "", ""); a.num("amount_refunded") != 0 || a.str("status") != "captured" {
			t.Fatalf("after the refund failed: %s", a.raw)
		}
	})
}

// refunded captures a payment whole and refunds 400 of it.
func (p *process) refunded(token, status string) (payment, refundPath string) {
	p.t.Helper()
	payment = p.authorize(201, token, `,"capture":true`).str("id")
	a := p.must(201, "POST", "/v1/payments/"+payment+"/refunds", uuid.NewString(), `{"amount":400}`)
	if a.str("status") != status {
		p.t.Fatalf("the refund is to be %s: %s", status, a.raw)
	}
	return payment, "/v1/payments/" + payment + "/refunds/" + a.str("id")
}

func (p *process) minuteLater() {
	p.t.Helper()
	p.must(200, "POST", "/v1/test_clock/advance", "", `{"seconds":61}`)
}

// cardholder acts on payments that wait for 3-D Secure.
func cardholder(t *testing.T, p *process) {
	waiting := func(token string) string {
		a := p.authorize(201, token, "")
		if a.str("status") != "pending" || a.str("next_action", "url") == "" {
			t.Fatalf("%s does not wait for the cardholder: %s", token, a.raw)
		}
		return "/v1/payments/" + a.str("id")
	}
	t.Run("the cardholder proves who they are: authorized", func(t *testing.T) {
		path := waiting("pm_test_3ds_required")
		if a := p.must(200, "POST", path+"/complete_action", uuid.NewString(), `{"outcome":"succeeded"}`); a.str("status") != "authorized" || a.num("amount_capturable") != 1000 {
			t.Fatalf("after the authentication: %s", a.raw)
		}
	})
	t.Run("the cardholder proves who they are and the issuer declines: failed", func(t *testing.T) {
		path := waiting("pm_test_3ds_then_decline")
		if a := p.must(402, "POST", path+"/complete_action", uuid.NewString(), `{"outcome":"succeeded"}`); a.str("error", "code") != "card_declined" {
			t.Fatalf("after the authentication: %s", a.raw)
		}
		if a := p.must(200, "GET", path, "", ""); a.str("status") != "failed" || a.num("amount_capturable") != 0 {
			t.Fatalf("after the decline: %s", a.raw)
		}
	})
	t.Run("the cardholder gives up: failed", func(t *testing.T) {
		path := waiting("pm_test_3ds_required")
		if a := p.must(402, "POST", path+"/complete_action", uuid.NewString(), `{"outcome":"failed"}`); a.str("error", "code") != "authentication_failed" {
			t.Fatalf("got %s", a.raw)
		}
		if a := p.must(200, "GET", path, "", ""); a.str("status") != "failed" {
			t.Fatalf("got %s", a.raw)
		}
	})
}

func inDoubt(t *testing.T, p *process) {
	t.Run("no answer but approved: the inquiry finds out", func(t *testing.T) {
		a := p.authorize(201, "pm_test_timeout_approved", "")
		if a.str("status") != "pending" || a.str("pending_reason") != "network_unknown" {
			t.Fatalf("got %s", a.raw)
		}
		p.eventually("/v1/payments/"+a.str("id"), func(a answer) bool { return a.str("status") == "authorized" })
	})
	t.Run("no answer and never arrived: reversed after a minute", func(t *testing.T) {
		a := p.authorize(201, "pm_test_timeout_lost", "")
		if a.str("status") != "pending" {
			t.Fatalf("got %s", a.raw)
		}
		p.must(200, "POST", "/v1/test_clock/advance", "", `{"seconds":120}`)
		p.eventually("/v1/payments/"+a.str("id"), func(a answer) bool { return a.str("status") == "failed" })
	})
	t.Run("hangs past the network time-out", func(t *testing.T) {
		if a := p.authorize(201, "pm_test_hang", ""); a.str("status") != "pending" {
			t.Fatalf("got %s", a.raw)
		}
	})
	t.Run("network down: failed at first, then the breaker answers 503", func(t *testing.T) {
		for range 50 {
			a, err := p.call("POST", "/v1/payments", uuid.NewString(), `{"amount":1000,"currency":"eur","payment_method_id":"pm_test_network_down"}`)
			if err != nil {
				t.Fatal(err)
			}
			if a.status == 503 && a.str("error", "code") == "acquirer_unavailable" && a.header.Get("Retry-After") != "" {
				return
			}
		}
		t.Fatal("the breaker never opened")
	})
}

// eventually polls path until ok holds.
func (p *process) eventually(path string, ok func(answer) bool) answer {
	p.t.Helper()
	var last answer
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if last = p.must(200, "GET", path, "", ""); ok(last) {
			return last
		}
	}
	p.t.Fatalf("%s never got there: %s", path, last.raw)
	return last
}
