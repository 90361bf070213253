package commands

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
)

// aggregate is what the road needs to know of a kind of stream that has no acts on
// the world: merchants and keys.
type aggregate[S any, E interface{ Type() string }] struct {
	name    string // first half of its stream's name
	evolve  func(S, []E) S
	version func(S) int
	encode  func(E) (typ string, schema int, body []byte, err error)
	decode  func(typ string, schema int, body []byte) (E, error)
}

// The kinds of streams besides payments.
var (
	merchants = aggregate[merchant.State, merchant.Event]{
		name: "merchant", evolve: merchant.Fold, version: func(s merchant.State) int { return s.Version },
		encode: merchant.Encode, decode: merchant.Decode,
	}
	keys = aggregate[access.Key, access.Event]{
		name: "api_key", evolve: access.Fold, version: func(k access.Key) int { return k.Version },
		encode: access.Encode, decode: access.Decode,
	}
)

// fold makes the state of a stream's events.
func (a aggregate[S, E]) fold(events []eventstore.Event) (state S, err error) {
	facts := make([]E, len(events))
	for i := range events {
		if facts[i], err = a.decode(events[i].Type, events[i].Schema, events[i].Body); err != nil {
			return state, fmt.Errorf("decode event %s of %s %s: %w", events[i].ID, a.name, events[i].Stream.ID, err)
		}
	}
	return a.evolve(state, facts), nil
}

// place is where a stream lives and whose it is.
type place struct {
	stream   uuid.UUID
	lane     int
	merchant id.Merchant
	livemode bool
}

// changed is what a wish led to.
type changed[S any] struct {
	state    S
	position eventstore.Position
}

// alter takes a wish about a stream down the road: read, decide, append, and start
// again when the stream changed meanwhile, at most three times. A refusal is the error.
func alter[S any, E interface{ Type() string }](
	ctx context.Context, d *Desk, a aggregate[S, E], call Call, at place, decide func(S) ([]E, *refusal.Refusal),
) (changed[S], error) {
	for range attemptsMax {
		history, err := d.log.ReadStream(ctx, at.stream, 0, historyMax)
		if err != nil {
			return changed[S]{}, fmt.Errorf("read %s %s: %w", a.name, at.stream, err)
		}
		state, err := a.fold(history)
		if err != nil {
			return changed[S]{}, err
		}
		facts, refused := decide(state)
		if refused != nil {
			return changed[S]{state: state}, refused
		}
		write, err := a.words(d, call, at, a.version(state), facts)
		if err != nil {
			return changed[S]{}, err
		}
		receipt, err := d.log.Append(detached(ctx), at.lane, eventstore.Command{Writes: []eventstore.Write{write}})
		if err == nil {
			return changed[S]{state: a.evolve(state, facts), position: receipt.Last}, nil
		}
		if !isConflict(err) {
			return changed[S]{}, fmt.Errorf("append to %s %s: %w", a.name, at.stream, err)
		}
	}
	return changed[S]{}, fmt.Errorf("%w: %s %s, %d attempts", ErrConcurrentChange, a.name, at.stream, attemptsMax)
}

// words makes events of facts.
func (a aggregate[S, E]) words(d *Desk, call Call, at place, version int, facts []E) (eventstore.Write, error) {
	stream := eventstore.Stream{Aggregate: a.name, ID: at.stream}
	now := d.stamp()
	w := eventstore.Write{Stream: stream, Expected: version, Events: make([]eventstore.Event, len(facts))}
	for i, fact := range facts {
		typ, schema, body, err := a.encode(fact)
		if err != nil {
			return w, fmt.Errorf("encode %s: %w", fact.Type(), err)
		}
		w.Events[i] = eventstore.Event{
			Stream: stream, ID: d.newID(), Type: typ, Schema: schema, Body: body,
			Merchant: at.merchant.UUID(), Livemode: at.livemode, RecordedAt: now, EffectiveAt: now,
			Meta: eventstore.Meta{Actor: actorOf(call.Principal), RequestID: call.RequestID.String(), IdempotencyKey: call.IdempotencyKey},
		}
	}
	return w, nil
}

// Who acts without a key: the platform's operator at the command line, and whoever
// holds the card on the 3-D Secure page.
const (
	actorOperator   = "operator"
	actorCardholder = "cardholder"
)

// actorOf names who acts, as events say it: nothing happens without an actor.
func actorOf(p access.Principal) string {
	switch {
	case !p.Key.IsZero():
		return p.Key.String()
	case p.Platform:
		return actorOperator
	}
	return actorCardholder
}
