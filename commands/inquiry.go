package commands

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

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
	Step      payment.Step // what the protocol wanted done, and was done
	// Heard: the acquirer said something, if only "pending" or "not found". Resolved:
	// the outcome is recorded. Both false after a wait.
	Heard, Resolved bool
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
		finding, err := t.look(ctx, l, intent, tried[intent.Reference])
		if errors.Is(err, errStartAgain) {
			return findings, nil
		}
		if err != nil {
			return findings, err
		}
		findings = append(findings, finding...)
	}
	return findings, nil
}

// look takes the next step on one intent, and at once the first on what it leads to.
func (t *trip) look(ctx context.Context, l *link, intent payment.Intent, tried payment.Tried) ([]Finding, error) {
	t.wall = t.desk.stamp()
	f := Finding{Reference: intent.Reference, Operation: intent.Operation, Step: t.state.NextStep(intent, tried, l.traits, t.wall)}
	switch f.Step.Do {
	case payment.ActReverse:
		reversal, err := t.reverse(ctx)
		if err != nil {
			return nil, err
		}
		f.Resolved = true // the reversal stands in its place
		then, err := t.tell(ctx, l, Finding{Reference: reversal.Reference, Operation: reversal.Operation, Step: payment.Step{Do: payment.ActResend}}, t.cancelOf(t.state, reversal))
		return append([]Finding{f}, then...), err
	case payment.ActResend:
		return t.tell(ctx, l, f, t.repeatOf(intent))
	case payment.ActInquire:
		return t.tell(ctx, l, f, t.inquiryOf(intent))
	default:
		return []Finding{f}, nil
	}
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
	answer, err := l.try(ctx, operation, send)
	if err != nil {
		t.desk.logger.LogAttrs(ctx, slog.LevelDebug, "no word on an outcome in doubt", slog.String("payment", t.target.Payment.String()), slog.String("error", err.Error()))
		return []Finding{f}, nil
	}
	f.Heard = true
	before := t.state
	t.wall = t.desk.stamp()
	events := t.outcome(ctx, l, word{assignment{operation: f.Operation, reference: f.Reference}, answer, nil})
	if err := t.note(ctx, events); err != nil {
		return []Finding{f}, err
	}
	_, open := t.state.Intent(f.Reference)
	f.Resolved = !open
	return append([]Finding{f}, t.followUp(ctx, l, before)...), nil
}

// followUp makes the second of two messages, which the authorization has opened.
func (t *trip) followUp(ctx context.Context, l *link, before payment.State) []Finding {
	next := t.opened(before, t.state)
	if next == nil {
		return nil
	}
	found, err := t.tell(ctx, l, Finding{Reference: next.reference, Operation: next.operation, Step: payment.Step{Do: payment.ActResend}}, next.send)
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
