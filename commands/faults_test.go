package commands_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/gateways/sandbox"
)

// step tells which of a command's appends a fault befalls.
type step struct {
	name  string
	picks func(eventstore.Command) bool
}

var (
	intentStep  = step{"intent", func(c eventstore.Command) bool { return len(c.Writes) > 0 && c.Answer == nil }}
	outcomeStep = step{"outcome", func(c eventstore.Command) bool { return len(c.Writes) > 0 && c.Answer != nil }}
)

// TestAnAppendThatFailsLeavesOneTruth is the fault table of the two appends: failed
// and not persisted, failed but persisted, refused as busy; once, and for longer
// than the desk insists.
func TestAnAppendThatFailsLeavesOneTruth(t *testing.T) {
	t.Parallel()
	for _, at := range []step{intentStep, outcomeStep} {
		for fault, name := range map[memory.Fault]string{memory.Busy: "busy", memory.Lost: "lost", memory.Doubt: "doubt"} {
			for _, times := range []int{1, 100} {
				t.Run(at.name+" "+name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { failedAppend(t, at, fault, times) })
				})
			}
		}
	}
}

func failedAppend(t *testing.T, at step, fault memory.Fault, times int) {
	w := newWorld(t)
	left := times
	w.log.SetFault(func(_ int, c eventstore.Command) memory.Fault {
		if c.Claim == nil && c.Answer == nil || !at.picks(c) || left == 0 {
			return memory.None
		}
		left--
		return fault
	})
	key := newKey()
	first, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
	if err != nil && !errors.Is(err, commands.ErrBusy) && !errors.Is(err, commands.ErrUnavailable) {
		t.Fatalf("first: %v", err)
	}
	w.log.SetFault(nil)
	time.Sleep(10 * time.Second)
	for _, p := range w.payments() {
		if _, err := w.desk.Inquire(t.Context(), "reaction:inquiry", w.target(p), nil); err != nil {
			t.Fatal(err)
		}
	}
	again, againErr := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
	if againErr != nil || len(w.payments()) != 1 {
		t.Fatalf("again: %v, %d payments", againErr, len(w.payments()))
	}
	if err == nil && (string(again.Body) != string(first.Body) || !again.Replayed) {
		t.Errorf("again %+v, first %+v", again, first)
	}
	if s := w.state(w.payments()[0]); s.Status != payment.StatusAuthorized {
		t.Errorf("%s, want authorized", s.Status)
	}
	w.balanced()
}

// TestACrashBetweenAnyTwoStepsIsResolved kills the process (its log and its gateway
// go silent) after each of its steps, for each command.
func TestACrashBetweenAnyTwoStepsIsResolved(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"authorize", "authorize and capture", "two messages", "capture", "cancel", "refund"} {
		for steps := range 6 {
			t.Run(verb, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { crash(t, verb, steps) })
			})
		}
	}
}

// dying is a process that ends after so many steps: appends and calls.
type dying struct {
	commands.Log
	commands.Gateway
	left int
}

func (d *dying) step() bool {
	d.left--
	return d.left < 0
}

func (d *dying) Append(ctx context.Context, lane int, c eventstore.Command) (eventstore.Receipt, error) {
	if d.step() {
		return eventstore.Receipt{}, errDead
	}
	return d.Log.Append(ctx, lane, c)
}

func (d *dying) Authorize(ctx context.Context, a acquirer.Authorize) (acquirer.Answer, error) {
	if d.step() {
		return acquirer.Answer{}, errDead
	}
	return d.Gateway.Authorize(ctx, a)
}

func (d *dying) Capture(ctx context.Context, a acquirer.Capture) (acquirer.Answer, error) {
	if d.step() {
		return acquirer.Answer{}, errDead
	}
	return d.Gateway.Capture(ctx, a)
}

func (d *dying) Cancel(ctx context.Context, a acquirer.Cancel) (acquirer.Answer, error) {
	if d.step() {
		return acquirer.Answer{}, errDead
	}
	return d.Gateway.Cancel(ctx, a)
}

func (d *dying) Refund(ctx context.Context, a acquirer.Refund) (acquirer.Answer, error) {
	if d.step() {
		return acquirer.Answer{}, errDead
	}
	return d.Gateway.Refund(ctx, a)
}

func crash(t *testing.T, verb string, steps int) {
	w := newWorld(t)
	held, _ := w.authorize("pm_test_visa", 5000)
	done := w.captured(5000)
	before := len(w.payments())
	if verb == "two messages" {
		w.config.Gateways = []commands.Gateway{twoMessages{w.gateway}}
	}
	healthy := w.config
	d := &dying{Log: w.log, Gateway: w.config.Gateways[0], left: steps}
	w.config.Log, w.config.Gateways = d, []commands.Gateway{d}
	w.reopen()
	key := newKey()
	_, err := act(w, verb, key, held, done)
	w.config = healthy
	w.reopen()
	time.Sleep(6 * time.Second)
	for _, p := range w.payments() {
		if _, err := w.desk.Inquire(t.Context(), "reaction:inquiry", w.target(p), nil); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(10 * time.Second)
	w.resolve()
	told, again := act(w, verb, key, held, done)
	if again != nil {
		t.Fatalf("%s, %d steps (%v): retry: %v", verb, steps, err, again)
	}
	retold, again := act(w, verb, key, held, done)
	if again != nil || string(retold.Body) != string(told.Body) || !retold.Replayed {
		t.Errorf("%s, %d steps: told %q, then %q, %v", verb, steps, told.Body, retold.Body, again)
	}
	w.resolve()
	if n := len(w.payments()) - before; n > 1 || strings.HasPrefix(verb, "authorize") && n != 1 {
		t.Errorf("%s, %d steps: %d new payments", verb, steps, n)
	}
	w.balanced()
}

// resolve inquires until nothing is in doubt.
func (w *world) resolve() {
	w.t.Helper()
	for range 100 {
		open := 0
		for _, p := range w.payments() {
			if _, err := w.desk.Inquire(context.WithoutCancel(w.t.Context()), "reaction:inquiry", w.target(p), nil); err != nil {
				w.t.Fatalf("inquire: %v", err)
			}
			open += len(w.state(p).Intents())
		}
		if open == 0 {
			return
		}
		time.Sleep(time.Second)
	}
	w.t.Errorf("still in doubt after a hundred looks")
}

func act(w *world, verb, key string, held, done id.Payment) (commands.Reply, error) {
	ctx, call := w.t.Context(), w.call(key, verb)
	wish := card("pm_test_visa", 700)
	switch verb {
	case "authorize":
	case "capture":
		return w.desk.Capture(ctx, call, commands.Capture{Payment: held, Amount: ptr(4000)})
	case "cancel":
		return w.desk.Cancel(ctx, call, commands.Cancel{Payment: held})
	case "refund":
		return w.desk.Refund(ctx, call, commands.Refund{Payment: done, Amount: ptr(1500)})
	default:
		wish.Capture = true
	}
	return w.desk.Authorize(ctx, call, wish)
}

func TestARequestThatWasNeverSentFailsAndMayBeWishedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, reply := w.authorize("pm_test_network_down", 5000)
	if s := w.state(p); reply.Status != 402 || s.Status != payment.StatusFailed {
		t.Errorf("authorize: %+v, %s", reply, s.Status)
	}
	held, _ := w.authorize("pm_test_visa", 5000)
	w.faults.Add(sandbox.Match{Operation: acquirer.OperationCapture}, sandbox.Fault{Down: true}, 1)
	for _, want := range []payment.Status{payment.StatusAuthorized, payment.StatusCaptured} {
		if _, err := w.desk.Capture(t.Context(), w.call("", ""), commands.Capture{Payment: held}); err != nil {
			t.Fatal(err)
		}
		if s := w.state(held); s.Status != want {
			t.Errorf("%s, want %s", s.Status, want)
		}
	}
	w.balanced()
}

func TestSilenceIsPendingNotFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		began := time.Now()
		p, reply := w.authorize("pm_test_hang", 5000)
		if took := time.Since(began); reply.Status != 200 || !strings.Contains(string(reply.Body), "pending") || took > 3100*time.Millisecond {
			t.Errorf("%d %q after %s", reply.Status, reply.Body, took)
		}
		if types := w.types(p); !slices.Contains(types, payment.TypeOutcomeUnknown) {
			t.Errorf("%v", types)
		}
	})
}

func TestADeliberateLieIsDoubtedNotBooked(t *testing.T) {
	t.Parallel()
	for _, lie := range []sandbox.Fault{{AmountOff: 100}, {AmountOff: -6000}, {Reference: id.From[id.Reference]([16]byte{1})}} {
		w := newWorld(t)
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationAuthorize}, lie, 1)
		p, reply := w.authorize("pm_test_visa", 5000)
		if s := w.state(p); s.Authorized != 0 || s.Open == nil || !s.Open.Unknown || reply.Status != 200 {
			t.Errorf("%+v: %+v", lie, s)
		}
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationCapture}, lie, 1)
		held, _ := w.authorize("pm_test_visa", 5000)
		if _, err := w.desk.Capture(t.Context(), w.call("", ""), commands.Capture{Payment: held}); err != nil {
			t.Fatal(err)
		}
		if s := w.state(held); s.Captured != 0 || s.Open == nil || !s.Open.Unknown {
			t.Errorf("capture, %+v: %+v", lie, s)
		}
	}
}

func TestAGatewayThatPanicsHurtsItsOwnPaymentOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *commands.Config) {
		c.Gateways[0] = intercepted{Gateway: c.Gateways[0], authorize: func(context.Context, acquirer.Authorize) (acquirer.Answer, error) { panic("nil map") }}
	})
	p, reply := w.authorize("pm_test_visa", 5000)
	if s := w.state(p); reply.Status != 200 || s.Open == nil || !s.Open.Unknown {
		t.Errorf("%+v, %+v", reply, s)
	}
}

func TestWhoLosesTheRaceForAnOutcomeAnswersWithTheTruth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var answered acquirer.Answer
		w.config.Gateways[0] = intercepted{Gateway: w.gateway, authorize: func(ctx context.Context, a acquirer.Authorize) (acquirer.Answer, error) {
			answer, err := w.gateway.Authorize(ctx, a)
			time.Sleep(4 * time.Second) // it ignores ctx: the inquiry is faster
			if _, err := w.desk.Inquire(context.WithoutCancel(ctx), "reaction:inquiry", w.target(a.Payment), nil); err != nil {
				t.Errorf("inquire: %v", err)
			}
			answered = answer
			return answer, err
		}}
		w.reopen()
		p, reply := w.authorize("pm_test_visa", 5000)
		if types := w.types(p); len(types) != 2 || types[1] != payment.TypeAuthorized || !strings.Contains(string(reply.Body), "authorized") {
			t.Errorf("%q: %v", reply.Body, types)
		}
		if answered.Outcome != acquirer.Approved {
			t.Errorf("%+v", answered)
		}
		w.balanced()
	})
}

// slow is a log whose intents take long.
type slow struct {
	commands.Log
	by time.Duration
}

func (s slow) Append(ctx context.Context, lane int, c eventstore.Command) (eventstore.Receipt, error) {
	if len(c.Writes) > 0 && c.Answer == nil {
		time.Sleep(s.by)
	}
	return s.Log.Append(ctx, lane, c)
}

func TestNoRequestLeavesAfterItsIntentsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		healthy := w.config
		w.config.Log = slow{w.log, 15 * time.Second} // longer than the sandbox's longest life
		w.reopen()
		p, reply := w.authorize("pm_test_visa", 5000)
		if total := totalOf(t, w, p); reply.Status != 200 || w.state(p).Status != payment.StatusPending || total.Held != 0 {
			t.Errorf("%+v, acquirer %+v", reply, total)
		}
		w.config = healthy
		w.reopen()
		w.resolve()
		if s := w.state(p); s.Status != payment.StatusFailed {
			t.Errorf("%s, want failed", s.Status)
		}
		w.balanced()
	})
}

func totalOf(t *testing.T, w *world, p id.Payment) (found sandbox.Total) {
	t.Helper()
	for total, err := range w.book.Totals(t.Context(), p) {
		if err != nil {
			t.Fatal(err)
		}
		found = total
	}
	return found
}
