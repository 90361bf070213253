package payment_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
)

// life is a payment to which anything may be wished and about which anything may
// be said, at any time: sensible or not, early, late, twice or never.
type life struct {
	state   payment.State
	history []payment.Recorded
	now     time.Time
	refs    byte // references given out
	books   books
}

func (l *life) record(t *rapid.T, es []payment.Event) {
	for _, e := range es {
		before := l.state
		l.state = payment.Evolve(l.state, e)
		l.history = append(l.history, payment.Recorded{Version: l.state.Version, Event: e})
		if wrong := l.books.enter(e); wrong != "" {
			t.Fatalf("%s: %s\nin %s", e.Type(), wrong, types(l.history))
		}
		if before.Version+1 != l.state.Version {
			t.Fatalf("version went from %d to %d", before.Version, l.state.Version)
		}
	}
	l.compare(t)
}

func types(history []payment.Recorded) (names []string) {
	for _, r := range history {
		names = append(names, r.Event.Type())
	}
	return names
}

func (l *life) reference() id.Reference {
	l.refs++
	return netID(l.refs)
}

// compare holds the state against the books, which were kept without it.
func (l *life) compare(t *rapid.T) {
	s, b := l.state, &l.books
	got := [...]int64{s.Authorized, s.Captured, s.Released, s.AmountRefunded(), s.AmountRefunding()}
	want := [...]int64{b.authorized, b.captured, b.released, b.refunded(), b.refunding()}
	if got != want {
		t.Fatalf("state says %v, the books %v\nafter %s", got, want, types(l.history))
	}
	if open := len(s.Intents()); open != b.open() {
		t.Fatalf("%d intents are open, the books say %d\nafter %s", open, b.open(), types(l.history))
	}
	full := s.Captured > 0 && s.AmountRefunded() == s.Captured
	if (s.Status == payment.StatusRefunded) != full {
		t.Fatalf("captured %d, refunded %d, and it is %s", s.Captured, s.AmountRefunded(), s.Status)
	}
	if s.AmountCapturable() < 0 || s.AmountRefundable() < 0 {
		t.Fatalf("capturable %d, refundable %d", s.AmountCapturable(), s.AmountRefundable())
	}
}

// wish asks for something, with amounts around what is possible.
func (l *life) wish(t *rapid.T) {
	if l.refs > 250 {
		return // all references are given out
	}
	var w wish
	some := amount(rapid.Int64Range(-1, 12_000).Draw(t, "amount"))
	if rapid.Bool().Draw(t, "all") {
		some = nil
	}
	end := l.now.Add(payment.CallTimeout)
	switch rapid.IntRange(0, 7).Draw(t, "verb") {
	case 0:
		w = authorize(func(w *payment.Authorize) {
			w.Reference, w.CaptureReference, w.Deadline = l.reference(), l.reference(), end
			w.Capture = rapid.Bool().Draw(t, "capture")
		})
	case 1:
		w = payment.Capture{Reference: l.reference(), Amount: some, Now: l.now, Deadline: end}
	case 2:
		w = payment.Cancel{Reference: l.reference(), Deadline: end}
	case 3, 4:
		reference := l.reference()
		w = payment.RequestRefund{Refund: refID(l.refs), Reference: reference, Amount: some, Deadline: end}
	case 5:
		w = payment.CompleteAction{Reference: l.reference(), Succeeded: rapid.Bool().Draw(t, "succeeded"), Deadline: end}
	case 6:
		w = payment.Expire{Now: l.now}
	default:
		w = payment.Reverse{Reference: l.reference(), Now: l.now}
	}
	es, refused := w.Decide(l.state)
	if (refused == nil) == (len(es) == 0) {
		t.Fatalf("%T gave %d events and refusal %v", w, len(es), refused)
	}
	l.record(t, es)
}

// call is one of all calls ever made, more often one that is open.
func (l *life) call(t *rapid.T) id.Reference {
	if open := l.state.Intents(); len(open) > 0 && rapid.IntRange(0, 3).Draw(t, "open") > 0 {
		return rapid.SampledFrom(open).Draw(t, "intent").Reference
	}
	return netID(rapid.ByteRange(1, max(l.refs, 1)).Draw(t, "reference"))
}

// hear has the acquirer say something about a call.
func (l *life) hear(t *rapid.T) {
	on := l.call(t)
	op := acquirer.OperationAuthorize
	asked := int64(10_000)
	if intent, open := l.state.Intent(on); open {
		op, asked = intent.Operation, intent.Amount
	}
	acs := acquirer.NextAction{Type: "redirect_to_url"}
	answer := acquirer.Answer{
		Reference: on, Decline: acquirer.DeclineOf("do_not_honor"), NextAction: &acs, ExpiresAt: l.now.Add(time.Hour),
		Outcome: rapid.SampledFrom([]acquirer.Outcome{
			acquirer.Approved, acquirer.Approved, acquirer.Approved, acquirer.Declined, acquirer.ActionRequired, acquirer.Pending, acquirer.Reversed, acquirer.NotFound,
		}).Draw(t, "outcome"),
		Amount:   euros(rapid.SampledFrom([]int64{asked, asked, asked, asked / 2, asked + 1, 0}).Draw(t, "approved")),
		Captured: rapid.Bool().Draw(t, "captured"),
	}
	sticky := traits
	sticky.StickyReversal = rapid.Bool().Draw(t, "sticky")
	es, _ := l.state.Conclude(op, on, answer, sticky, l.now)
	l.record(t, es)
}

// lose has a call never leave, or its answer never come.
func (l *life) lose(t *rapid.T) {
	on := l.call(t)
	if rapid.Bool().Draw(t, "sent") {
		l.record(t, l.state.Doubt("", on, payment.ReasonTimeout))
		return
	}
	l.record(t, l.state.NotSent("", on, l.now))
}

func (l *life) wait(t *rapid.T) {
	l.now = l.now.Add(rapid.SampledFrom([]time.Duration{time.Second, payment.CallTimeout, time.Minute, time.Hour}).Draw(t, "time"))
}

func TestWhateverIsWishedAndSaidTheInvariantsHold(t *testing.T) {
	t.Parallel()
	for range 20 { // 2,000 lives: rare turns need many
		rapid.Check(t, func(t *rapid.T) {
			l := life{now: noon}
			acts := []func(*rapid.T){l.wish, l.wish, l.wish, l.wish, l.hear, l.hear, l.hear, l.hear, l.lose, l.wait}
			for range rapid.IntRange(0, 100).Draw(t, "length") {
				acts[rapid.IntRange(0, len(acts)-1).Draw(t, "act")](t)
			}
			l.foldsAgain(t)
		})
	}
}

// foldsAgain: the history, as it comes back from the log, gives the same state; so
// does any split of it.
func (l *life) foldsAgain(t *rapid.T) {
	for i, r := range l.history {
		typ, schema, body, err := payment.Encode(r.Event)
		if err != nil {
			t.Fatal(err)
		}
		if l.history[i].Event, err = payment.Decode(typ, schema, body); err != nil {
			t.Fatal(err)
		}
	}
	cut := rapid.IntRange(0, len(l.history)).Draw(t, "cut")
	half := payment.Fold(payment.State{}, l.history[:cut])
	kept := payment.Fold(payment.State{}, l.history[:cut])
	whole := payment.Fold(half, l.history[cut:])
	if diff := cmp.Diff(l.state, whole); diff != "" {
		t.Fatalf("folded again (-lived +folded):\n%s", diff)
	}
	if diff := cmp.Diff(kept, half); diff != "" {
		t.Fatalf("folding on changed what it began with (-before +after):\n%s", diff)
	}
}

func TestNoHistoryMakesFoldingPanic(t *testing.T) {
	t.Parallel()
	all := samples()
	rapid.Check(t, func(t *rapid.T) {
		var history []payment.Recorded
		for version, i := range rapid.SliceOf(rapid.IntRange(-2, len(all)-1)).Draw(t, "events") {
			e := payment.Event(foreign{})
			if i >= 0 {
				e = all[i]
			} else if i == -2 {
				e = nil
			}
			history = append(history, payment.Recorded{Version: version + 1, Event: e})
		}
		if got, again := payment.Fold(payment.State{}, history), payment.Fold(payment.State{}, history); !cmp.Equal(got, again) {
			t.Fatalf("folded twice: %+v and %+v", got, again)
		}
	})
}

func TestEvolvingLeavesTheStateBefore(t *testing.T) {
	t.Parallel()
	before := given(and(captured(), refunding(1, 10), refunding(2, 20))...)
	kept := given(and(captured(), refunding(1, 10), refunding(2, 20))...)
	for _, e := range events(refundSucceeded(1), refundFailed(2), refunding(3, 5), payment.OutcomeUnknown{Reference: netID(101)}) {
		payment.Evolve(before, e)
		if diff := cmp.Diff(kept, before); diff != "" {
			t.Errorf("%s reached back (-before +after):\n%s", e.Type(), diff)
		}
	}
	open := given(capturing()...)
	payment.Evolve(open, payment.OutcomeUnknown{Reference: netID(2)})
	if open.Open.Unknown {
		t.Error("doubt reached back")
	}
}
