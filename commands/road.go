package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/failpoint"
)

const (
	// attemptsMax is how often a wish meets a changed payment before it gives up:
	// who loses three races is one of a crowd, and the crowd is the client's bug.
	attemptsMax = 3
	// outcomeAttemptsMax is how often the outcome of an act is appended: the money
	// has moved, so this is worth waiting for a database that comes back.
	outcomeAttemptsMax = 7
	// outcomeBackoff is the first wait between them; doubling makes 6.35 s in all.
	outcomeBackoff = 50 * time.Millisecond
)

// wish is what a command wants of a payment: the rule, and the call that carries
// out what the rule allowed.
type wish struct {
	decide func(*trip) ([]payment.Event, *refusal.Refusal)
	send   func(*trip) request // nil: nothing to ask of the network
}

// assignment is a call to make for an intent that is durable.
type assignment struct {
	operation acquirer.Operation
	reference id.Reference
	deadline  time.Time // of the intent: from then on others may judge that it never arrived
	send      request
}

// change takes a wish down the road: read, decide, append, and start again when the
// payment changed meanwhile.
func (t *trip) change(ctx context.Context, w wish) (Reply, error) {
	for range attemptsMax {
		if err := t.find(ctx); err != nil {
			return Reply{}, err
		}
		events, refused := w.decide(t)
		if refused != nil {
			return t.refuse(ctx, refused)
		}
		reply, err := t.carryOut(ctx, w, events)
		if !errors.Is(err, errStartAgain) {
			return reply, err
		}
	}
	return Reply{}, fmt.Errorf("%w: payment %s, %d attempts", ErrConcurrentChange, t.target.Payment, attemptsMax)
}

// errStartAgain: the payment changed between reading and appending; nothing was written.
var errStartAgain = errors.New("payment changed")

// carryOut appends events and, if they leave an intent open, acts on it.
func (t *trip) carryOut(ctx context.Context, w wish, events []payment.Event) (Reply, error) {
	t.mark(events[0])
	p, err := t.compose(t.intent, events)
	if err != nil {
		return Reply{}, err
	}
	intent, open := p.state.Intent(t.asked)
	if !open || w.send == nil {
		return t.finish(ctx, p)
	}
	l := t.desk.links[t.state.Gateway]
	if l == nil {
		return Reply{}, fmt.Errorf("payment %s went through gateway %q, which is not configured", t.target.Payment, t.state.Gateway)
	}
	permit, err := l.enter()
	if err != nil {
		return t.unavailable(ctx)
	}
	if reply, begun, err := t.begin(ctx, p); !begun {
		permit.release()
		return reply, err
	}
	return t.act(ctx, l, permit, assignment{operation: intent.Operation, reference: intent.Reference, deadline: intent.Deadline, send: w.send(t)})
}

// mark notes which intent is this trip's own. The reference was drawn with it.
func (t *trip) mark(intent payment.Event) {
	t.asked, t.refund = askedFor(intent)
	if t.asked.IsZero() {
		t.intent = t.desk.newID()
		return
	}
	t.intent = t.asked.UUID()
}

// finish appends events that conclude at once, with claim and answer, in one go.
func (t *trip) finish(ctx context.Context, p page) (Reply, error) {
	answer := t.render(t.result(p.history, p.state))
	receipt, err := t.append(ctx, eventstore.Command{Writes: []eventstore.Write{p.write}, Claim: t.claim(t.intent), Answer: t.stored(answer)})
	if errors.Is(err, eventstore.ErrUnavailable) && t.landed(ctx) {
		return Reply{Answer: answer, Position: t.reached}, nil
	}
	if err != nil {
		return t.notBegun(ctx, p, err)
	}
	t.turn(p, receipt)
	return Reply{Answer: answer, Position: t.reached}, nil
}

// opening is the command that begins: the intent, and the client's key.
func (t *trip) opening(p page) eventstore.Command {
	return eventstore.Command{Writes: []eventstore.Write{p.write}, Claim: t.claim(t.intent)}
}

// begin makes the intent durable, with the claim. Not begun means: reply and err
// are the end of this attempt, and the network must not be called.
func (t *trip) begin(ctx context.Context, p page) (reply Reply, begun bool, err error) {
	receipt, err := t.append(ctx, t.opening(p))
	return t.began(ctx, p, receipt, err)
}

// began looks at what became of the append of an intent. One that landed after all
// may have been concluded by the inquiry before we knew: then there is nothing left
// to call for, and the true state is the answer.
func (t *trip) began(ctx context.Context, p page, receipt eventstore.Receipt, err error) (Reply, bool, error) {
	if errors.Is(err, eventstore.ErrUnavailable) && t.landed(ctx) {
		if _, open := t.state.Intent(t.asked); open {
			return Reply{}, true, nil
		}
		reply, err := t.settle(ctx)
		return reply, false, unrecorded(err)
	}
	if err != nil {
		reply, err := t.notBegun(ctx, p, err)
		return reply, false, err
	}
	t.turn(p, receipt)
	failpoint.Hit("desk.intent_committed")
	return Reply{}, true, nil
}

// notBegun sorts out why an append did not happen.
func (t *trip) notBegun(ctx context.Context, p page, err error) (Reply, error) {
	if claimed, is := errors.AsType[*eventstore.ClaimedError](err); is {
		return t.replay(ctx, claimed.Claimed)
	}
	if isConflict(err) && p.write.Expected > 0 {
		return Reply{}, errStartAgain
	}
	return Reply{}, err
}

// landed tells whether our intent is in the log although the append failed: most
// commits whose connection breaks have happened. If it lands only later, it is an
// intent without an outcome, and the inquiry reaction's.
func (t *trip) landed(ctx context.Context) bool {
	if err := t.read(detached(ctx)); err != nil {
		return false
	}
	for i := range t.history {
		if t.history[i].ID.UUID() == t.intent {
			return true
		}
	}
	return false
}

// act makes the call and records what came of it. From here on only our own death
// can keep the outcome from the log.
func (t *trip) act(ctx context.Context, l *link, permit leave, a assignment) (Reply, error) {
	ctx = detached(ctx)
	failpoint.Hit("desk.before_network")
	answer, err := t.ask(ctx, l, permit, a)
	failpoint.Hit("desk.after_network")
	reply, next, err := t.conclude(ctx, l, word{a, answer, err})
	return t.goOn(ctx, l, reply, next, err)
}

// goOn makes the calls that an outcome leads to, one after the other.
func (t *trip) goOn(ctx context.Context, l *link, reply Reply, next *assignment, err error) (Reply, error) {
	for err == nil && next != nil {
		a := *next
		answer, trouble := t.askAnew(ctx, l, a)
		reply, next, err = t.conclude(ctx, l, word{a, answer, trouble})
	}
	return reply, err
}

// errTooLate: making the intent durable took longer than the call may. Whether a
// request has arrived is judged from the intent's deadline on, so none may leave
// after it: it would hold money that everybody believes was never asked for.
var errTooLate = fmt.Errorf("call not made: %w", context.DeadlineExceeded)

// ask makes the first call for an intent, before its deadline or not at all.
func (t *trip) ask(ctx context.Context, l *link, permit leave, a assignment) (acquirer.Answer, error) {
	left := a.deadline.Sub(t.desk.now())
	if left <= 0 {
		permit.release()
		return acquirer.Answer{}, errTooLate
	}
	return l.call(ctx, permit, min(left, l.timeout), a.operation, a.send)
}

// askAnew is ask without a leave taken beforehand.
func (t *trip) askAnew(ctx context.Context, l *link, a assignment) (acquirer.Answer, error) {
	permit, err := l.enter()
	if err != nil {
		return acquirer.Answer{}, err
	}
	return t.ask(ctx, l, permit, a)
}

// word is what the acquirer said on an assignment, or why it said nothing.
type word struct {
	assignment
	answer acquirer.Answer
	err    error
}

// draft is an outcome ready to be appended.
type draft struct {
	page    page
	command eventstore.Command
	next    *assignment // the outcome opened another intent: the second of two messages
	reply   Reply
}

// empty: nothing has happened that is worth keeping, and nobody's answer either.
func (d draft) empty() bool { return len(d.command.Writes) == 0 && d.command.Answer == nil }

// draft turns the acquirer's word into events and, unless another call follows, the
// answer that goes with them.
func (t *trip) draft(ctx context.Context, l *link, w word) (draft, error) {
	t.wall = t.desk.stamp()
	events := t.outcome(ctx, l, w)
	p, err := t.compose(uuid.Nil, events)
	if err != nil {
		return draft{}, err
	}
	d := draft{page: p, next: t.opened(t.state, p.state)}
	if len(events) > 0 {
		d.command.Writes = []eventstore.Write{p.write}
	}
	if d.next == nil {
		d.reply.Answer = t.render(t.result(p.history, p.state))
		d.command.Answer = t.stored(d.reply.Answer)
	}
	return d, nil
}

// outcome asks the domain what a word means.
func (t *trip) outcome(ctx context.Context, l *link, w word) []payment.Event {
	switch {
	case errors.Is(w.err, acquirer.ErrNotSent):
		return t.state.NotSent(w.operation, w.reference, t.wall)
	case errors.Is(w.err, context.DeadlineExceeded):
		return t.state.Doubt(w.operation, w.reference, payment.ReasonTimeout)
	case w.err != nil:
		if errors.Is(w.err, errPanicked) {
			t.desk.alarm(ctx, AlarmGatewayBug, "a gateway panicked", slog.String("gateway", l.traits.Name), slog.String("error", w.err.Error()))
		}
		return t.state.Doubt(w.operation, w.reference, payment.ReasonConnectionLost)
	}
	events, err := t.state.Conclude(w.operation, w.reference, w.answer, l.traits, t.wall)
	if err != nil {
		t.desk.disbelieve(ctx, t.target, l, err)
	}
	return events
}

// disbelieve raises the alarm over an answer that contradicts our books.
func (d *Desk) disbelieve(ctx context.Context, target Target, l *link, err error) {
	kind := AlarmAnswerMismatch
	if _, is := errors.AsType[*payment.ContradictionError](err); is {
		kind = AlarmContradiction
	}
	d.alarm(ctx, kind, "the acquirer's answer does not fit our books", slog.String("gateway", l.traits.Name),
		slog.String("payment", target.Payment.String()), slog.String("merchant", target.Merchant.String()), slog.String("error", err.Error()))
}

// opened finds the capture that after has open and before had not: authorize and
// capture in two messages.
func (t *trip) opened(before, after payment.State) *assignment {
	intent := after.Open
	if intent == nil || intent.Operation != acquirer.OperationCapture || intent.Reference != after.CaptureReference || intent.Unknown {
		return nil
	}
	if _, known := before.Intent(intent.Reference); known {
		return nil
	}
	return &assignment{operation: acquirer.OperationCapture, reference: intent.Reference, deadline: intent.Deadline, send: t.captureOf(after, *intent)}
}

// conclude appends what a word means.
func (t *trip) conclude(ctx context.Context, l *link, w word) (Reply, *assignment, error) {
	d, err := t.draft(ctx, l, w)
	if err != nil {
		return Reply{}, nil, err
	}
	receipt, err := t.commit(ctx, d)
	return t.insist(ctx, l, w, d, receipt, err)
}

// insist takes the first attempt to append an outcome to its end: exactly once,
// whoever else tries. The loser of a race reads what the winner wrote. If the
// outcome is among it, what is left of our word is a note (an approval after a
// reversal) or nothing, and the true state is the answer.
func (t *trip) insist(ctx context.Context, l *link, w word, d draft, receipt eventstore.Receipt, err error) (Reply, *assignment, error) {
	for attempt := 0; err != nil; attempt++ {
		if attempt == outcomeAttemptsMax || !t.another(ctx, attempt, err) {
			t.desk.alarm(ctx, AlarmNotRecorded, "an outcome could not be recorded; the inquiry will find it out",
				slog.String("payment", t.target.Payment.String()), slog.String("error", err.Error()))
			return Reply{}, nil, unrecorded(err)
		}
		if d, err = t.draft(ctx, l, w); err == nil {
			receipt, err = t.commit(ctx, d)
		}
	}
	reply, err := t.accept(ctx, w, d, receipt)
	return reply, d.next, err
}

// unrecorded is trouble after the act: whatever it was, the client must not read
// from it that nothing happened, but ask again under the same key. Busy says just
// that, so it is told as text only.
func unrecorded(err error) error {
	switch {
	case err == nil, errors.Is(err, eventstore.ErrUnavailable):
		return err
	case errors.Is(err, eventstore.ErrBusy):
		return fmt.Errorf("%w: the outcome is not recorded yet: %v", eventstore.ErrUnavailable, err) //nolint:errorlint // see above
	}
	return fmt.Errorf("%w: the outcome is not recorded yet: %w", eventstore.ErrUnavailable, err)
}

// commit appends a draft; one with nothing to say is durable as it is.
func (t *trip) commit(ctx context.Context, d draft) (eventstore.Receipt, error) {
	if d.empty() {
		return eventstore.Receipt{Last: t.reached}, nil
	}
	failpoint.Hit("desk.answer_in_hand")
	receipt, err := t.append(ctx, d.command)
	if err == nil {
		failpoint.Hit("desk.outcome_committed")
	}
	return receipt, err
}

// another prepares the next attempt to append an outcome: at once after a lost
// race, after a rest when the store is in trouble. It reads how things stand, as
// the failed append may have happened.
func (t *trip) another(ctx context.Context, attempt int, err error) bool {
	t.raced = true
	if errors.Is(err, eventstore.ErrClosed) { // we are stopping; the next process inquires
		return false
	}
	trouble := errors.Is(err, eventstore.ErrBusy) || errors.Is(err, eventstore.ErrUnavailable)
	if trouble {
		rest(ctx, outcomeBackoff<<attempt)
	}
	if !trouble && !isConflict(err) {
		return false
	}
	if err := t.read(ctx); err != nil {
		return errors.Is(err, eventstore.ErrUnavailable) || errors.Is(err, eventstore.ErrBusy)
	}
	return true
}

// accept is what follows when a draft is durable. Somebody may have stored another
// answer under the key if we were slow or not alone: then that is the answer.
func (t *trip) accept(ctx context.Context, w word, d draft, receipt eventstore.Receipt) (Reply, error) {
	if len(d.command.Writes) > 0 {
		t.turn(d.page, receipt)
	}
	if d.next != nil {
		return Reply{}, nil
	}
	if _, open := t.state.Intent(w.reference); open {
		t.finished = endedDoubt
	}
	d.reply.Position = t.reached
	if t.keyed && (t.raced || t.desk.now().Sub(t.claimed) >= abandonedAfter) {
		return t.storedReply(ctx, d.reply)
	}
	return d.reply, nil
}

// rest waits, unless ctx is done sooner.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
