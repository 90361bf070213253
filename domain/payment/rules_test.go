package payment_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

type wish interface {
	Decide(payment.State) ([]payment.Event, *refusal.Refusal)
}

// rule is one given-when-then: events that happened, a wish, and either what
// happens or the codes (with "/field" where one is to blame) it is refused with.
type rule struct {
	given   []payment.Event
	when    wish
	then    []payment.Event
	refused string
}

func holdRules(t *testing.T, rules map[string]rule) {
	t.Helper()
	for name, r := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, refused := r.when.Decide(given(r.given...))
			if codes := codesOf(refused); codes != r.refused {
				t.Errorf("refused with %q, want %q", codes, r.refused)
			}
			if diff := cmp.Diff(r.then, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			for _, each := range refused.All() {
				if !strings.HasSuffix(each.Message, ".") || len(each.Message) < 20 {
					t.Errorf("%s says %q, which helps nobody", each.Code, each.Message)
				}
			}
		})
	}
}

func codesOf(r *refusal.Refusal) string {
	var codes []string
	for _, each := range r.All() {
		code := string(each.Code)
		if each.Param != "" {
			code += "/" + each.Param
		}
		codes = append(codes, code)
	}
	return strings.Join(codes, " ")
}

func given(events ...payment.Event) (s payment.State) {
	for _, e := range events {
		s = payment.Evolve(s, e)
	}
	return s
}

// A vocabulary of short histories: 100.00 euros.
var (
	deadline = noon.Add(payment.CallTimeout)
	holdEnds = noon.AddDate(0, 0, 7)
	visa     = acquirer.Instrument{ID: "pm_test_visa", Type: "card", Brand: "visa", LastFour: "4242", ExpMonth: 12, ExpYear: 2030, Handle: "4242"}
	traits   = acquirer.Traits{Name: "sandbox", IdempotentReference: true, Inquiry: true, StickyReversal: true, OneMessageCapture: true, LongestLife: 2 * time.Minute}
)

func requested() payment.AuthorizationRequested {
	return payment.AuthorizationRequested{
		Payment: payID(1), Merchant: mchID(1), Reference: netID(1), Gateway: "sandbox", Amount: 10_000, Currency: "eur",
		Instrument: payment.InstrumentOf(visa), Deadline: deadline,
	}
}

func requestedWithCapture() payment.AuthorizationRequested {
	r := requested()
	r.Capture, r.CaptureReference = true, netID(2)
	return r
}

func authorized() []payment.Event {
	return []payment.Event{requested(), payment.Authorized{Reference: netID(1), Amount: 10_000, ExpiresAt: holdEnds}}
}

func and(history []payment.Event, more ...payment.Event) []payment.Event {
	return append(history[:len(history):len(history)], more...)
}

func capturing() []payment.Event {
	return and(authorized(), payment.CaptureRequested{Reference: netID(2), Amount: 10_000, Deadline: deadline})
}

func captured() []payment.Event {
	return and(capturing(), payment.Captured{Reference: netID(2), Amount: 10_000})
}

func cancelling() []payment.Event {
	return and(authorized(), payment.CancellationRequested{Reference: netID(5), Reason: "no stock", Deadline: deadline})
}

func refunding(n byte, amount int64) payment.Event {
	return payment.RefundRequested{Refund: refID(n), Reference: netID(100 + n), Amount: amount, Deadline: deadline}
}

func refundSucceeded(n byte) payment.Event {
	return payment.RefundSucceeded{Refund: refID(n), Reference: netID(100 + n)}
}

func refundFailed(n byte) payment.Event {
	return payment.RefundFailed{Refund: refID(n), Reference: netID(100 + n), Code: "card_declined", Message: "The account is closed."}
}

func expired() []payment.Event {
	return and(authorized(), payment.AuthorizationExpired{Amount: 10_000})
}

func failed() []payment.Event {
	return []payment.Event{requested(), payment.Failed{Reference: netID(1), Code: "card_declined", Message: "The card was declined."}}
}

func awaitingAction() []payment.Event {
	return []payment.Event{requested(), payment.ActionRequired{Reference: netID(1), Action: acquirer.NextAction{Type: "redirect_to_url", URL: "https://acs.example"}}}
}

func amount(minor int64) *int64 { return &minor }

func euros(minor int64) money.Money { return money.Of(minor, "eur") }
