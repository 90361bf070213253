package reactions

import (
	"context"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
)

const (
	// actorInquiry is who resolves outcomes in doubt, as events say it.
	actorInquiry = "reaction:inquiry"
	// lease is how long a payment is one reactor's: a call to the acquirer and its
	// appends. If that reactor dies, another looks when the lease is over.
	lease = 10 * time.Second
	// troubleWait is the wait after a look that trouble of ours cut short.
	troubleWait = time.Second
)

// Note is what is remembered about a payment in doubt.
type Note struct {
	Target   commands.Target
	Attempts map[id.Reference]Attempt
}

// Attempt is what was done about one act.
type Attempt struct {
	payment.Tried
	Escalated bool // the alarm has been raised
}

// Notes remembers whom was asked how often. Losing it costs questions, not money.
type Notes interface {
	// Waiting names those of the payments that nobody is to look at before a time
	// after now.
	Waiting(ctx context.Context, ids []id.Payment, now time.Time) (map[id.Payment]bool, error)
	// Lease takes a payment until a time, unless it is waiting; one that was never
	// noted begins with an empty note.
	Lease(ctx context.Context, target commands.Target, now, until time.Time) (note Note, taken bool, err error)
	// Save keeps a leased note and lets it wait until next. If the note was dropped
	// meanwhile, it stays so.
	Save(ctx context.Context, note Note, next time.Time) error
	// Drop forgets a payment.
	Drop(ctx context.Context, target commands.Target) error
}

// inDoubt tells whether an act of the payment is past its deadline, or its outcome
// known to be unknown. Before that, its caller is still at it.
func (w *Watch) inDoubt(state payment.State) bool {
	now := w.now()
	for _, intent := range state.Intents() {
		if intent.Unknown || !now.Before(intent.Deadline) {
			return true
		}
	}
	return false
}

// inquire takes one step on every act in doubt. If we crash anywhere in it, the lease
// ends and the next look finds what is in the log.
func (w *Watch) inquire(ctx context.Context, target commands.Target) error {
	now := w.now()
	note, taken, err := w.notes.Lease(ctx, target, now, now.Add(lease))
	if err != nil || !taken {
		return err
	}
	tried := make(map[id.Reference]payment.Tried, len(note.Attempts))
	for reference, attempt := range note.Attempts {
		tried[reference] = attempt.Tried
	}
	findings, trouble := w.desk.Inquire(ctx, actorInquiry, target, tried)
	next, open := w.digest(ctx, &note, findings)
	switch {
	case trouble != nil || len(findings) == 0:
		err = w.notes.Save(ctx, note, w.now().Add(troubleWait))
	case open:
		err = w.notes.Save(ctx, note, next)
	default:
		err = w.notes.Drop(ctx, target)
	}
	if trouble != nil {
		return trouble
	}
	return err
}

// digest brings the note up to date, raises alarms, and says when to look again.
func (w *Watch) digest(ctx context.Context, note *Note, findings []commands.Finding) (next time.Time, open bool) {
	for _, f := range findings {
		if f.Step.Do != payment.ActWait {
			w.measures.steps.WithLabelValues(string(f.Operation), string(f.Step.Do)).Inc()
		}
		if f.Resolved {
			w.measures.resolved.WithLabelValues(string(f.Operation)).Inc()
			delete(note.Attempts, f.Reference)
			continue
		}
		attempt := Attempt{Tried: f.Tried, Escalated: note.Attempts[f.Reference].Escalated}
		if f.Step.Alarm && !attempt.Escalated {
			attempt.Escalated = true
			w.desk.Escalate(ctx, note.Target, f)
		}
		note.Attempts[f.Reference] = attempt
		if !open || f.Next.Before(next) {
			next = f.Next
		}
		open = true
	}
	return next, open
}
