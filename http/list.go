package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/paymint/paymint/http/strictjson"
	"github.com/paymint/paymint/projections"
)

const (
	limitDefault = 25
	limitMax     = 100
	// lagMax is how long a read waits for the position its caller has seen.
	lagMax = 2 * time.Second
)

// page is a list's answer before it is written.
type page struct {
	items          [][]byte // JSON of each
	hasMore        bool
	next, previous string // cursors; empty for none
	total          *int64
}

// paging reads limit and the two cursors; list names what the cursors are bound to.
type paging struct {
	limit         int
	after, before *place
}

func (x *exchange) paging(q *query, list []byte) paging {
	p := paging{limit: q.integer("limit", 1, limitMax, limitDefault)}
	after, before := q.text("starting_after"), q.text("ending_before")
	if after != "" && before != "" {
		q.wrong(invalid("ending_before", "cannot be sent together with starting_after"))
		return p
	}
	p.after = x.cursor(q, list, "starting_after", after)
	p.before = x.cursor(q, list, "ending_before", before)
	return p
}

func (x *exchange) cursor(q *query, list []byte, name, text string) *place {
	if text == "" {
		return nil
	}
	where, ok := x.server.cursors.open(list, text)
	if !ok {
		q.wrong(fault{codeInvalidCursor, name, "This cursor is not one of this list's, or was altered."})
		return nil
	}
	return &where
}

// listName is what a cursor is bound to: resource, owner, mode, and everything
// that filters or sorts.
func (x *exchange) listName(resource string, q *query) []byte {
	owner := x.principal.Merchant.UUID()
	b := append([]byte(resource), '\n')
	b = append(b, owner[:]...)
	b = strconv.AppendBool(b, x.principal.Livemode)
	for _, p := range q.sorted() {
		switch p.name {
		case "limit", "starting_after", "ending_before", "fields":
			continue // they do not change which items there are, or their order
		}
		b = append(append(b, '\n'), p.name...)
		b = append(append(b, '\n'), p.value...)
	}
	return b
}

// fieldset is the fields parameter: which fields of a resource are wanted.
type fieldset struct{ names []string }

// fields reads fields=id,amount; known are the names that a resource has.
func (q *query) fields(known map[string]bool) fieldset {
	text := q.text("fields")
	if text == "" {
		return fieldset{}
	}
	names := strings.Split(text, ",")
	for _, name := range names {
		if !known[name] {
			q.wrong(invalid("fields", "names a field that the resource does not have"))
			return fieldset{}
		}
	}
	return fieldset{names: names}
}

// pick keeps the wanted fields of a resource's JSON, in the resource's order.
func (f fieldset) pick(resource []byte) []byte {
	if len(f.names) == 0 {
		return resource
	}
	members, err := strictjson.Parse(resource)
	if err != nil {
		return resource // ours, and it holds a control character: nothing to cut
	}
	o := object{buf: make([]byte, 0, len(resource))}
	o.open()
	for _, member := range members {
		for _, name := range f.names {
			if string(member.Name) == name {
				o.raw(name, member.Value.Raw())
				break
			}
		}
	}
	o.close()
	return o.buf
}

// namesOf lists the fields of a resource's JSON.
func namesOf(resource []byte) map[string]bool {
	members, err := strictjson.Parse(resource)
	if err != nil {
		panic("a resource's JSON is not JSON: " + err.Error())
	}
	names := make(map[string]bool, len(members))
	for _, member := range members {
		names[string(member.Name)] = true
	}
	return names
}

// list sends a page.
func (x *exchange) list(p page) error {
	size := 160
	for _, item := range p.items {
		size += len(item) + 1
	}
	o := object{buf: make([]byte, 0, size)}
	o.open()
	o.text("object", "list")
	o.name("data")
	o.buf = append(o.buf, '[')
	for i, item := range p.items {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		o.buf = append(o.buf, item...)
	}
	o.buf = append(o.buf, ']')
	o.flag("has_more", p.hasMore)
	o.textOrNull("next_cursor", p.next)
	o.textOrNull("previous_cursor", p.previous)
	if p.total == nil {
		o.raw("total_count", null)
	} else {
		o.number("total_count", *p.total)
	}
	o.close()
	return x.json(http.StatusOK, o.buf)
}

const headerMinPosition = "Paymint-Min-Position"

// waitForPosition holds a GET until the read models show what its caller has seen.
func (x *exchange) waitForPosition() error {
	text, sent := first(x.request.Header, headerMinPosition)
	if !sent {
		return nil
	}
	lane, number, ok := parsePosition(text)
	if !ok || lane != x.principal.Lane {
		return failParam(codeParameterInvalid, headerMinPosition, "Send back what an answer's Paymint-Position said.")
	}
	if x.server.waitFor == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(x.context(), lagMax)
	defer cancel()
	err := x.server.waitFor(ctx, lane, number)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fail(codeProjectionLag, "The read side has not reached this position yet. Read again in a second.")
	case err != nil:
		return unavailable{err}
	}
	return nil
}

// parsePosition reads <lane>.<number> as answers write it.
func parsePosition(text string) (lane int, number int64, ok bool) {
	head, tail, found := strings.Cut(text, ".")
	l, err1 := strconv.ParseUint(head, 10, 15)
	n, err2 := strconv.ParseUint(tail, 10, 63)
	ok = found && err1 == nil && err2 == nil && strconv.FormatUint(l, 10) == head && strconv.FormatUint(n, 10) == tail
	return int(l), int64(n), ok //nolint:gosec // 15 and 63 bits fit
}

// reading turns a query's error into an answer.
func reading(noun string, err error) error {
	switch {
	case errors.Is(err, projections.ErrNotFound):
		return notFound(noun)
	case err != nil:
		return unavailable{err}
	}
	return nil
}
