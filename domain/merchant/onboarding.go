package merchant

import (
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/refusal"
)

// Create wishes for a new merchant, to be reviewed.
type Create struct {
	Merchant           id.Merchant
	BusinessName       string
	MCC                string
	Country            string
	SettlementCurrency money.Currency
	WebhookURL         string
	APIVersion         string
	Pricing            Pricing
}

// Decide checks that the merchant is new, then every field, so that all wrong ones
// are found at once.
func (w Create) Decide(s State) ([]Event, *refusal.Refusal) {
	if s.Exists() {
		return nil, refusal.New(refusal.AlreadyExists, "A merchant with this id exists.")
	}
	if wrong := w.check(); wrong != nil {
		return nil, wrong
	}
	return []Event{Created(w)}, nil
}

func (w Create) check() (wrong *refusal.Refusal) {
	must := func(ok bool, param, message string) {
		if !ok {
			wrong = wrong.And(refusal.Of(refusal.ParameterInvalid, param, message))
		}
	}
	must(w.BusinessName != "", "business_name", "A merchant has a name.")
	must(len(w.MCC) == 4 && all(w.MCC, '0', '9'), "mcc", "Send the merchant category code of ISO 18245: four digits.")
	must(len(w.Country) == 2 && all(w.Country, 'A', 'Z'), "country", "Send the country code of ISO 3166-1: two capital letters.")
	must(w.APIVersion != "", "api_version", "A merchant is pinned to a version of the API.")
	if !w.SettlementCurrency.Known() {
		wrong = wrong.And(refusal.Of(refusal.CurrencyNotSupported, "settlement_currency",
			"This currency is not supported. Send the ISO 4217 code of an active currency, such as eur."))
	}
	for currency, fee := range w.Pricing.Fixed {
		must(currency.Known() && fee >= 0, "pricing", "A fixed fee has a known currency and is not negative.")
	}
	return wrong
}

func all(s string, from, to byte) bool {
	for i := range len(s) {
		if s[i] < from || s[i] > to {
			return false
		}
	}
	return true
}

// Activate wishes to open a reviewed merchant for payments.
type Activate struct{}

// Decide refuses all but a merchant that awaits review.
func (Activate) Decide(s State) ([]Event, *refusal.Refusal) {
	return step(s, Activated{}, StatusPendingReview)
}

// Suspend wishes to freeze a merchant.
type Suspend struct{ Reason string }

// Decide refuses all but an active merchant.
func (w Suspend) Decide(s State) ([]Event, *refusal.Refusal) {
	return step(s, Suspended(w), StatusActive)
}

// Thaw wishes to end a suspension.
type Thaw struct{ Reason string }

// Decide refuses all but a suspended merchant.
func (w Thaw) Decide(s State) ([]Event, *refusal.Refusal) { return step(s, Thawed(w), StatusSuspended) }

// Terminate wishes to end the relation for good.
type Terminate struct{ Reason string }

// Decide refuses a merchant that was terminated before.
func (w Terminate) Decide(s State) ([]Event, *refusal.Refusal) {
	return step(s, Terminated(w), StatusPendingReview, StatusActive, StatusSuspended)
}

func step(s State, e Event, from ...Status) ([]Event, *refusal.Refusal) {
	if !s.Exists() {
		return nil, refusal.New(refusal.NotFound, "No such merchant.")
	}
	for _, status := range from {
		if s.Status == status {
			return []Event{e}, nil
		}
	}
	return nil, refusal.New(refusal.MerchantNotChangeable, "A merchant that is "+string(s.Status)+" does not allow this step.")
}
