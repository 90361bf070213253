package commands_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/gateways/sandbox"
)

func TestTheSameRequestAgainGetsTheFirstAnswerAndDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.authorize("pm_test_visa", 5000)
	done := w.captured(5000)
	held, _ := w.authorize("pm_test_visa", 700)
	for name, do := range map[string]func(commands.Call) (commands.Reply, error){
		"authorize": func(c commands.Call) (commands.Reply, error) {
			return w.desk.Authorize(t.Context(), c, card("pm_test_visa", 5000))
		},
		"declined": func(c commands.Call) (commands.Reply, error) {
			return w.desk.Authorize(t.Context(), c, card("pm_test_declined", 5000))
		},
		"capture": func(c commands.Call) (commands.Reply, error) {
			return w.desk.Capture(t.Context(), c, commands.Capture{Payment: p})
		},
		"cancel": func(c commands.Call) (commands.Reply, error) {
			return w.desk.Cancel(t.Context(), c, commands.Cancel{Payment: held})
		},
		"refund": func(c commands.Call) (commands.Reply, error) {
			return w.desk.Refund(t.Context(), c, commands.Refund{Payment: done, Amount: ptr(100)})
		},
	} {
		key := newKey()
		first, err := do(w.call(key, "body"))
		if err != nil || first.Replayed {
			t.Fatalf("%s: %+v, %v", name, first, err)
		}
		head, _ := w.log.Head(t.Context(), 0)
		again, err := do(w.call(key, "body"))
		if err != nil || !again.Replayed || again.Status != first.Status || string(again.Body) != string(first.Body) || again.Position != first.Position {
			t.Errorf("%s again: %+v, %v; first %+v", name, again, err, first)
		}
		if now, _ := w.log.Head(t.Context(), 0); now != head {
			t.Errorf("%s again wrote %d events", name, now-head)
		}
		if _, err := do(w.call(key, "another body")); !errors.Is(err, commands.ErrKeyReused) {
			t.Errorf("%s with another body: %v", name, err)
		}
	}
	w.balanced()
}

func TestWithoutAKeyNothingIsARepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.captured(5000)
	for range 2 {
		if _, err := w.desk.Refund(t.Context(), w.call("", "same"), commands.Refund{Payment: p, Amount: ptr(1000)}); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.state(p); s.AmountRefunded() != 2000 {
		t.Errorf("refunded %d, want 2000", s.AmountRefunded())
	}
}

func TestFiftyRequestsWithOneKeyHaveOneEffectAndOneAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		key := newKey()
		var mu sync.Mutex
		bodies, replayed := map[string]int{}, 0
		crowd(50, func(int) {
			reply, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_slow", 5000))
			if err != nil {
				t.Errorf("authorize: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			bodies[string(reply.Body)]++
			if reply.Replayed {
				replayed++
			}
		})
		if len(bodies) != 1 || replayed != 49 || len(w.payments()) != 1 {
			t.Errorf("%d answers, %d replays, %d payments; want 1, 49, 1", len(bodies), replayed, len(w.payments()))
		}
		w.balanced()
	})
}

func TestARepeatWaitsTwoSecondsAndThenSaysTheKeyIsInUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationAuthorize}, sandbox.Fault{Delay: 2800 * time.Millisecond}, 1)
		key := newKey()
		done := make(chan commands.Reply)
		go func() {
			reply, _ := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
			done <- reply
		}()
		synctest.Wait()
		began := time.Now()
		if _, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000)); !errors.Is(err, commands.ErrKeyInUse) {
			t.Errorf("repeat: %v", err)
		}
		if waited := time.Since(began); waited < 2*time.Second || waited > 2200*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
		first := <-done
		again, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		if err != nil || string(again.Body) != string(first.Body) || !again.Replayed {
			t.Errorf("%+v, %v; first %+v", again, err, first)
		}
	})
}

// mortal is a log that a process can die on: after so many more appends, neither
// the process's outcomes nor anything else reaches it.
type mortal struct {
	commands.Log
	left atomic.Int64
}

func (m *mortal) Append(ctx context.Context, lane int, c eventstore.Command) (eventstore.Receipt, error) {
	if m.left.Add(-1) < 0 {
		return eventstore.Receipt{}, errDead
	}
	return m.Log.Append(ctx, lane, c)
}

var errDead = errors.New("the process is dead")

func TestARetryAfterACrashIsToldOfThePaymentItBegan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		dying := &mortal{Log: w.log}
		dying.left.Store(1) // the intent gets through, the outcome does not
		healthy := w.config
		w.config.Log = dying
		w.reopen()
		key := newKey()
		if _, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000)); !errors.Is(err, errDead) {
			t.Fatalf("the process lives: %v", err)
		}
		w.config = healthy
		w.reopen()
		if _, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000)); !errors.Is(err, commands.ErrKeyInUse) {
			t.Errorf("while the first may live: %v", err)
		}
		time.Sleep(4 * time.Second)
		told, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		if err != nil || !told.Replayed || len(w.payments()) != 1 || paymentIn(t, told) != w.payments()[0] {
			t.Fatalf("retry: %+v, %v, %d payments", told, err, len(w.payments()))
		}
		if s := w.state(w.payments()[0]); s.Status != payment.StatusPending {
			t.Errorf("the retry changed the payment: %s", s.Status)
		}
		if findings, err := w.desk.Inquire(t.Context(), "reaction:inquiry", w.target(w.payments()[0]), nil); err != nil || len(findings) != 1 || !findings[0].Resolved {
			t.Errorf("inquiry: %+v, %v", findings, err)
		}
		again, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		if err != nil || string(again.Body) != string(told.Body) {
			t.Errorf("later: %q, %v; told %q before", again.Body, err, told.Body)
		}
		w.balanced()
	})
}

func TestARetryAfterACrashAndAnInquiryIsToldTheOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.captured(5000)
		dying := &mortal{Log: w.log}
		dying.left.Store(1)
		healthy := w.config
		w.config.Log = dying
		w.reopen()
		key := newKey()
		if _, err := w.desk.Refund(t.Context(), w.call(key, "body"), commands.Refund{Payment: p}); !errors.Is(err, errDead) {
			t.Fatalf("the process lives: %v", err)
		}
		w.config = healthy
		w.reopen()
		time.Sleep(payment.CallTimeout)
		if _, err := w.desk.Inquire(t.Context(), "reaction:inquiry", w.target(p), nil); err != nil {
			t.Fatal(err)
		}
		told, err := w.desk.Refund(t.Context(), w.call(key, "body"), commands.Refund{Payment: p})
		if err != nil || told.Status != 200 || len(w.state(p).Refunds) != 1 || w.state(p).Status != payment.StatusRefunded {
			t.Errorf("%+v, %v, %+v", told, err, w.state(p))
		}
		w.balanced()
	})
}

func TestWhoAnswersTooLateAnswersWithWhatWasStoredInItsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		// Every append of an outcome finds the store away for six seconds.
		var until time.Time
		w.log.SetFault(func(_ int, c eventstore.Command) memory.Fault {
			if len(c.Writes) > 0 && c.Answer != nil && time.Now().Before(until) {
				return memory.Lost
			}
			return memory.None
		})
		until = time.Now().Add(6 * time.Second)
		key := newKey()
		done := make(chan commands.Reply)
		go func() {
			reply, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
			if err != nil {
				t.Errorf("first: %v", err)
			}
			done <- reply
		}()
		time.Sleep(5100 * time.Millisecond)
		retry, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		first := <-done
		if err != nil || string(retry.Body) != string(first.Body) || retry.Status != first.Status {
			t.Errorf("retry %+v, %v; first %+v", retry, err, first)
		}
		w.balanced()
	})
}

func TestAnOpenBreakerStillReplays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		key := newKey()
		first, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			w.authorize("pm_test_network_down", 5000)
		}
		fresh := newKey()
		_, err = w.desk.Authorize(t.Context(), w.call(fresh, "body"), card("pm_test_visa", 5000))
		if r, is := errors.AsType[*refusal.Refusal](err); !is || r.Code != refusal.AcquirerUnavailable {
			t.Errorf("with the breaker open: %v", err)
		}
		again, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		if err != nil || string(again.Body) != string(first.Body) || !again.Replayed {
			t.Errorf("replay: %+v, %v", again, err)
		}
		capture, err := w.desk.Capture(t.Context(), w.call(newKey(), ""), commands.Capture{Payment: paymentIn(t, first)})
		if r, is := errors.AsType[*refusal.Refusal](err); !is || r.Code != refusal.AcquirerUnavailable {
			t.Errorf("capture: %+v, %v", capture, err)
		}
		time.Sleep(6 * time.Second) // half-open: three that succeed close it
		for range 4 {
			if _, err := w.desk.Authorize(t.Context(), w.call(fresh, "body"), card("pm_test_visa", 5000)); err != nil {
				t.Errorf("after the rest, under the key that was left free: %v", err)
			}
			fresh = newKey()
		}
		w.balanced()
	})
}

func TestACallerWhoHangsUpChangesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, hangUp := context.WithCancel(t.Context())
		go func() {
			_, _ = w.desk.Authorize(ctx, w.call(newKey(), ""), card("pm_test_slow", 5000))
		}()
		synctest.Wait()
		hangUp()
		time.Sleep(2 * time.Second)
		if s := w.state(w.payments()[0]); s.Status != payment.StatusAuthorized {
			t.Errorf("%s, want authorized", s.Status)
		}
		w.balanced()
	})
}
