package payment

import (
	"fmt"
	"strings"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/refusal"
)

// CallTimeout is how long a call to an acquirer may take; intents get now plus it
// as their deadline.
const CallTimeout = 3 * time.Second

// Authorize wishes to hold Amount on Instrument, and with Capture to take it.
type Authorize struct {
	Payment          id.Payment
	Merchant         id.Merchant
	Livemode         bool
	MerchantActive   bool
	Reference        id.Reference
	CaptureReference id.Reference // with Capture, whether the gateway needs one message or two
	Gateway          string
	Amount           money.Money // an unknown currency is refused, so pass on what ParseCurrency did not accept
	Capture          bool
	Instrument       *acquirer.Instrument // nil: not found

	Customer            id.Customer
	Description         string
	StatementDescriptor string
	Metadata            map[string]string

	Now      time.Time // the merchant's clock, which judges expiry
	Deadline time.Time // wall clock: when the network call is given up
}

// Decide checks, in this order: that the payment is new; that the merchant is
// active; then every field, so that all wrong ones are found at once: currency,
// amount, instrument.
func (w Authorize) Decide(s State) ([]Event, *refusal.Refusal) {
	if s.Exists() {
		return nil, refusal.New(refusal.AlreadyExists, "A payment with this id exists.")
	}
	if !w.MerchantActive {
		return nil, refusal.New(refusal.MerchantNotActive, "The merchant is not active, so it cannot take payments. Retrieve the merchant to see its status.")
	}
	if wrong := w.checkAmount().And(w.checkInstrument()); wrong != nil {
		return nil, wrong
	}
	requested := AuthorizationRequested{
		Payment: w.Payment, Merchant: w.Merchant, Livemode: w.Livemode, Reference: w.Reference, Gateway: w.Gateway,
		Amount: w.Amount.Minor, Currency: w.Amount.Currency, Capture: w.Capture, Instrument: InstrumentOf(*w.Instrument),
		Customer: w.Customer, Description: w.Description, StatementDescriptor: w.StatementDescriptor, Metadata: w.Metadata,
		Deadline: instant(w.Deadline),
	}
	if w.Capture {
		requested.CaptureReference = w.CaptureReference
	}
	return []Event{requested}, nil
}

func (w Authorize) checkAmount() *refusal.Refusal {
	currency := w.Amount.Currency
	if !currency.Known() {
		return refusal.Of(refusal.CurrencyNotSupported, "currency",
			"This currency is not supported. Send the ISO 4217 code of an active currency, such as eur.")
	}
	limits := LimitsOf(currency)
	switch code := strings.ToUpper(string(currency)); {
	case w.Amount.Minor < limits.Smallest:
		return refusal.Of(refusal.AmountTooSmall, "amount",
			fmt.Sprintf("The amount is too small. Send at least %d, in the smallest unit of %s.", limits.Smallest, code))
	case w.Amount.Minor > limits.Largest:
		return refusal.Of(refusal.AmountTooLarge, "amount",
			fmt.Sprintf("The amount is too large. Send at most %d, in the smallest unit of %s.", limits.Largest, code))
	}
	return nil
}

func (w Authorize) checkInstrument() *refusal.Refusal {
	if w.Instrument == nil {
		return refusal.Of(refusal.PaymentMethodNotFound, "payment_method_id",
			"No such payment method. Send the id of one of this merchant's payment methods, in the mode of the key.")
	}
	if expired(*w.Instrument, w.Now) {
		return refusal.Of(refusal.PaymentMethodExpired, "payment_method_id",
			"The payment method has expired. Ask the customer for another, or for the new expiry date.")
	}
	return nil
}

// expired: a card is good to the end of its month, everywhere on Earth (UTC-12).
func expired(i acquirer.Instrument, now time.Time) bool {
	if i.ExpYear == 0 || i.ExpMonth == 0 {
		return false
	}
	end := time.Date(i.ExpYear, time.Month(i.ExpMonth)+1, 1, 12, 0, 0, 0, time.UTC)
	return !now.Before(end)
}

// InstrumentOf keeps of an instrument what history may know.
func InstrumentOf(i acquirer.Instrument) Instrument {
	return Instrument{
		ID: i.ID, Type: i.Type, Brand: i.Brand, LastFour: i.LastFour, ExpMonth: i.ExpMonth,
		ExpYear: i.ExpYear, Funding: i.Funding, Fingerprint: i.Fingerprint,
	}
}
