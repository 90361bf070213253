package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
)

// retrievePayment serves GET /v1/payments/{id}: always current, or as of a moment.
func (s *Server) retrievePayment(x *exchange) error {
	target, err := x.paymentID()
	if err != nil {
		return err
	}
	q := parseQuery(x.request.URL.RawQuery)
	asOf, wanted := q.through("as_of"), q.fields(s.paymentFields)
	if err := q.check(); err != nil {
		return err
	}
	if err := x.waitForPosition(); err != nil {
		return err
	}
	who := x.principal
	var found payments.Resource
	if asOf.IsZero() {
		found, err = s.payments.Get(x.context(), who.Merchant, who.Livemode, target)
	} else {
		found, err = s.payments.At(x.context(), who.Merchant, who.Livemode, target, asOf)
	}
	if err := reading("payment", err); err != nil {
		return err
	}
	return x.resource(wanted.pick(payments.AppendJSON(make([]byte, 0, paymentSize), found)))
}

// resource sends one resource with its ETag; 304 when the client has it already.
func (x *exchange) resource(body []byte) error {
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	x.set("Etag", tag)
	if matches(x.request.Header["If-None-Match"], tag) {
		x.status = http.StatusNotModified
		x.echo.Response().WriteHeader(http.StatusNotModified)
		return nil
	}
	return x.json(http.StatusOK, body)
}

// matches compares weakly, as RFC 9110 §13.1.2 asks of If-None-Match.
func matches(headers []string, tag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}

// listPayments serves GET /v1/payments.
func (s *Server) listPayments(x *exchange) error {
	q := parseQuery(x.request.URL.RawQuery)
	wanted := q.fields(s.paymentFields)
	filter := x.paymentFilter(q)
	name := x.listName("payments", q)
	p := x.paging(q, name)
	if err := q.check(); err != nil {
		return err
	}
	if err := x.waitForPosition(); err != nil {
		return err
	}
	filter.Limit, filter.After, filter.Before = p.limit, paymentKey(p.after), paymentKey(p.before)
	found, err := s.payments.List(x.context(), filter)
	if err := reading("payment", err); err != nil {
		return err
	}
	answer := page{hasMore: found.HasMore, total: found.TotalCount, items: make([][]byte, len(found.Items))}
	for i := range found.Items {
		answer.items[i] = wanted.pick(payments.AppendJSON(make([]byte, 0, paymentSize), found.Items[i]))
	}
	answer.next = s.paymentCursor(name, found.Next)
	answer.previous = s.paymentCursor(name, found.Previous)
	return x.list(answer)
}

func (x *exchange) paymentFilter(q *query) payments.Filter {
	filter := payments.Filter{
		Merchant: x.principal.Merchant, Livemode: x.principal.Livemode,
		Status:      payment.Status(q.choice("status", "pending", "authorized", "captured", "failed", "cancelled", "refunded")),
		Currency:    q.currency(),
		Customer:    q.customer(),
		CreatedFrom: q.time("created_gte"),
		CreatedTo:   q.through("created_lte"),
		Metadata:    projections.LabelsOf(q.metadata()),
		Sort:        sorts[q.choice("sort", "created_at", "-created_at", "amount", "-amount")],
	}
	if filter.IdempotencyKey = strings.ToLower(q.text("idempotency_key")); filter.IdempotencyKey != "" && !isUUID(filter.IdempotencyKey) {
		q.wrong(invalid("idempotency_key", "must be a UUID"))
	}
	return filter
}

var sorts = map[string]payments.Sort{
	"":            payments.NewestFirst,
	"-created_at": payments.NewestFirst,
	"created_at":  payments.OldestFirst,
	"amount":      payments.SmallestFirst,
	"-amount":     payments.LargestFirst,
}

func (q *query) currency() money.Currency {
	text := q.text("currency")
	if text == "" {
		return ""
	}
	currency, err := money.ParseCurrency(text)
	if err != nil {
		q.wrong(invalid("currency", "must be a three-letter code of ISO 4217"))
	}
	return currency
}

func (q *query) customer() id.Customer {
	text := q.text("customer_id")
	if text == "" {
		return id.Customer{}
	}
	customer, err := id.Parse[id.Customer](text)
	if err != nil {
		q.wrong(invalid("customer_id", "must be the id of a customer (cus_…)"))
	}
	return customer
}

func paymentKey(p *place) payments.Key {
	if p == nil {
		return payments.Key{}
	}
	return payments.Key{Amount: p.Key, ID: id.From[id.Payment](p.ID)}
}

func (s *Server) paymentCursor(list []byte, key payments.Key) string {
	if key.IsZero() {
		return ""
	}
	return s.cursors.seal(list, place{Key: key.Amount, ID: key.ID.UUID()})
}
