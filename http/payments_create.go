package api

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// createPayment serves POST /v1/payments.
func (s *Server) createPayment(x *exchange) error {
	f := newFields(x.object)
	key := x.idempotencyKey(f, true)
	wish := bindAuthorize(f)
	if err := f.check(); err != nil {
		return err
	}
	reply, err := s.desk.Authorize(x.context(), x.call(key, s.renderAuthorized(x.ids)), wish)
	return x.reply(reply, err)
}

// bindAuthorize reads the fields of a new payment. Amount and currency are judged
// here and again by the domain: here so that every wrong field is told at once and
// the idempotency key stays free.
func bindAuthorize(f *fields) commands.Authorize {
	amount, given := f.integer("amount")
	f.need("amount", f.has("amount"))
	currency := f.currency()
	wish := commands.Authorize{
		Amount:              money.Of(amount, currency),
		PaymentMethod:       f.paymentMethod(),
		Customer:            customerOf(f),
		Capture:             f.boolean("capture"),
		Description:         f.text("description", 0, 500),
		StatementDescriptor: f.text("statement_descriptor", 5, 22),
		Metadata:            f.metadata(),
	}
	if given && currency != "" {
		f.within(amount, payment.LimitsOf(currency))
	}
	return wish
}

func (f *fields) within(amount int64, limits payment.Limits) {
	switch {
	case amount < limits.Smallest:
		f.wrong(fault{string(refusal.AmountTooSmall), "amount", "The amount must be at least " + itoa(limits.Smallest) + "."})
	case amount > limits.Largest:
		f.wrong(fault{string(refusal.AmountTooLarge), "amount", "The amount must be at most " + itoa(limits.Largest) + "."})
	}
}

// currency wants a code that payments can be made in; "" when there is none.
func (f *fields) currency() money.Currency {
	value, found := f.get("currency")
	if !found {
		f.wrong(missing("currency"))
		return ""
	}
	text, ok := value.Text()
	if !ok {
		f.wrong(invalid("currency", "must be a string"))
		return ""
	}
	currency, err := money.ParseCurrency(text)
	if err != nil {
		f.wrong(fault{string(refusal.CurrencyNotSupported), "currency", "The currency must be a three-letter code of ISO 4217, such as eur."})
		return ""
	}
	return currency
}

// paymentMethod wants the form of an id alone: whose it is, the desk finds out.
func (f *fields) paymentMethod() string {
	const name = "payment_method_id"
	if !f.has(name) {
		f.asked = append(f.asked, name)
		f.wrong(missing(name))
		return ""
	}
	text := f.text(name, 1, 64)
	if text != "" && !handle(text) {
		f.wrong(invalid(name, "must be the id of a payment method (pm_…) or a token (tok_…)"))
	}
	return text
}

func handle(text string) bool {
	rest, ok := strings.CutPrefix(text, "pm_")
	if !ok {
		rest, ok = strings.CutPrefix(text, "tok_")
	}
	foreign := func(r rune) bool {
		letter, digit := 'a' <= r && r <= 'z', '0' <= r && r <= '9'
		return !letter && !digit && r != '_'
	}
	return ok && rest != "" && !strings.ContainsFunc(rest, foreign)
}

func customerOf(f *fields) id.Customer {
	text := f.text("customer_id", 1, 64)
	if text == "" {
		return id.Customer{}
	}
	customer, err := id.Parse[id.Customer](text)
	if err != nil {
		f.wrong(invalid("customer_id", "must be the id of a customer (cus_…)"))
	}
	return customer
}

const headerKey = "Idempotency-Key"

// idempotencyKey reads the header; its faults join those of the body.
func (x *exchange) idempotencyKey(f *fields, required bool) string {
	key, sent := first(x.request.Header, headerKey)
	switch {
	case sent && !isUUID(key):
		f.wrong(fault{codeInvalidKey, headerKey, "Idempotency-Key must be a UUID."})
	case !sent && required:
		f.wrong(missing(headerKey))
	}
	return strings.ToLower(key) // RFC 9562 reads both cases alike: a retry may spell it otherwise
}

// isUUID wants the 36 characters of RFC 9562; uuid.Parse alone takes braces too.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	_, err := uuid.Parse(s)
	return err == nil
}

// call is what the desk must know of this request.
func (x *exchange) call(key string, render func(commands.Result) commands.Answer) commands.Call {
	call := commands.Call{Principal: x.principal, RequestID: x.requestID, IdempotencyKey: key, Render: render}
	if key != "" {
		call.Fingerprint = x.fingerprint()
	}
	return call
}

// reply sends what the desk said.
func (x *exchange) reply(reply commands.Reply, err error) error {
	if err != nil {
		return err
	}
	if reply.Position.Number > 0 {
		x.set("Paymint-Position", reply.Position.String())
	}
	if reply.Replayed {
		x.header["Idempotent-Replayed"] = replayHeader
	}
	return x.json(reply.Status, reply.Body)
}

// renderAuthorized is the answer of a new payment, and of one whose cardholder has
// been authenticated: 201 with the payment, or 402 with the payment in the error.
func (s *Server) renderAuthorized(requestID string) func(commands.Result) commands.Answer {
	return s.renderOutcome(requestID, http.StatusCreated)
}
