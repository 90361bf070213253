// Package projections runs the read models: folds over the log with tables.
//
//	JetStream ──┐                       ┌─ fold ─ payments ─┐
//	            ├─► batch ─► decode once ┼─ fold ─ refunds  ─┼─► rows of all and their checkpoints,
//	the log ────┘   (holes, catching up) └─ fold ─ access   ─┘   one transaction
//
// A Follower per lane keeps a set of projections up to date. A projection's rows
// and its checkpoint move in one transaction, and the checkpoint moves by
// compare-and-swap from the position the batch began at: of two followers one
// wins, the other re-reads, and no event is ever folded twice or passed over,
// whatever dies in between. No leader is elected.
//
// The fold of a projection is pure; tables come in through Table, so a simulation
// runs the same folds on memory (Memory, MemoryTable).
//
// An event that cannot be decoded or folded parks its stream: that stream's later
// events wait, all other streams go on, and the metric paymint_projection_parked
// says so until a mended binary starts and folds what waited.
package projections

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
)

// Event is an event of the log with its body decoded, once for all projections.
type Event struct {
	eventstore.Event
	// Fact is what the decoder of the stream's aggregate made of the body, such as a
	// payment.Event.
	Fact any
}

// Recorded is a payment's event with its envelope, as the domain folds it.
func (e *Event) Recorded(fact payment.Event) payment.Recorded {
	return payment.Recorded{
		ID: id.From[id.Event](e.ID), Version: e.Version, RecordedAt: e.RecordedAt, EffectiveAt: e.EffectiveAt,
		Actor: e.Meta.Actor, RequestID: e.Meta.RequestID, IdempotencyKey: e.Meta.IdempotencyKey, Event: fact,
	}
}

// Decoder makes a fact of an event's body; it refuses types and schemas it does
// not know.
type Decoder func(typ string, schema int, body []byte) (any, error)

// Decoders holds a Decoder for each aggregate (the stream's noun).
type Decoders map[string]Decoder

// ErrUnknownAggregate: no decoder is registered for a stream's aggregate, so the
// event comes from a newer binary.
type ErrUnknownAggregate string

// Error implements error.
func (e ErrUnknownAggregate) Error() string {
	return fmt.Sprintf("no decoder for aggregate %q", string(e))
}

// Decode decodes e's body. A decoder that panics is a decoder that refuses.
func (d Decoders) Decode(e *eventstore.Event) (fact any, err error) {
	decode, known := d[e.Stream.Aggregate]
	if !known {
		return nil, ErrUnknownAggregate(e.Stream.Aggregate)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoder panicked: %v", r)
		}
	}()
	fact, err = decode(e.Type, e.Schema, e.Body)
	if err != nil {
		return nil, fmt.Errorf("decode %s schema %d: %w", e.Type, e.Schema, err)
	}
	return fact, nil
}

// AggregatePayment is the aggregate of payment streams.
const AggregatePayment = "payment"

// DecodePayment is the Decoder of payment streams.
func DecodePayment(typ string, schema int, body []byte) (any, error) {
	return payment.Decode(typ, schema, body)
}

// PaymentHistory decodes a payment's stream for the domain and the read models.
func PaymentHistory(events []eventstore.Event) ([]payment.Recorded, error) {
	history := make([]payment.Recorded, len(events))
	for i := range events {
		e := Event{Event: events[i]}
		fact, err := payment.Decode(e.Type, e.Schema, e.Body)
		if err != nil {
			return nil, fmt.Errorf("decode %s, version %d of payment %s: %w", e.Type, e.Version, e.Stream.ID, err)
		}
		history[i] = e.Recorded(fact)
	}
	return history, nil
}

// Change is what a batch did to one stream's row.
type Change[R any] struct {
	Stream uuid.UUID
	Lane   int
	Old    *R // nil: there was no row
	New    *R
}
