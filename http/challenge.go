package api

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
)

// The page to which the sandbox sends a cardholder for 3-D Secure. It is the bank's
// page in play, so it asks for no key: whoever holds the address, which is as hard to
// guess as the payment's id in it, is the cardholder. Live mode has no such page.

// challengePolicy lets the page do nothing but post to itself.
const challengePolicy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors *; base-uri 'none'"

type challengeView struct {
	Payment string
	Amount  string
	Status  string
	Waiting bool
}

// challengePage serves GET /sandbox/3ds/{id}.
func (s *Server) challengePage(x *exchange) error {
	target, on, err := x.challenge()
	if err != nil {
		return err
	}
	return s.showChallenge(x, target, on)
}

// challengeApproved serves POST /sandbox/3ds/{id}/approve.
func (s *Server) challengeApproved(x *exchange) error { return s.endChallenge(x, true) }

// challengeFailed serves POST /sandbox/3ds/{id}/fail.
func (s *Server) challengeFailed(x *exchange) error { return s.endChallenge(x, false) }

func (s *Server) endChallenge(x *exchange, succeeded bool) error {
	target, on, err := x.challenge()
	if err != nil {
		return err
	}
	call := commands.Call{Principal: on, RequestID: x.requestID, Render: s.renderOutcome(x.ids, http.StatusOK)}
	if _, err := s.desk.CompleteAction(x.context(), call, commands.CompleteAction{Payment: target, Succeeded: succeeded}); err != nil {
		return err
	}
	return s.showChallenge(x, target, on) // a second click finds it done and says so
}

// challenge finds the payment that the address names, and for whom it was made.
func (x *exchange) challenge() (target id.Payment, on access.Principal, err error) {
	target, err = id.Parse[id.Payment](x.echo.Param("id"))
	if err != nil || x.server.challenges == nil {
		return target, on, notFound("challenge")
	}
	ctx, cancel := x.lookUp()
	defer cancel()
	on, found, err := x.server.challenges.Find(ctx, target)
	switch {
	case err != nil:
		return target, on, unavailable{err}
	case !found || on.Livemode:
		return target, on, notFound("challenge")
	}
	return target, on, nil
}

func (s *Server) showChallenge(x *exchange, target id.Payment, on access.Principal) error {
	found, err := s.payments.Get(x.context(), on.Merchant, on.Livemode, target)
	if err := reading("challenge", err); err != nil {
		return err
	}
	view := challengeView{
		Payment: target.String(),
		Amount:  majorUnits(found.Amount, found.Currency),
		Status:  string(found.Status),
		Waiting: found.Status == payment.StatusPending && found.NextAction != nil,
	}
	var b bytes.Buffer
	if err := challengeTemplate.Execute(&b, view); err != nil {
		return err
	}
	x.set("Content-Security-Policy", challengePolicy)
	return x.answer(http.StatusOK, contentHTML, b.Bytes())
}

// majorUnits writes an amount for people: 19.99 EUR.
func majorUnits(amount int64, currency money.Currency) string {
	digits := currency.Exponent()
	text := fmt.Sprintf("%0*d", digits+1, amount)
	if whole := len(text) - digits; digits > 0 {
		text = text[:whole] + "." + text[whole:]
	}
	return text + " " + strings.ToUpper(string(currency))
}

const contentHTML = "text/html; charset=utf-8"

var challengeTemplate = template.Must(template.New("challenge").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sandbox bank: confirm your payment</title>
<link rel="stylesheet" href="/docs/style.css">
<body class="challenge">
<main>
<p class="tag">Sandbox bank · test mode</p>
{{if .Waiting}}<h1>Confirm your payment of {{.Amount}}</h1>
<p>A shop asks for this payment. In test mode you are the cardholder: decide how your authentication ends.</p>
<form method="post" action="/sandbox/3ds/{{.Payment}}/approve"><button class="yes">Approve</button></form>
<form method="post" action="/sandbox/3ds/{{.Payment}}/fail"><button class="no">Fail the authentication</button></form>
{{else}}<h1>Your payment of {{.Amount}} is {{.Status}}</h1>
<p>There is nothing more to confirm. You can close this page.</p>
{{end}}</main>
</body>
</html>
`))
