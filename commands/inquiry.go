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
	"github.com/paymint/paymint/eventstore"
)

// Finding is how one act in doubt stands after one look at it.
type Finding struct {
	Reference id.Reference
	Operation acquirer.Operation
	Step      payment.Step  // what the protocol wanted done, and was done
	Tried     payment.Tried // with this look
	// Next is when to look again, where the outcome is still open.
	Next     time.Time
	Resolved bool // an outcome is recorded, or a reversal stands in its place
}

// Inquire moves every act on a payment whose outcome is in doubt one step on, by the
// rules of the in-doubt protocol (payment.NextStep): it asks, repeats or reverses,
// and records what it hears. Tried says what was done before, by reference. It
// works at expected versions like everybody else, so it can race with anybody: who
// comes second leaves the payment alone until the next look.
func (d *Desk) Inquire(ctx context.Context, actor string, target Target, tried map[id.Reference]payment.Tried) (findings []Finding, err error) {
	ctx, o := d.observe(ctx, verbInquire)
	defer func() { o.end(endedDone, err) }()
	t, err := d.dispatch(ctx, actor, target)
	if err != nil {
		return nil, err
	}
	if err := t.find(ctx); err != nil {
		return nil, err
	}
	l := d.links[t.state.Gateway]
	if l == nil {
		return nil, fmt.Errorf("payment %s went through gateway %q, which is not configured", target.Payment, t.state.Gateway)
	}
	for _, intent := range t.state.Intents() {
		more, err := t.look(ctx, l, intent, tried[intent.Reference])
		findings = append(findings, more...)
		if errors.Is(err, errStartAgain) {
			return findings, nil
		}
		if err != nil {
			return findings, err
		}
	}
	return findings, nil
}

// look takes the next step on one intent, and at once the first on what it leads to.
func (t *trip) look(ctx context.Context, l *link, intent payment.Intent, tried payment.Tried) ([]Finding, error) {
	t.wall = t.desk.stamp()
	f := Finding{Reference: intent.Reference, Operation: intent.Operation, Tried: tried}
	f.Step = t.state.NextStep(intent, tried, l.traits, t.wall)
	switch f.Step.Do {
	case payment.ActReverse:
		reversal, err := t.reverse(ctx)
		if err != nil {
			return nil, err
		}
		f.Resolved = true
		then, err := t.tell(ctx, l, resend(reversal.Operation, reversal.Reference), t.cancelOf(t.state, reversal))
		return append([]Finding{f}, then...), err
	case payment.ActResend:
		return t.tell(ctx, l, f, t.repeatOf(intent))
	case payment.ActInquire:
		return t.tell(ctx, l, f, t.inquiryOf(intent))
	default:
		return []Finding{t.schedule(f, l)}, nil
	}
}

// resend is a finding about an intent that has just been made.
func resend(op acquirer.Operation, reference id.Reference) Finding {
	return Finding{Reference: reference, Operation: op, Step: payment.Step{Do: payment.ActResend}}
}

// schedule says when to look again.
func (t *trip) schedule(f Finding, l *link) Finding {
	intent, open := t.state.Intent(f.Reference)
	f.Resolved = f.Resolved || !open
	if f.Resolved {
		return f
	}
	next := t.state.NextStep(intent, f.Tried, l.traits, t.wall)
	f.Step.Alarm = f.Step.Alarm || next.Alarm
	f.Next = next.At
	if next.Do == payment.ActWait && next.At.IsZero() { // no time will help: a person must
		f.Next = t.wall.Add(payment.BackoffMax)
	}
	return f
}

// keptBackFor is the wait after a look that the breaker did not let out: about its own rest.
const keptBackFor = 5 * time.Second

// keptBack is a look without a call, which is neither a try nor a failure. While the
// breaker is not closed it alone paces the calls, and a probe that fails is a failure
// but no try: an outage must not drive the back-off of all who are in doubt, or they
// would be looked at minutes after it is over.
func (t *trip) keptBack(f Finding) Finding {
	f.Step.Do = payment.ActWait
	f.Next = t.desk.stamp().Add(keptBackFor)
	return f
}

// reverse passes the point of no return: from here on an approval is only noted.
func (t *trip) reverse(ctx context.Context) (payment.Intent, error) {
	events, refused := payment.Reverse{Reference: t.reference(), Now: t.wall}.Decide(t.state)
	if refused != nil {
		return payment.Intent{}, refused
	}
	if err := t.note(ctx, events); err != nil {
		return payment.Intent{}, err
	}
	return *t.state.Open, nil
}

// tell makes a call about an intent and records the answer, once. No answer is
// nothing new, and is not recorded; nor is NotSent: an earlier call may have arrived.
func (t *trip) tell(ctx context.Context, l *link, f Finding, send request) ([]Finding, error) {
	operation := f.Operation
	if f.Step.Do == payment.ActInquire {
		operation = operationInquire
	}
	permit, err := l.enter()
	if err != nil {
		return []Finding{t.keptBack(f)}, nil //nolint:nilerr // kept back by the breaker: a finding, not trouble
	}
	probe := l.probing()
	answer, err := l.call(ctx, permit, l.timeout, operation, send)
	t.wall = t.desk.stamp()
	if err == nil || !probe {
		f.Tried.Tries++
		f.Tried.Last = t.wall
	}
	if err != nil {
		f.Tried.Failures++
		t.desk.logger.LogAttrs(ctx, slog.LevelDebug, "no word on an outcome in doubt", slog.String("payment", t.target.Payment.String()), slog.String("error", err.Error()))
		f = t.schedule(f, l)
		if probe {
			f.Next = t.wall.Add(keptBackFor)
		}
		return []Finding{f}, nil
	}
	f.Tried.Failures = 0
	before := t.state
	events := t.outcome(ctx, l, word{assignment{operation: f.Operation, reference: f.Reference}, answer, nil})
	if err := t.note(ctx, events); err != nil {
		return nil, err
	}
	return append([]Finding{t.schedule(f, l)}, t.followUp(ctx, l, before)...), nil
}

// followUp makes the second of two messages, which the authorization has opened.
func (t *trip) followUp(ctx context.Context, l *link, before payment.State) []Finding {
	next := t.opened(before, t.state)
	if next == nil {
		return nil
	}
	found, err := t.tell(ctx, l, resend(next.operation, next.reference), next.send)
	if err != nil { // it stays open, and is looked at like any other
		return nil
	}
	return found
}

// note appends events that nobody waits for.
func (t *trip) note(ctx context.Context, events []payment.Event) error {
	if len(events) == 0 {
		return nil
	}
	p, err := t.compose(uuid.Nil, events)
	if err != nil {
		return err
	}
	receipt, err := t.append(ctx, eventstore.Command{Writes: []eventstore.Write{p.write}})
	if isConflict(err) {
		return errStartAgain
	}
	if err != nil {
		return err
	}
	t.turn(p, receipt)
	return nil
}

// inquiryOf asks what became of an intent's call.
func (t *trip) inquiryOf(intent payment.Intent) request {
	wanted := acquirer.Inquire{
		Reference: intent.Reference, Operation: intent.Operation, Payment: t.target.Payment, Livemode: t.target.Livemode, At: t.at,
	}
	return func(ctx context.Context, g Gateway) (acquirer.Answer, error) { return g.Inquire(ctx, wanted) }
}

// repeatOf makes an intent's call again, under its own reference.
func (t *trip) repeatOf(intent payment.Intent) request {
	switch intent.Operation {
	case acquirer.OperationCapture:
		return t.captureOf(t.state, intent)
	case acquirer.OperationRefund:
		return t.refundOf(t.state, intent)
	default: // cancel and reverse; an authorization is never sent again
		return t.cancelOf(t.state, intent)
	}
}

// Standing is how a payment stands, and what the merchant's clock says.
func (d *Desk) Standing(ctx context.Context, target Target) (state payment.State, clock time.Time, err error) {
	t, err := d.dispatch(ctx, "", target)
	if err != nil {
		return payment.State{}, time.Time{}, err
	}
	err = t.find(ctx)
	return t.state, t.at, err
}

// Escalate raises the alarm over an outcome that stays in doubt. The protocol goes on.
func (d *Desk) Escalate(ctx context.Context, target Target, f Finding) {
	d.alarm(ctx, AlarmUnresolved, "an outcome stays in doubt: ask the acquirer", slog.String("payment", target.Payment.String()),
		slog.String("merchant", target.Merchant.String()), slog.String("operation", string(f.Operation)), slog.String("reference", f.Reference.String()))
}

// Recheck asks about refunds that succeeded: one may fail days later, when the
// cardholder's bank sends the money back. It reports how many did.
func (d *Desk) Recheck(ctx context.Context, actor string, target Target) (failed int, err error) {
	t, err := d.dispatch(ctx, actor, target)
	if err != nil {
		return 0, err
	}
	if err := t.find(ctx); err != nil {
		return 0, err
	}
	l := d.links[t.state.Gateway]
	if l == nil || !l.traits.Inquiry {
		return 0, nil
	}
	for _, r := range t.state.Refunds {
		if r.Status != payment.RefundStatusSucceeded {
			continue
		}
		intent := payment.Intent{Operation: acquirer.OperationRefund, Reference: r.Reference, Refund: r.ID, Amount: r.Amount}
		found, err := t.tell(ctx, l, Finding{Reference: r.Reference, Operation: intent.Operation, Step: payment.Step{Do: payment.ActInquire}}, t.inquiryOf(intent))
		if errors.Is(err, errStartAgain) {
			return failed, nil
		}
		if err != nil {
			return failed, err
		}
		if now, _ := t.state.RefundOf(r.ID); len(found) > 0 && now.Status == payment.RefundStatusFailed {
			failed++
		}
	}
	return failed, nil
}
