package api

import (
	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections/refunds"
)

// createRefund serves POST /v1/payments/{id}/refunds.
func (s *Server) createRefund(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	f := newFields(x.object)
	key := x.idempotencyKey(f, false)
	wish := commands.Refund{
		Payment:  target,
		Amount:   f.positive("amount"),
		Reason:   f.choice("reason", "duplicate", "fraudulent", "customer_request", "other"),
		Metadata: f.metadata(),
	}
	if err := f.check(); err != nil {
		return err
	}
	reply, err := s.desk.Refund(x.context(), x.call(key, s.renderRefund(x.ids)), wish)
	return x.reply(reply, err)
}

// retrieveRefund serves GET /v1/payments/{id}/refunds/{refund_id}.
func (s *Server) retrieveRefund(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	refund, err := id.Parse[id.Refund](x.echo.Param("refund_id"))
	if err != nil {
		return notFound("refund")
	}
	q := parseQuery(x.request.URL.RawQuery)
	asOf, wanted := q.through("as_of"), q.fields(s.refundFields)
	if err := q.check(); err != nil {
		return err
	}
	if err := x.waitForPosition(); err != nil {
		return err
	}
	who := x.principal
	var found refunds.Resource
	if asOf.IsZero() {
		found, err = s.refunds.Get(x.context(), who.Merchant, who.Livemode, target, refund)
	} else {
		found, err = s.refunds.At(x.context(), who.Merchant, who.Livemode, target, refund, asOf)
	}
	if err := reading("refund", err); err != nil {
		return err
	}
	return x.resource(wanted.pick(refunds.AppendJSON(nil, found)))
}

// listRefunds serves GET /v1/refunds.
func (s *Server) listRefunds(x *exchange) error { return s.refundPage(x, id.Payment{}) }

// listRefundsOfPayment serves GET /v1/payments/{id}/refunds. A payment that does
// not exist is 404, not an empty list.
func (s *Server) listRefundsOfPayment(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	return s.refundPage(x, target)
}

// refundPage lists all refunds, or those of one payment: the query is judged before
// anything is waited for or read.
func (s *Server) refundPage(x *exchange, of id.Payment) error {
	q := parseQuery(x.request.URL.RawQuery)
	wanted := q.fields(s.refundFields)
	filter := refunds.Filter{
		Merchant: x.principal.Merchant, Livemode: x.principal.Livemode, Payment: of,
		Status:      payment.RefundStatus(q.choice("status", "pending", "succeeded", "failed")),
		CreatedFrom: q.time("created_gte"),
		CreatedTo:   q.through("created_lte"),
		OldestFirst: q.choice("sort", "created_at", "-created_at") == "created_at",
	}
	name := append(x.listName("refunds of ", q), of.String()...)
	p := x.paging(q, name)
	if err := q.check(); err != nil {
		return err
	}
	if err := x.waitForPosition(); err != nil {
		return err
	}
	if !of.IsZero() {
		_, err := s.payments.Get(x.context(), filter.Merchant, filter.Livemode, of)
		if err := reading("payment", err); err != nil {
			return err
		}
	}
	filter.Limit, filter.After, filter.Before = p.limit, refundKey(p.after), refundKey(p.before)
	found, err := s.refunds.List(x.context(), filter)
	if err := reading("refund", err); err != nil {
		return err
	}
	answer := page{hasMore: found.HasMore, total: found.TotalCount}
	for _, item := range found.Items {
		answer.items = append(answer.items, wanted.pick(refunds.AppendJSON(nil, item)))
	}
	answer.next, answer.previous = s.refundCursor(name, found.Next), s.refundCursor(name, found.Previous)
	return x.list(answer)
}

func refundKey(p *place) id.Refund {
	if p == nil {
		return id.Refund{}
	}
	return id.From[id.Refund](p.ID)
}

func (s *Server) refundCursor(list []byte, at id.Refund) string {
	if at.IsZero() {
		return ""
	}
	return s.cursors.seal(list, place{ID: at.UUID()})
}
