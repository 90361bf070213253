package commands_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/gateways/sandbox"
)

func (w *world) item(token string, minor int64) commands.Item {
	return commands.Item{Call: w.call(newKey(), token), Wish: card(token, minor)}
}

func TestEachItemOfABatchIsJudgedOnItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		captured := w.item("pm_test_capture_fails", 5000)
		captured.Wish.Capture = true
		items := []commands.Item{
			w.item("pm_test_visa", 5000), w.item("pm_test_declined", 5000), w.item("pm_test_visa", 1), w.item("pm_none", 5000),
			w.item("pm_test_hang", 5000), w.item("pm_test_slow", 5000), w.item("pm_test_network_down", 5000), captured,
		}
		want := []string{"200 authorized", "402 failed", "422 amount_too_small", "422 payment_method_not_found", "200 pending", "200 authorized", "402 failed", "200 authorized"}
		began := time.Now()
		replies := w.desk.AuthorizeBatch(t.Context(), items)
		for i, r := range replies {
			status, word, _ := strings.Cut(want[i], " ")
			if r.Err != nil || fmt.Sprint(r.Reply.Status) != status || !strings.Contains(string(r.Reply.Body), word) {
				t.Errorf("item %d: %d %q, %v; want %s", i, r.Reply.Status, r.Reply.Body, r.Err, want[i])
			}
		}
		if took := time.Since(began); took > 3100*time.Millisecond {
			t.Errorf("took %s: the slowest item, not the sum, decides", took)
		}
		again := w.desk.AuthorizeBatch(t.Context(), items)
		for i, r := range again {
			if r.Err != nil || !r.Reply.Replayed || string(r.Reply.Body) != string(replies[i].Reply.Body) || r.Reply.Status != replies[i].Reply.Status {
				t.Errorf("item %d again: %+v, %v; first %+v", i, r.Reply, r.Err, replies[i].Reply)
			}
		}
		if n := len(w.payments()); n != 6 {
			t.Errorf("%d payments, want 6", n)
		}
	})
}

func TestTwoItemsWithOneKeyAreTheRequestAndItsRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.item("pm_test_visa", 5000)
	other := first
	other.Call = w.call(first.Call.IdempotencyKey, "another body")
	replies := w.desk.AuthorizeBatch(t.Context(), []commands.Item{first, first, other})
	if replies[0].Err != nil || replies[1].Err != nil || !replies[1].Reply.Replayed || string(replies[0].Reply.Body) != string(replies[1].Reply.Body) {
		t.Errorf("%+v", replies)
	}
	if !errors.Is(replies[2].Err, commands.ErrKeyReused) || len(w.payments()) != 1 {
		t.Errorf("%v, %d payments", replies[2].Err, len(w.payments()))
	}
	w.balanced()
}

func TestABatchSurvivesATroubledLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := 0
		w.log.SetFault(func(int, eventstore.Command) memory.Fault {
			n++
			return []memory.Fault{memory.None, memory.Busy, memory.Lost, memory.Doubt}[n%4]
		})
		items := make([]commands.Item, 40)
		for i := range items {
			items[i] = w.item("pm_test_visa", 5000)
		}
		replies := w.desk.AuthorizeBatch(t.Context(), items)
		w.log.SetFault(nil)
		time.Sleep(20 * time.Second)
		w.resolve()
		for i, again := range w.desk.AuthorizeBatch(t.Context(), items) {
			if again.Err != nil || replies[i].Err == nil && string(again.Reply.Body) != string(replies[i].Reply.Body) {
				t.Errorf("item %d: %+v, then %+v", i, replies[i], again)
			}
		}
		if n := len(w.payments()); n != 40 {
			t.Errorf("%d payments, want 40", n)
		}
		w.balanced()
	})
}

func TestABatchCapturesInTwoMessagesToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *commands.Config) { c.Gateways[0] = twoMessages{c.Gateways[0]} })
	items := []commands.Item{w.item("pm_test_visa", 5000), w.item("pm_test_visa", 6000)}
	for i := range items {
		items[i].Wish.Capture = true
	}
	for i, r := range w.desk.AuthorizeBatch(t.Context(), items) {
		if r.Err != nil || w.state(paymentIn(t, r.Reply)).Status != payment.StatusCaptured || !strings.Contains(string(r.Reply.Body), "captured") {
			t.Errorf("item %d: %q, %v", i, r.Reply.Body, r.Err)
		}
	}
	w.balanced()
}

func TestABatchIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	items := make([]commands.Item, commands.BatchItemsMax+1)
	for i := range items {
		items[i] = w.item("pm_test_visa", 5000)
	}
	replies := w.desk.AuthorizeBatch(t.Context(), items)
	if replies[commands.BatchItemsMax].Err == nil || replies[commands.BatchItemsMax-1].Err != nil {
		t.Errorf("%v, %v", replies[commands.BatchItemsMax-1].Err, replies[commands.BatchItemsMax].Err)
	}
	if len(w.payments()) != commands.BatchItemsMax {
		t.Errorf("%d payments", len(w.payments()))
	}
}

func TestAnOpenBreakerRefusesABatchBeforeAnyIntent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationAuthorize}, sandbox.Fault{Down: true}, 10)
		for range 10 {
			w.authorize("pm_test_visa", 5000)
		}
		before := len(w.payments())
		for _, r := range w.desk.AuthorizeBatch(t.Context(), []commands.Item{w.item("pm_test_visa", 5000), w.item("pm_test_visa", 5000)}) {
			if r.Err == nil {
				t.Errorf("%+v", r.Reply)
			}
		}
		if len(w.payments()) != before {
			t.Errorf("%d payments began", len(w.payments())-before)
		}
	})
}
