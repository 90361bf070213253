package api

import (
	"fmt"
	"net/http"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

// capturePayment serves POST /v1/payments/{id}/capture.
func (s *Server) capturePayment(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	f := newFields(x.object)
	key := x.idempotencyKey(f, false)
	wish := commands.Capture{Payment: target, Amount: f.positive("amount")}
	if err := f.check(); err != nil {
		return err
	}
	reply, err := s.desk.Capture(x.context(), x.call(key, s.renderOutcome(x.ids, http.StatusOK)), wish)
	return x.reply(reply, err)
}

// cancelPayment serves POST /v1/payments/{id}/cancel.
func (s *Server) cancelPayment(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	f := newFields(x.object)
	key := x.idempotencyKey(f, false)
	wish := commands.Cancel{
		Payment: target,
		Reason:  f.choice("reason", "duplicate", "fraudulent", "customer_request", "abandoned", "other"),
	}
	if err := f.check(); err != nil {
		return err
	}
	reply, err := s.desk.Cancel(x.context(), x.call(key, s.renderOutcome(x.ids, http.StatusOK)), wish)
	return x.reply(reply, err)
}

// completeAction serves POST /v1/payments/{id}/complete_action: in test mode a test
// plays the cardholder.
func (s *Server) completeAction(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	f := newFields(x.object)
	key := x.idempotencyKey(f, false)
	outcome := f.choice("outcome", "succeeded", "failed")
	if err := f.check(); err != nil {
		return err
	}
	wish := commands.CompleteAction{Payment: target, Succeeded: outcome != "failed"}
	reply, err := s.desk.CompleteAction(x.context(), x.call(key, s.renderOutcome(x.ids, http.StatusOK)), wish)
	return x.reply(reply, err)
}

// correctPayment serves POST /v1/payments/{id}/corrections, for the platform's
// operators: they name the merchant, because their key is bound to none.
func (s *Server) correctPayment(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	f := newFields(x.object)
	key := x.idempotencyKey(f, false)
	merchant := merchantOf(f)
	wish := payment.Correct{
		AmountCaptured: f.needed("amount_captured"),
		AmountRefunded: f.needed("amount_refunded"),
		Reason:         f.text("reason", 1, 500),
		Operator:       x.principal.Key.String(),
	}
	approver := f.text("approved_by", 1, 100)
	f.need("reason", f.has("reason"))
	if err := f.check(); err != nil {
		return err
	}
	lane, err := x.laneOf(merchant)
	if err != nil {
		return err
	}
	if wish.ApprovedBy, err = x.approval(approver); err != nil {
		return err
	}
	place := commands.Target{Lane: lane, Merchant: merchant, Livemode: x.principal.Livemode, Payment: target}
	reply, err := s.desk.Correct(x.context(), x.call(key, s.renderOutcome(x.ids, http.StatusOK)), place, wish)
	return x.reply(reply, err)
}

// laneOf finds where a merchant's payments are.
func (x *exchange) laneOf(merchant id.Merchant) (int, error) {
	ctx, cancel := x.lookUp()
	defer cancel()
	lane, found, err := x.server.laneOf(ctx, merchant)
	switch {
	case err != nil:
		return 0, unavailable{fmt.Errorf("find the lane of merchant %s: %w", merchant, err)}
	case !found:
		return 0, notFound("payment")
	}
	return lane, nil
}

// approval proves who approves: an operator whose key the platform issued, whose
// key still opens, in this mode, and who is not the one that asks. What is claimed
// and not proved is refused even where no approval is needed: it would be recorded.
func (x *exchange) approval(claimed string) (string, error) {
	if claimed == "" {
		return "", nil
	}
	key, err := id.Parse[id.Key](claimed)
	if err != nil {
		return "", noApproval()
	}
	ctx, cancel := x.lookUp()
	defer cancel()
	found, known, err := x.server.keyOf(ctx, key)
	if err != nil {
		return "", unavailable{fmt.Errorf("look up the approver's key %s: %w", key, err)}
	}
	approver, usable := found.Principal()
	if !known || !usable || !approver.Platform || approver.Livemode != x.principal.Livemode || approver.Key == x.principal.Key {
		return "", noApproval()
	}
	return key.String(), nil
}

func noApproval() error {
	return failParam(string(refusal.SecondApproverNeeded), "approved_by",
		"approved_by must be the id of another operator's key: of the platform, in this mode, and not revoked.")
}

func merchantOf(f *fields) id.Merchant {
	text := f.text("merchant_id", 1, 64)
	f.need("merchant_id", f.has("merchant_id"))
	merchant, err := id.Parse[id.Merchant](text)
	if text != "" && err != nil {
		f.wrong(invalid("merchant_id", "must be the id of a merchant (mch_…)"))
	}
	return merchant
}

// positive is an optional amount of at least 1; nil when absent.
func (f *fields) positive(name string) *int64 {
	n, ok := f.integer(name)
	if !ok {
		return nil
	}
	if n < 1 {
		f.wrong(fault{string(refusal.AmountTooSmall), name, "The amount must be at least 1."})
	}
	return &n
}

// needed is a required amount of at least 0.
func (f *fields) needed(name string) int64 {
	n, ok := f.integer(name)
	f.need(name, f.has(name))
	if ok && n < 0 {
		f.wrong(invalid(name, "must not be negative"))
	}
	return n
}

// paymentID reads the id in the path. What cannot be an id names nothing.
func (x *exchange) paymentID() (id.Payment, error) {
	payment, err := id.Parse[id.Payment](x.echo.Param("id"))
	if err != nil {
		return payment, notFound("payment")
	}
	return payment, nil
}
