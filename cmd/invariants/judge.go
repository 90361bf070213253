package invariants

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
)

// judge looks after one invariant. What it watches, it says by implementing one or
// more of the interfaces below; a judge with NotChecked set is not called.
type judge interface {
	result() *Result
}

// laneWatcher sees every event of every lane, in pages, in order of position.
type laneWatcher interface {
	lane(ctx context.Context, lane int, page []entry) error
}

// streamWatcher sees every stream as a whole, in pages, in order of stream id.
type streamWatcher interface {
	streams(ctx context.Context, page []history) error
}

// finisher is called once behind both walks.
type finisher interface {
	finish(ctx context.Context) error
}

// entry is a record with the event its frame holds.
type entry struct {
	Record
	event eventstore.Event
	err   error // the frame cannot be read; event is empty
}

func (e *entry) where() string {
	return eventstore.Position{Lane: e.Lane, Number: e.Position}.String()
}

// read makes entries of records.
func read(records []Record) []entry {
	entries := make([]entry, len(records))
	for i, r := range records {
		entries[i].Record = r
		entries[i].event, entries[i].err = eventstore.ParseFrame(r.Frame)
		entries[i].event.Lane, entries[i].event.Position = r.Lane, r.Position
	}
	return entries
}

const aggregatePayment = "payment"

// history is one stream.
type history struct {
	head    Head
	entries []entry
	// payment is the stream's events for the domain, when it is a payment's. With err,
	// it ends before the event that could not be read.
	payment []payment.Recorded
	err     error
}

func newHistory(head Head, entries []entry) history {
	h := history{head: head, entries: entries}
	if h.aggregate() == aggregatePayment {
		h.decode()
	}
	return h
}

// aggregate is the noun of the stream, empty when none of its events can be read.
func (h *history) aggregate() string {
	for i := range h.entries {
		if h.entries[i].err == nil {
			return h.entries[i].event.Stream.Aggregate
		}
	}
	return ""
}

func (h *history) decode() {
	h.payment = make([]payment.Recorded, 0, len(h.entries))
	for i := range h.entries {
		e := &h.entries[i]
		if e.err != nil {
			h.err = fmt.Errorf("event %s: %w", e.where(), e.err)
			return
		}
		fact, err := payment.Decode(e.event.Type, e.event.Schema, e.event.Body)
		if err != nil {
			h.err = fmt.Errorf("event %s, %s schema %d: %w", e.where(), e.event.Type, e.event.Schema, err)
			return
		}
		h.payment = append(h.payment, payment.Recorded{
			ID: id.From[id.Event](e.event.ID), Version: e.event.Version, RecordedAt: e.event.RecordedAt, EffectiveAt: e.event.EffectiveAt,
			Actor: e.event.Meta.Actor, RequestID: e.event.Meta.RequestID, IdempotencyKey: e.event.Meta.IdempotencyKey, Event: fact,
		})
	}
}

// isPayment reports whether the stream is a payment's, readable or not.
func (h *history) isPayment() bool { return h.payment != nil }

// where names the stream as people look for it.
func (h *history) where() string { return NameOf(h.aggregate(), h.head.Stream) }

// NameOf is the public id of the thing whose history a stream is: pay_… for a
// payment. What has no public id is named by its UUID.
func NameOf(aggregate string, stream uuid.UUID) string {
	switch aggregate {
	case aggregatePayment:
		return id.From[id.Payment](stream).String()
	case "merchant":
		return id.From[id.Merchant](stream).String()
	case "api_key":
		return id.From[id.Key](stream).String()
	default:
		return stream.String()
	}
}
