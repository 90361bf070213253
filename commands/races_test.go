package commands_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/gateways/sandbox"
)

func TestOfManyCapturesAtOnceOneTakesTheMoney(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.authorize("pm_test_visa", 5000)
	var taken atomic.Int64
	crowd(50, func(i int) {
		reply, err := w.desk.Capture(t.Context(), w.call(newKey(), fmt.Sprint(i)), commands.Capture{Payment: p, Amount: ptr(int64(1000 + i))})
		switch {
		case errors.Is(err, commands.ErrConcurrentChange):
		case err != nil:
			t.Errorf("capture: %v", err)
		case reply.Status == 200:
			taken.Add(1)
		}
	})
	if s := w.state(p); taken.Load() != 1 || s.Status != payment.StatusCaptured || s.Captured+s.Released != s.Authorized {
		t.Errorf("%d captures, %+v", taken.Load(), s)
	}
	w.balanced()
}

func TestRefundsTogetherNeverExceedTheCaptureHoweverManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.captured(5000)
	crowd(50, func(i int) {
		_, err := w.desk.Refund(t.Context(), w.call(newKey(), fmt.Sprint(i)), commands.Refund{Payment: p, Amount: ptr(700)})
		if err != nil && !errors.Is(err, commands.ErrConcurrentChange) {
			t.Errorf("refund: %v", err)
		}
	})
	if s := w.state(p); s.AmountRefunded() > 5000 || s.AmountRefunded() < 700 {
		t.Errorf("refunded %d of 5000", s.AmountRefunded())
	}
	w.balanced()
}

// TestAnyInterleavingKeepsTheBooksEqual draws wishes, keys, faults of the line and of
// the log, lets them run at the same time, then heals everything and drains.
func TestAnyInterleavingKeepsTheBooksEqual(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		failed := false
		synctest.Test(t, func(t *testing.T) {
			defer func() { failed = t.Failed() }()
			interleave(t, rt)
		})
		if failed {
			rt.Fatal("the books differ, or a key began two things")
		}
	})
}

var lineFaults = []sandbox.Fault{
	{}, {DropAnswer: true}, {DropRequest: true}, {Late: true, LateBy: time.Second}, {Duplicate: true}, {Down: true}, {AmountOff: 1}, {Delay: 2 * time.Second},
}

func interleave(t *testing.T, rt *rapid.T) {
	w := newWorld(t, func(c *commands.Config) { c.Breaker.FailuresMax = 1000 })
	p := w.captured(5000)
	held, _ := w.authorize("pm_test_visa", 5000)
	keys := []string{newKey(), newKey(), newKey(), ""}
	faults := rapid.SliceOfN(rapid.SampledFrom(lineFaults), 4, 12).Draw(rt, "line")
	var asked atomic.Int64
	for range faults {
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationRefund}, faults[int(asked.Add(1))%len(faults)], 1)
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationCapture}, faults[int(asked.Add(1))%len(faults)], 1)
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationAuthorize}, faults[int(asked.Add(1))%len(faults)], 1)
	}
	troubles := rapid.SliceOfN(rapid.SampledFrom([]memory.Fault{memory.None, memory.None, memory.None, memory.Busy, memory.Lost, memory.Doubt}), 8, 30).Draw(rt, "log")
	var appended atomic.Int64
	w.log.SetFault(func(int, eventstore.Command) memory.Fault {
		if n := int(appended.Add(1)); n < len(troubles) {
			return troubles[n]
		}
		return memory.None
	})
	verbs := rapid.SliceOfN(rapid.SampledFrom([]string{"authorize", "authorize and capture", "capture", "cancel", "refund"}), 2, 10).Draw(rt, "verbs")
	choice := rapid.SliceOfN(rapid.IntRange(0, 3), len(verbs), len(verbs)).Draw(rt, "keys")
	crowd(len(verbs), func(i int) {
		_, _ = act(w, verbs[i], keys[choice[i]], held, p)
	})
	w.log.SetFault(nil)
	w.faults.Clear()
	time.Sleep(20 * time.Second)
	w.gateway.Wait()
	w.resolve()
	w.balanced()
	checkOneIntentPerKey(t, w, keys[:3])
}

// checkOneIntentPerKey: a key has begun at most one thing (I2).
func checkOneIntentPerKey(t *testing.T, w *world, keys []string) {
	t.Helper()
	events, err := w.log.ReadLog(t.Context(), 0, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	intents := map[string]map[id.Event]bool{}
	for _, e := range events {
		switch e.Type {
		case payment.TypeAuthorizationRequested, payment.TypeCaptureRequested, payment.TypeCancellationRequested, payment.TypeRefundRequested:
			if intents[e.Meta.IdempotencyKey] == nil {
				intents[e.Meta.IdempotencyKey] = map[id.Event]bool{}
			}
			if e.Meta.Cause.String() == "00000000-0000-0000-0000-000000000000" { // a second message is caused by the first
				intents[e.Meta.IdempotencyKey][id.From[id.Event](e.ID)] = true
			}
		}
	}
	for _, key := range keys {
		if len(intents[key]) > 1 {
			t.Errorf("key %s began %d things", key, len(intents[key]))
		}
	}
}
