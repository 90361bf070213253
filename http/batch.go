package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/http/strictjson"
)

// createBatch serves POST /v1/payments/batch: 1 to 100 payments, each judged on its
// own and each a request of its own, as if it had been sent alone under its key.
func (s *Server) createBatch(x *exchange) error {
	f := newFields(x.object)
	elements := f.elements("payments", commands.BatchItemsMax)
	if err := f.check(); err != nil {
		return err
	}
	b := batch{exchange: x, answers: make([]commands.Answer, len(elements))}
	for i, element := range elements {
		b.add(i, element)
	}
	replies := s.desk.AuthorizeBatch(x.context(), b.items)
	for n, reply := range replies {
		b.answers[b.index[n]] = x.itemAnswer(reply)
	}
	x.newest(replies)
	return x.json(http.StatusMultiStatus, b.body())
}

// elements wants an array of 1 to most values.
func (f *fields) elements(name string, most int) []strictjson.Value {
	value, found := f.get(name)
	if !found {
		f.wrong(missing(name))
		return nil
	}
	elements := value.Elements()
	if value.Kind() != strictjson.KindArray || len(elements) == 0 || len(elements) > most {
		f.wrong(invalid(name, "must be an array of 1 to "+strconv.Itoa(most)+" payments"))
	}
	return elements
}

// batch pairs items with their places: an item that is refused here never reaches the desk.
type batch struct {
	exchange *exchange
	items    []commands.Item
	index    []int // of items, in the request
	answers  []commands.Answer
}

func (b *batch) add(i int, element strictjson.Value) {
	x := b.exchange
	item, err := x.batchItem(element)
	if err != nil {
		b.answers[i] = x.failureAnswer(err)
		return
	}
	b.items = append(b.items, item)
	b.index = append(b.index, i)
}

func (x *exchange) batchItem(element strictjson.Value) (commands.Item, error) {
	if element.Kind() != strictjson.KindObject {
		return commands.Item{}, failParam(codeParameterInvalid, "payments", "Each payment must be an object.")
	}
	object := element.Members()
	f := newFields(object)
	key := f.text("idempotency_key", 0, 500)
	switch {
	case !f.has("idempotency_key"):
		f.wrong(missing("idempotency_key"))
	case len(f.faults) == 0 && !isUUID(key):
		f.wrong(fault{codeInvalidKey, "idempotency_key", "idempotency_key must be a UUID."})
	}
	wish := bindAuthorize(f)
	if err := f.check(); err != nil {
		return commands.Item{}, err
	}
	call := commands.Call{
		Principal: x.principal, RequestID: x.requestID, IdempotencyKey: strings.ToLower(key),
		Fingerprint: fingerprint(http.MethodPost, "/v1/payments", without(object, "idempotency_key")),
		Render:      x.server.renderAuthorized(x.ids),
	}
	return commands.Item{Call: call, Wish: wish}, nil
}

// without is the object as the single request would have sent it, so that an item
// may be retried alone.
func without(object strictjson.Object, name string) strictjson.Object {
	rest := make(strictjson.Object, 0, len(object))
	for _, member := range object {
		if string(member.Name) != name {
			rest = append(rest, member)
		}
	}
	return rest
}

func (x *exchange) itemAnswer(reply commands.ItemReply) commands.Answer {
	if reply.Err != nil {
		return x.failureAnswer(reply.Err)
	}
	return reply.Reply.Answer
}

// failureAnswer is what fail would have sent.
func (x *exchange) failureAnswer(err error) commands.Answer {
	f := translate(err)
	if f.Code == codeInternal {
		x.failed = f // one line in the log for the batch
	}
	row := x.server.codes.row(f.Code)
	return commands.Answer{Status: row.Status, Body: x.server.envelope(x.ids, row, f)}
}

// newest tells the place of the newest event that the batch's answers speak of.
func (x *exchange) newest(replies []commands.ItemReply) {
	var number int64
	var position string
	for i := range replies {
		if p := replies[i].Reply.Position; p.Number > number {
			number, position = p.Number, p.String()
		}
	}
	if number > 0 {
		x.set("Paymint-Position", position)
	}
}

func (b *batch) body() []byte {
	o := object{buf: make([]byte, 0, 64+len(b.answers)*(paymentSize+64))}
	o.open()
	o.text("object", "batch")
	o.name("data")
	o.buf = append(o.buf, '[')
	for i, answer := range b.answers {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.open()
		o.number("index", int64(i))
		o.number("status", int64(answer.Status))
		o.raw("body", answer.Body)
		o.close()
	}
	o.buf = append(o.buf, ']')
	o.close()
	return o.buf
}
