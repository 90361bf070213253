package commands_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/eventstore"
)

// late is a log whose intents are written, yet their receipts are lost for so long
// that somebody else concludes them first.
type late struct {
	commands.Log
	meanwhile func()
}

func (l late) Append(ctx context.Context, lane int, c eventstore.Command) (eventstore.Receipt, error) {
	receipt, err := l.Log.Append(ctx, lane, c)
	if err != nil || len(c.Writes) == 0 || c.Claim == nil {
		return receipt, err
	}
	l.meanwhile()
	return eventstore.Receipt{}, fmt.Errorf("%w: no reply", eventstore.ErrUnavailable)
}

func (l late) AppendAll(ctx context.Context, lane int, cs []eventstore.Command) []eventstore.Result {
	results := l.Log.AppendAll(ctx, lane, cs)
	if cs[0].Claim == nil {
		return results
	}
	l.meanwhile()
	for i := range results {
		results[i] = eventstore.Result{Err: fmt.Errorf("%w: no reply", eventstore.ErrUnavailable)}
	}
	return results
}

func TestAnIntentThatWasConcludedBeforeItsCallerKnewIsAnsweredNotCalled(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"authorize", "authorize and capture", "batch", "capture", "cancel", "refund"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { concludedMeanwhile(t, verb) })
		})
	}
}

func concludedMeanwhile(t *testing.T, verb string) {
	w := newWorld(t, func(c *commands.Config) { c.Breaker = commands.BreakerConfig{Probes: 1} })
	held, _ := w.authorize("pm_test_visa", 5000)
	done := w.captured(5000)
	healthy := w.config
	reactor := w.desk
	w.config.Log = late{w.log, func() {
		time.Sleep(20 * time.Second) // past the deadline, and the longest life of a request
		for _, p := range w.payments() {
			if _, err := reactor.Inquire(context.WithoutCancel(t.Context()), "reaction:inquiry", w.target(p), nil); err != nil {
				t.Errorf("inquire: %v", err)
			}
		}
	}}
	w.reopen()
	key := newKey()
	var reply commands.Reply
	var err error
	if verb == "batch" {
		item := commands.Item{Call: w.call(key, verb), Wish: card("pm_test_visa", 700)}
		r := w.desk.AuthorizeBatch(t.Context(), []commands.Item{item})[0]
		reply, err = r.Reply, r.Err
	} else {
		reply, err = act(w, verb, key, held, done)
	}
	if err != nil || reply.Replayed || len(reply.Body) == 0 {
		t.Fatalf("%+v, %v", reply, err)
	}
	w.config = healthy
	w.reopen()
	again, err := act(w, verb, key, held, done)
	if err != nil || !again.Replayed || string(again.Body) != string(reply.Body) {
		t.Errorf("%+v, %v; first %q", again, err, reply.Body)
	}
	w.balanced()
}

// TestABatchOutlivesAPanicOfOneItem: Render is the caller's, and is run by each item.
func TestABatchOutlivesAPanicOfOneItem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	items := []commands.Item{w.item("pm_test_visa", 5000), w.item("pm_test_visa", 6000)}
	items[0].Call.Render = func(commands.Result) commands.Answer { panic("nil map") }
	replies := w.desk.AuthorizeBatch(t.Context(), items)
	if !errors.Is(replies[0].Err, commands.ErrUnavailable) || replies[1].Err != nil || replies[1].Reply.Status != 200 {
		t.Errorf("%+v", replies)
	}
}

// TestAnOutcomeThatCannotBeRecordedIsNeverToldAsNothingDone: the money has moved, so
// that "busy" would be a lie.
func TestAnOutcomeThatCannotBeRecordedIsNeverToldAsNothingDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		healthy := w.config
		w.config.Log = &troubled{Log: w.log, appends: eventstore.ErrBusy, left: 100}
		w.reopen()
		key := newKey()
		_, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		if !errors.Is(err, commands.ErrUnavailable) || errors.Is(err, commands.ErrBusy) {
			t.Errorf("%v, want unavailable and not busy", err)
		}
		w.config = healthy
		w.reopen()
		time.Sleep(10 * time.Second)
		w.resolve()
		again, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		if err != nil || !strings.Contains(string(again.Body), "authorized") || len(w.payments()) != 1 {
			t.Errorf("%+v, %v", again, err)
		}
		w.balanced()
	})
}

// troubled is a log that refuses to append outcomes, and to read while it does so.
type troubled struct {
	commands.Log
	appends, reads error
	left, leftRead int // so many of each fail
}

func (l *troubled) Append(ctx context.Context, lane int, c eventstore.Command) (eventstore.Receipt, error) {
	if len(c.Writes) > 0 && c.Claim == nil && l.left > 0 {
		l.left--
		return eventstore.Receipt{}, l.appends
	}
	return l.Log.Append(ctx, lane, c)
}

func (l *troubled) ReadStream(ctx context.Context, stream uuid.UUID, after, limit int) ([]eventstore.Event, error) {
	if l.reads != nil && l.left == 0 && l.leftRead > 0 {
		l.leftRead--
		return nil, l.reads
	}
	return l.Log.ReadStream(ctx, stream, after, limit)
}

// TestAnOutcomeIsInsistedOnWhileReadsFailToo: a database that comes back serves reads
// no sooner than appends.
func TestAnOutcomeIsInsistedOnWhileReadsFailToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		away := fmt.Errorf("%w: connection refused", eventstore.ErrUnavailable)
		log := &troubled{Log: w.log, appends: away, reads: away, left: 1, leftRead: 1}
		w.config.Log = log
		w.reopen()
		_, reply := w.authorize("pm_test_visa", 5000)
		if log.leftRead != 0 || reply.Status != 200 || !strings.Contains(string(reply.Body), "authorized") {
			t.Errorf("%+v, %d reads left to fail", reply, log.leftRead)
		}
		w.balanced()
	})
}
