package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
)

// aggregatePayment is the first half of a payment's stream name.
const aggregatePayment = "payment"

// historyMax bounds one read of a payment's stream. RefundsMax refunds of three
// events each and everything else fit twice over.
const historyMax = 4_096

// trip is one command on its way over one payment's stream. One goroutine at a
// time uses it.
type trip struct {
	desk     *Desk
	call     Call
	target   Target
	actor    string
	wall     time.Time // recorded_at of what is appended next, and the claim's time
	at       time.Time // the merchant's clock when the command came
	key      eventstore.ClaimKey
	keyed    bool
	request  string // Call.RequestID as events hold it
	claimed  time.Time
	reached  eventstore.Position // of the newest event known
	history  []payment.Recorded
	state    payment.State
	intent   uuid.UUID // id of this command's intent event
	asked    id.Reference
	refund   id.Refund
	finished ending
	raced    bool // the outcome did not go in at the first attempt
}

// Target names a payment and where it lives. Those who act without a client, the
// reactions and the platform's operators, say it in full.
type Target struct {
	Lane     int
	Merchant id.Merchant
	Livemode bool
	Payment  id.Payment
}

// newTrip sets out for target; clock is the merchant's offset from wall time.
func (d *Desk) newTrip(call Call, target Target, clock time.Duration) *trip {
	wall := d.stamp()
	t := &trip{desk: d, call: call, target: target, wall: wall, at: wall.Add(clock), finished: endedDone}
	t.actor = actorOf(call.Principal)
	t.request = call.RequestID.String()
	if call.IdempotencyKey != "" {
		t.keyed = true
		t.key = eventstore.KeyOf(call.Principal.Merchant.UUID(), call.Principal.Livemode, call.IdempotencyKey)
		t.claimed = wall
	}
	return t
}

// stamp is wall time as the log keeps it.
func (d *Desk) stamp() time.Time { return d.now().UTC().Truncate(time.Microsecond) }

// page is events not yet in the log, and what history and state are with them.
type page struct {
	write   eventstore.Write
	history []payment.Recorded
	state   payment.State
}

// compose lays events behind what the trip knows of the stream. The first gets the
// id first, unless that is nil. Nothing changes until turn.
func (t *trip) compose(first uuid.UUID, events []payment.Event) (page, error) {
	p := page{state: t.state, history: t.history}
	p.write = eventstore.Write{Stream: t.stream(), Expected: t.state.Version, Events: make([]eventstore.Event, len(events))}
	for i, fact := range events {
		body, schema, err := payment.AppendEncode(make([]byte, 0, bodyRoom(fact)), fact)
		if err != nil {
			return page{}, fmt.Errorf("encode %s: %w", fact.Type(), err)
		}
		event := first
		if i > 0 || first == uuid.Nil {
			event = t.desk.newID()
		}
		p.state = payment.Evolve(p.state, fact)
		p.write.Events[i] = eventstore.Event{
			Stream: p.write.Stream, ID: event, Type: fact.Type(), Schema: schema, Body: body,
			Merchant: t.target.Merchant.UUID(), Livemode: t.target.Livemode,
			RecordedAt: t.wall, EffectiveAt: t.wall, Meta: t.meta(event),
		}
		p.history = append(p.history, payment.Recorded{
			ID: id.From[id.Event](event), Version: p.state.Version, RecordedAt: t.wall, EffectiveAt: t.wall,
			Actor: t.actor, RequestID: t.request, IdempotencyKey: t.call.IdempotencyKey, Event: fact,
		})
	}
	return p, nil
}

// bodyRoom is how long an event's body is likely to be: most of an authorization's is
// ids and the instrument. A longer one grows.
func bodyRoom(fact payment.Event) int {
	if _, birth := fact.(payment.AuthorizationRequested); birth {
		return 768
	}
	return 224
}

// meta says who caused an event; what follows from the intent says so.
func (t *trip) meta(event uuid.UUID) eventstore.Meta {
	m := eventstore.Meta{Actor: t.actor, RequestID: t.request, IdempotencyKey: t.call.IdempotencyKey}
	if t.intent != event {
		m.Cause, m.Correlation = t.intent, t.intent
	}
	return m
}

func (t *trip) stream() eventstore.Stream {
	return eventstore.Stream{Aggregate: aggregatePayment, ID: t.target.Payment.UUID()}
}

// turn is called when p is durable.
func (t *trip) turn(p page, receipt eventstore.Receipt) {
	t.history, t.state, t.reached = p.history, p.state, receipt.Last
}

// read brings the trip up to the stream's head.
func (t *trip) read(ctx context.Context) error {
	events, err := t.desk.log.ReadStream(ctx, t.target.Payment.UUID(), t.state.Version, historyMax)
	if err != nil {
		return fmt.Errorf("read payment %s: %w", t.target.Payment, err)
	}
	known := len(t.history)
	for i := range events {
		fact, err := recorded(events[i])
		if err != nil {
			return err
		}
		t.history = append(t.history, fact)
		t.reached = eventstore.Position{Lane: events[i].Lane, Number: events[i].Position}
	}
	t.state = payment.Fold(t.state, t.history[known:])
	return nil
}

// recorded gives a stored event back to the domain.
func recorded(e eventstore.Event) (payment.Recorded, error) {
	fact, err := payment.Decode(e.Type, e.Schema, e.Body)
	if err != nil {
		return payment.Recorded{}, fmt.Errorf("decode event %s of payment %s: %w", e.ID, e.Stream.ID, err)
	}
	return payment.Recorded{
		ID: id.From[id.Event](e.ID), Version: e.Version, RecordedAt: e.RecordedAt, EffectiveAt: e.EffectiveAt,
		Actor: e.Meta.Actor, RequestID: e.Meta.RequestID, IdempotencyKey: e.Meta.IdempotencyKey, Event: fact,
	}, nil
}

// find is read for a stream that must exist and be the target's own: another
// merchant's payment is answered exactly as one that does not exist.
func (t *trip) find(ctx context.Context) error {
	if err := t.read(ctx); err != nil {
		return err
	}
	if !t.state.Exists() || t.state.Merchant != t.target.Merchant || t.state.Livemode != t.target.Livemode {
		return refusal.Of(refusal.NotFound, "id", "No such payment.")
	}
	return nil
}

// append makes c durable. The caller's disconnect is no reason to leave it half
// known whether it is: the store has time-outs of its own.
func (t *trip) append(ctx context.Context, c eventstore.Command) (eventstore.Receipt, error) {
	ctx, w := t.desk.wait(ctx, t.target.Lane, 1)
	receipt, err := t.desk.log.Append(detached(ctx), t.target.Lane, c)
	w.end(receipt.Last, err)
	if errors.Is(err, eventstore.ErrClosed) { // nothing was written; to the client it is the same
		err = fmt.Errorf("%w: %w", eventstore.ErrUnavailable, err)
	}
	if err != nil {
		return receipt, fmt.Errorf("append to payment %s: %w", t.target.Payment, err)
	}
	return receipt, nil
}

// detached is ctx without its caller's end; itself, if that is so already.
func detached(ctx context.Context) context.Context {
	if ctx.Done() == nil {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

func isConflict(err error) bool {
	_, is := errors.AsType[*eventstore.ConflictError](err)
	return is
}

func asRefusal(err error) *refusal.Refusal {
	r, _ := errors.AsType[*refusal.Refusal](err)
	return r
}

// render makes the answer to what is known on p. The zero Answer when nobody waits for one.
func (t *trip) render(r Result) Answer {
	if t.call.Render == nil {
		return Answer{}
	}
	return t.call.Render(r)
}

// result is what history and state say of this trip's own intent.
func (t *trip) result(history []payment.Recorded, state payment.State) Result {
	return Result{History: history, State: state, Refund: t.refund, Outcome: outcomeOf(history, t.asked, state.CaptureReference)}
}

// outcomeOf finds the last event that concludes the act that goes by reference; an
// authorization with capture at once is concluded by its capture too.
func outcomeOf(history []payment.Recorded, reference, capture id.Reference) (outcome payment.Event) {
	if len(history) == 0 {
		return nil
	}
	first, _ := history[0].Event.(payment.AuthorizationRequested)
	for i := range history {
		concluded, is := concludes(history[i].Event)
		switch {
		case !is:
		case concluded == reference, first.Capture && concluded == capture && authorizes(history, reference):
			outcome = history[i].Event
		}
	}
	return outcome
}

// authorizes tells whether reference is that of an authorization call.
func authorizes(history []payment.Recorded, reference id.Reference) bool {
	for i := range history {
		switch e := history[i].Event.(type) {
		case payment.AuthorizationRequested:
			if e.Reference == reference {
				return true
			}
		case payment.ActionCompleted:
			if e.Reference == reference {
				return true
			}
		}
	}
	return false
}

// concludes gives the reference of the intent that e is the outcome of.
func concludes(e payment.Event) (id.Reference, bool) {
	switch e := e.(type) {
	case payment.Authorized:
		return e.Reference, true
	case payment.Failed:
		return e.Reference, true
	case payment.ActionRequired:
		return e.Reference, true
	case payment.Captured:
		return e.Reference, true
	case payment.CaptureFailed:
		return e.Reference, true
	case payment.Cancelled:
		return e.Reference, true
	case payment.CancellationFailed:
		return e.Reference, true
	case payment.RefundSucceeded:
		return e.Reference, true
	case payment.RefundFailed:
		return e.Reference, true
	}
	return id.Reference{}, false
}

// askedFor gives the reference that an intent goes by, and the refund it asks for;
// zero for an event that asks nothing of the network.
func askedFor(e payment.Event) (reference id.Reference, refund id.Refund) {
	switch e := e.(type) {
	case payment.AuthorizationRequested:
		return e.Reference, refund
	case payment.ActionCompleted:
		return e.Reference, refund
	case payment.CaptureRequested:
		return e.Reference, refund
	case payment.CancellationRequested:
		return e.Reference, refund
	case payment.RefundRequested:
		return e.Reference, e.Refund
	}
	return reference, refund
}
