package payment_test

import (
	"testing"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
)

func authorize(change func(*payment.Authorize)) payment.Authorize {
	instrument := visa
	w := payment.Authorize{
		Payment: payID(1), Merchant: mchID(1), MerchantActive: true, Reference: netID(1), CaptureReference: netID(2),
		Gateway: "sandbox", Amount: euros(10_000), Instrument: &instrument, Now: noon, Deadline: deadline,
	}
	if change != nil {
		change(&w)
	}
	return w
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	of := func(minor int64, currency money.Currency) func(*payment.Authorize) {
		return func(w *payment.Authorize) { w.Amount = money.Of(minor, currency) }
	}
	holdRules(t, map[string]rule{
		"requests a hold": {when: authorize(nil), then: []payment.Event{requested()}},
		"with capture fixes the capture's reference too": {
			when: authorize(func(w *payment.Authorize) { w.Capture = true }), then: []payment.Event{requestedWithCapture()},
		},
		"tells times in UTC": {
			when: authorize(func(w *payment.Authorize) { w.Deadline = deadline.In(time.FixedZone("", 3600)) }),
			then: []payment.Event{requested()},
		},
		"a payment begins once":    {given: failed(), when: authorize(nil), refused: "resource_already_exists"},
		"needs an active merchant": {when: authorize(func(w *payment.Authorize) { w.MerchantActive = false }), refused: "merchant_not_active"},
		"too small":                {when: authorize(of(49, "eur")), refused: "amount_too_small/amount"},
		"zero":                     {when: authorize(of(0, "eur")), refused: "amount_too_small/amount"},
		"negative":                 {when: authorize(of(-1<<63, "eur")), refused: "amount_too_small/amount"},
		"too large":                {when: authorize(of(100_000_000, "eur")), refused: "amount_too_large/amount"},
		"largest of all numbers":   {when: authorize(of(1<<63-1, "kwd")), refused: "amount_too_large/amount"},
		"a few rupiah":             {when: authorize(of(50, "idr")), refused: "amount_too_small/amount"},
		"no such currency":         {when: authorize(of(1_000, "xxx")), refused: "currency_not_supported/currency"},
		"currency in upper case":   {when: authorize(of(1_000, "EUR")), refused: "currency_not_supported/currency"},
		"no such payment method": {
			when: authorize(func(w *payment.Authorize) { w.Instrument = nil }), refused: "payment_method_not_found/payment_method_id",
		},
		"an expired card": {
			when: authorize(expiring(3, 2026)), refused: "payment_method_expired/payment_method_id",
		},
		"every wrong field is found": {
			when:    authorize(func(w *payment.Authorize) { w.Amount, w.Instrument = money.Of(0, "zzz"), nil }),
			refused: "currency_not_supported/currency payment_method_not_found/payment_method_id",
		},
		"too large for an expired card": {
			when:    authorize(func(w *payment.Authorize) { expiring(1, 2020)(w); w.Amount = euros(1 << 40) }),
			refused: "amount_too_large/amount payment_method_expired/payment_method_id",
		},
	})
}

func expiring(month, year int) func(*payment.Authorize) {
	return func(w *payment.Authorize) { w.Instrument.ExpMonth, w.Instrument.ExpYear = month, year }
}

func TestACardIsGoodToTheEndOfItsMonthEverywhere(t *testing.T) {
	t.Parallel()
	last := time.Date(2026, 5, 1, 11, 59, 59, 0, time.UTC) // still April on Baker Island
	for _, c := range []struct {
		now  time.Time
		good bool
	}{{noon, true}, {last, true}, {last.Add(time.Second), false}} {
		w := authorize(expiring(4, 2026))
		w.Now = c.now
		if _, refused := w.Decide(payment.State{}); (refused == nil) != c.good {
			t.Errorf("at %s: %v", c.now, refused)
		}
	}
	w := authorize(func(w *payment.Authorize) { w.Instrument = &acquirer.Instrument{ID: "pm_bank", Type: "bank_account"} })
	if _, refused := w.Decide(payment.State{}); refused != nil {
		t.Errorf("what has no expiry has expired: %v", refused)
	}
}

func TestLimitsOfEveryCurrencyMakeSense(t *testing.T) {
	t.Parallel()
	for _, currency := range money.Currencies() {
		limits := payment.LimitsOf(currency)
		if limits.Smallest < 1 || limits.Largest < limits.Smallest*100_000 || limits.Largest > 1e13 {
			t.Errorf("%s: %+v", currency, limits)
		}
		for _, good := range []int64{limits.Smallest, limits.Largest} {
			w := authorize(func(w *payment.Authorize) { w.Amount = money.Of(good, currency) })
			if _, refused := w.Decide(payment.State{}); refused != nil {
				t.Errorf("%d %s: %v", good, currency, refused)
			}
		}
	}
	if got := payment.LimitsOf("eur"); got != (payment.Limits{Smallest: 50, Largest: 99_999_999}) {
		t.Errorf("eur: %+v", got)
	}
}
