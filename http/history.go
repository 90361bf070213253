package api

import (
	"github.com/google/uuid"

	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
)

// paymentHistory serves GET /v1/payments/{id}/events: what happened, oldest first,
// each event with the payment as it stood after it. A history is a few events, so
// it is read whole and cut here.
func (s *Server) paymentHistory(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	q := parseQuery(x.request.URL.RawQuery)
	name := append(x.listName("events of ", q), target.String()...)
	p := x.paging(q, name)
	if err := q.check(); err != nil {
		return err
	}
	if err := x.waitForPosition(); err != nil {
		return err
	}
	moments, err := s.payments.History(x.context(), x.principal.Merchant, x.principal.Livemode, target)
	if err := reading("payment", err); err != nil {
		return err
	}
	total := int64(len(moments))
	from, to := p.window(len(moments))
	answer := page{hasMore: to < len(moments), total: &total}
	if p.before != nil {
		answer.hasMore = from > 0
	}
	for _, moment := range moments[from:to] {
		answer.items = append(answer.items, s.eventJSON(moment))
	}
	if from < to && to < len(moments) {
		answer.next = s.cursors.seal(name, place{Key: int64(to), ID: uuid.Nil})
	}
	if from < to && from > 0 {
		answer.previous = s.cursors.seal(name, place{Key: int64(from) + 1, ID: uuid.Nil})
	}
	return x.list(answer)
}

// window cuts count items, numbered from 1, to the page. Keys are numbers of items.
func (p paging) window(count int) (from, to int) {
	switch {
	case p.after != nil:
		from = min(int(p.after.Key), count)
	case p.before != nil:
		to = min(int(p.before.Key)-1, count)
		return max(0, to-p.limit), to
	}
	return from, min(from+p.limit, count)
}

// eventJSON writes an event in the form in which webhooks send it, with its place
// in the payment's history.
func (s *Server) eventJSON(m payments.Moment) []byte {
	o := object{buf: make([]byte, 0, paymentSize+512)}
	o.open()
	o.text("object", "event")
	o.text("id", m.ID.String())
	o.text("type", m.Event.Type())
	o.number("sequence", int64(m.Version))
	o.text("api_version", version)
	o.textOrNull("actor", m.Actor)
	o.name("request")
	o.open()
	o.textOrNull("id", m.RequestID)
	o.textOrNull("idempotency_key", m.IdempotencyKey)
	o.close()
	o.name("data")
	o.open()
	o.name("object")
	o.buf = payments.AppendJSON(o.buf, m.Payment)
	o.close()
	o.name("effective_at")
	o.buf = projections.AppendTimeOrNull(o.buf, m.EffectiveAt)
	o.flag("livemode", m.Payment.Livemode)
	o.name("created_at")
	o.buf = projections.AppendTimeOrNull(o.buf, m.RecordedAt)
	o.close()
	return o.buf
}
