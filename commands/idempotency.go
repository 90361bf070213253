package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
)

const (
	// replayWaitMax is how long a repeat waits for the first request's answer.
	replayWaitMax = 2 * time.Second
	// replayPollFirst and replayPollMax bound the waits between look-ups.
	replayPollFirst = 2 * time.Millisecond
	replayPollMax   = 100 * time.Millisecond
	// abandonedAfter is when a request without an answer counts as dead: the network
	// time-out, and a margin for its two appends. A request that lives longer after
	// all (see trip.accept) answers with what was stored in its place.
	abandonedAfter = payment.CallTimeout + 2*time.Second
)

// claim takes the client's key for this request; nil without one.
func (t *trip) claim(intent uuid.UUID) *eventstore.Claim {
	if !t.keyed {
		return nil
	}
	claim := &eventstore.Claim{Key: t.key, Fingerprint: t.call.Fingerprint, Intent: intent, At: t.claimed}
	if intent != uuid.Nil || t.state.Exists() { // a refused creation made no stream
		claim.Stream = t.target.Payment.UUID()
	}
	return claim
}

// stored is the answer as kept for replays; nil without a key.
func (t *trip) stored(a Answer) *eventstore.Answer {
	if !t.keyed {
		return nil
	}
	return &eventstore.Answer{Key: t.key, ClaimedAt: t.claimed, Status: a.Status, Body: a.Body}
}

// refuse answers a wish that broke a rule. With a key, the refusal is the answer to
// that key from now on; nothing else is written.
func (t *trip) refuse(ctx context.Context, r *refusal.Refusal) (Reply, error) {
	reply := t.refusal(r)
	if !t.keyed {
		return reply, nil
	}
	if _, err := t.append(ctx, t.closing(reply.Answer)); err != nil {
		return t.notBegun(ctx, page{}, err)
	}
	return reply, nil
}

func (t *trip) refusal(r *refusal.Refusal) Reply {
	t.finished = endedRefused
	answer := t.render(Result{History: t.history, State: t.state, Refusal: r})
	return Reply{Answer: answer, Position: t.reached}
}

// closing is the command that claims the key and answers it, and does nothing else.
func (t *trip) closing(a Answer) eventstore.Command {
	return eventstore.Command{Claim: t.claim(uuid.Nil), Answer: t.stored(a)}
}

// unavailable answers when no gateway can be asked: the first answer if there was
// one, else a refusal that leaves the key free.
func (t *trip) unavailable(ctx context.Context) (Reply, error) {
	if t.keyed {
		claimed, found, err := t.desk.log.Claimed(ctx, t.key, t.desk.now())
		if err != nil {
			return Reply{}, fmt.Errorf("look up idempotency key: %w", err)
		}
		if found {
			return t.replay(ctx, claimed)
		}
	}
	return Reply{}, refusal.New(refusal.AcquirerUnavailable, "The card network cannot be reached at the moment. Nothing was charged; try again in a few seconds.")
}

// replay answers a request whose key was claimed before: with the first answer; or,
// when the first request died before it had one, with the true state of the payment
// it began. It never makes a second attempt.
func (t *trip) replay(ctx context.Context, first eventstore.Claimed) (Reply, error) {
	t.finished = endedReplayed
	if first.Fingerprint != t.call.Fingerprint {
		return Reply{}, ErrKeyReused
	}
	first, err := t.await(ctx, first)
	if err != nil {
		return Reply{}, err
	}
	t.adopt(first)
	if err := t.reread(ctx); err != nil {
		return Reply{}, err
	}
	if first.Answer != nil {
		return t.again(*first.Answer), nil
	}
	if !t.abandoned(first.At) && !t.concluded() {
		return Reply{}, ErrKeyInUse
	}
	return t.settle(ctx)
}

// await looks the key up until it has an answer, the first request counts as dead,
// or the wait is over.
func (t *trip) await(ctx context.Context, first eventstore.Claimed) (eventstore.Claimed, error) {
	until, pause := t.desk.now().Add(replayWaitMax), replayPollFirst
	for first.Answer == nil && !t.abandoned(first.At) && t.desk.now().Before(until) {
		rest(ctx, pause)
		if err := ctx.Err(); err != nil {
			return first, fmt.Errorf("wait for the first request's answer: %w", err)
		}
		pause = min(2*pause, replayPollMax)
		found, known, err := t.desk.log.Claimed(ctx, t.key, t.desk.now())
		if err != nil {
			return first, fmt.Errorf("look up idempotency key: %w", err)
		}
		if known {
			first = found
		}
	}
	return first, nil
}

func (t *trip) abandoned(claimed time.Time) bool {
	return t.desk.now().Sub(claimed) >= abandonedAfter
}

// adopt turns the trip to what the first request began.
func (t *trip) adopt(first eventstore.Claimed) {
	t.claimed, t.intent = first.At, first.Intent
	if t.target.Payment.UUID() != first.Stream {
		t.history, t.state, t.reached = nil, payment.State{}, eventstore.Position{}
	}
	t.target.Payment = paymentOf(first.Stream)
}

// reread brings the trip to the head of what the first request worked on, and finds
// its intent there. A refused creation has no payment.
func (t *trip) reread(ctx context.Context) error {
	if t.target.Payment.IsZero() {
		return nil
	}
	if err := t.read(ctx); err != nil {
		return err
	}
	for i := range t.history {
		if t.history[i].ID.UUID() == t.intent {
			t.asked, t.refund = askedFor(t.history[i].Event)
		}
	}
	return nil
}

// concluded tells whether somebody has recorded an outcome, or the doubt, of the intent.
func (t *trip) concluded() bool {
	intent, open := t.state.Intent(t.asked)
	return t.state.Exists() && (!open || intent.Unknown)
}

// settle answers with the true state, and has that be the answer to the key unless
// another was stored first; then with that one.
func (t *trip) settle(ctx context.Context) (Reply, error) {
	reply := Reply{Answer: t.render(t.result(t.history, t.state)), Position: t.reached, Replayed: t.finished == endedReplayed}
	if !t.keyed {
		return reply, nil
	}
	if _, err := t.append(ctx, eventstore.Command{Answer: t.stored(reply.Answer)}); err != nil {
		return Reply{}, err
	}
	return t.storedReply(ctx, reply)
}

// storedReply replaces a reply's answer by the one that is stored under the key: all
// who used the key are told the same.
func (t *trip) storedReply(ctx context.Context, reply Reply) (Reply, error) {
	first, found, err := t.desk.log.Claimed(ctx, t.key, t.desk.now())
	if err != nil {
		return Reply{}, fmt.Errorf("look up idempotency key: %w", err)
	}
	if found && first.Answer != nil {
		reply.Answer = Answer{Status: first.Answer.Status, Body: first.Answer.Body}
	}
	return reply, nil
}

// again is the first answer, again.
func (t *trip) again(a eventstore.Answer) Reply {
	return Reply{Answer: Answer{Status: a.Status, Body: a.Body}, Position: t.reached, Replayed: true}
}
