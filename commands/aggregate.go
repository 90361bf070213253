package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	tell    func(S) Result // for Call.Render
}

// The kinds of streams besides payments.
var (
	merchants = aggregate[merchant.State, merchant.Event]{
		name: "merchant", evolve: merchant.Fold, version: func(s merchant.State) int { return s.Version },
		encode: merchant.Encode, decode: merchant.Decode, tell: func(s merchant.State) Result { return Result{Merchant: s} },
	}
	keys = aggregate[access.Key, access.Event]{
		name: "api_key", evolve: access.Fold, version: func(k access.Key) int { return k.Version },
		encode: access.Encode, decode: access.Decode, tell: func(k access.Key) Result { return Result{Key: k} },
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
	answer   Answer
	replayed bool
}

// alter takes a wish about a stream down the road: read, decide, append, and start
// again when the stream changed meanwhile, at most three times. A refusal is the
// error. With an idempotency key, events, claim and answer are one append: a repeat
// is told the first answer, be it a refusal, and changes nothing.
func alter[S any, E interface{ Type() string }](
	ctx context.Context, d *Desk, a aggregate[S, E], call Call, at place, decide func(S) ([]E, *refusal.Refusal),
) (changed[S], error) {
	k := d.keyed(call)
	for range attemptsMax {
		state, err := a.read(ctx, d, at.stream)
		if err != nil {
			return changed[S]{}, err
		}
		facts, refused := decide(state)
		if refused != nil {
			return a.refuse(ctx, d, k, at, state, refused)
		}
		write, err := a.words(d, call, at, a.version(state), facts)
		if err != nil {
			return changed[S]{}, err
		}
		after := changed[S]{state: a.evolve(state, facts)}
		after.answer = k.render(a.tell(after.state))
		c := k.command(at.stream, write.Events[0].ID, after.answer)
		c.Writes = []eventstore.Write{write}
		receipt, err := d.log.Append(detached(ctx), at.lane, c)
		after.position = receipt.Last
		if claimed, is := errors.AsType[*eventstore.ClaimedError](err); is {
			return a.replay(ctx, d, k, claimed.Claimed)
		}
		if err == nil {
			return after, nil
		}
		if !isConflict(err) {
			return changed[S]{}, fmt.Errorf("append to %s %s: %w", a.name, at.stream, err)
		}
	}
	return changed[S]{}, fmt.Errorf("%w: %s %s, %d attempts", ErrConcurrentChange, a.name, at.stream, attemptsMax)
}

func (a aggregate[S, E]) read(ctx context.Context, d *Desk, stream uuid.UUID) (state S, err error) {
	history, err := d.log.ReadStream(ctx, stream, 0, historyMax)
	if err != nil {
		return state, fmt.Errorf("read %s %s: %w", a.name, stream, err)
	}
	return a.fold(history)
}

// refuse keeps a refusal as the answer to the key. The key may have been claimed by
// the first request, after which the same wish is refused: then that is answered.
func (a aggregate[S, E]) refuse(ctx context.Context, d *Desk, k keyed, at place, state S, refused *refusal.Refusal) (changed[S], error) {
	if !k.is {
		return changed[S]{state: state}, refused
	}
	told := a.tell(state)
	told.Refusal = refused
	_, err := d.log.Append(detached(ctx), at.lane, k.command(at.stream, uuid.Nil, k.render(told)))
	if claimed, is := errors.AsType[*eventstore.ClaimedError](err); is {
		return a.replay(ctx, d, k, claimed.Claimed)
	}
	if err != nil {
		return changed[S]{}, fmt.Errorf("keep a refusal about %s %s: %w", a.name, at.stream, err)
	}
	return changed[S]{state: state}, refused
}

// replay answers with the first answer, beside the stream as it stands now.
func (a aggregate[S, E]) replay(ctx context.Context, d *Desk, k keyed, first eventstore.Claimed) (changed[S], error) {
	if first.Fingerprint != k.call.Fingerprint {
		return changed[S]{}, ErrKeyReused
	}
	if first.Answer == nil {
		return changed[S]{}, ErrKeyInUse
	}
	state, err := a.read(ctx, d, first.Stream)
	return changed[S]{state: state, answer: Answer{Status: first.Answer.Status, Body: first.Answer.Body}, replayed: true}, err
}

// keyed is a call's idempotency key, if it has one, as of now.
type keyed struct {
	is   bool
	call Call
	key  eventstore.ClaimKey
	at   time.Time
}

func (d *Desk) keyed(call Call) keyed {
	if call.IdempotencyKey == "" {
		return keyed{call: call}
	}
	who := call.Principal
	return keyed{is: true, call: call, at: d.stamp(), key: eventstore.KeyOf(who.Merchant.UUID(), who.Livemode, call.IdempotencyKey)}
}

// command claims the key and answers it; empty without one.
func (k keyed) command(stream, intent uuid.UUID, a Answer) (c eventstore.Command) {
	if k.is {
		c.Claim = &eventstore.Claim{Key: k.key, Fingerprint: k.call.Fingerprint, Stream: stream, Intent: intent, At: k.at}
		c.Answer = &eventstore.Answer{Key: k.key, ClaimedAt: k.at, Status: a.Status, Body: a.Body}
	}
	return c
}

func (k keyed) render(r Result) Answer {
	if k.call.Render == nil {
		return Answer{}
	}
	return k.call.Render(r)
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
