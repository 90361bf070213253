package reactions_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/reactions"
)

func TestAnApprovalWhoseAnswerWasLostIsFoundOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.authorize("pm_test_timeout_approved", false)
		time.Sleep(2 * time.Second)
		if s := w.state(p); s.Status != payment.StatusAuthorized {
			t.Errorf("%s, want authorized", s.Status)
		}
		w.balanced()
	})
}

func TestARequestThatNeverArrivedFailsOnceItCanNoLongerArrive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.authorize("pm_test_timeout_lost", false)
		time.Sleep(9 * time.Second) // the sandbox's longest life is ten after the deadline
		if s := w.state(p); s.Status != payment.StatusPending || !s.Open.Unknown {
			t.Errorf("while it may still arrive: %+v", s)
		}
		time.Sleep(10 * time.Second)
		if s := w.state(p); s.Status != payment.StatusFailed {
			t.Errorf("%s, want failed", s.Status)
		}
		w.balanced()
	})
}

func TestARequestThatMayArriveForLongIsReversedAfterAMinute(t *testing.T) {
	t.Parallel()
	for _, fault := range []sandbox.Fault{{DropRequest: true}, {Late: true, LateBy: 90 * time.Second}, {Late: true, LateBy: 2 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 2, longLived)
			w.faults.Add(sandbox.Match{Operation: acquirer.OperationAuthorize}, fault, 1)
			w.faults.Add(sandbox.Match{Operation: acquirer.OperationAuthorize, Inquiry: true}, sandbox.Fault{DropRequest: true}, 0)
			p := w.authorize("pm_test_visa", false)
			time.Sleep(payment.ReverseAfter - time.Second)
			if s := w.state(p); s.Status != payment.StatusPending || s.Open.Operation != acquirer.OperationAuthorize {
				t.Errorf("before the minute is over: %+v", s)
			}
			time.Sleep(4 * time.Second)
			if s, types := w.state(p), w.types(p); s.Status != payment.StatusFailed || types[payment.TypeReversalRequested] != 1 || types[payment.TypeReversed] != 1 {
				t.Errorf("%s, %v", s.Status, types)
			}
			time.Sleep(2 * time.Minute)
			w.balanced()
		})
	}
}

func TestAReversalNobodyAcknowledgesIsRepeatedAndEscalatedAfterSixFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, longLived)
		p := w.authorize("pm_test_timeout_lost", false)
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationCancel}, sandbox.Fault{DropRequest: true}, 0)
		time.Sleep(75 * time.Second)
		if s := w.state(p); s.Open == nil || s.Open.Operation != acquirer.OperationReverse || w.alarms(commands.AlarmUnresolved) != 0 {
			t.Errorf("after the first tries: %+v, %d alarms", s.Open, w.alarms(commands.AlarmUnresolved))
		}
		time.Sleep(5 * time.Minute)
		if n := w.alarms(commands.AlarmUnresolved); n != 1 {
			t.Errorf("%d alarms, want one", n)
		}
		w.faults.Clear()
		time.Sleep(payment.BackoffMax + 10*time.Second)
		if s, types := w.state(p), w.types(p); s.Status != payment.StatusFailed || types[payment.TypeReversalRequested] != 1 || types[payment.TypeReversed] != 1 {
			t.Errorf("after the acquirer healed: %s, %v", s.Status, types)
		}
		w.balanced()
	})
}

func TestCapturesAndRefundsOnlyGoForward(t *testing.T) {
	t.Parallel()
	for _, fault := range []sandbox.Fault{{DropAnswer: true}, {DropRequest: true}, {Late: true, LateBy: 5 * time.Second}, {Duplicate: true, DropAnswer: true}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 2)
			p := w.authorize("pm_test_visa", false)
			w.faults.Add(sandbox.Match{Operation: acquirer.OperationCapture}, fault, 2)
			if _, err := w.desk.Capture(t.Context(), w.call(), commands.Capture{Payment: p}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			w.faults.Add(sandbox.Match{Operation: acquirer.OperationRefund}, fault, 2)
			if _, err := w.desk.Refund(t.Context(), w.call(), commands.Refund{Payment: p}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			if s, types := w.state(p), w.types(p); s.Status != payment.StatusRefunded || types[payment.TypeCaptured] != 1 || types[payment.TypeRefundSucceeded] != 1 {
				t.Errorf("%+v: %s, %v", fault, s.Status, types)
			}
			w.balanced()
		})
	}
}

func TestACancelWhoseAnswerWasLostIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		p := w.authorize("pm_test_visa", false)
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationCancel}, sandbox.Fault{DropAnswer: true}, 1)
		if _, err := w.desk.Cancel(t.Context(), w.call(), commands.Cancel{Payment: p}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if s := w.state(p); s.Status != payment.StatusCancelled {
			t.Errorf("%s, want cancelled", s.Status)
		}
		w.balanced()
	})
}

func TestALyingAcquirerIsDoubtedAndAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.faults.Add(sandbox.Match{Operation: acquirer.OperationAuthorize}, sandbox.Fault{AmountOff: 100}, 1)
		p := w.authorize("pm_test_visa", false)
		if s := w.state(p); s.Open == nil || !s.Open.Unknown || w.alarms(commands.AlarmAnswerMismatch) != 1 {
			t.Errorf("%+v, %d alarms", s, w.alarms(commands.AlarmAnswerMismatch))
		}
		time.Sleep(5 * time.Second)
		if s := w.state(p); s.Status != payment.StatusAuthorized || s.Authorized != 5000 {
			t.Errorf("%+v", s)
		}
		w.balanced()
	})
}

func TestAnAuthorizationExpiresByTheMerchantsClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		soon, week := w.authorize("pm_test_expires_soon", false), w.authorize("pm_test_visa", false)
		time.Sleep(62 * time.Second)
		if s := w.state(soon); !s.Expired || w.types(soon)[payment.TypeAuthorizationExpired] != 1 {
			t.Errorf("after a minute: %+v", s)
		}
		if _, err := w.desk.AdvanceTestClock(t.Context(), w.call(), 7*24*time.Hour); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // the advance wakes the reaction: no tick is waited for
		if s := w.state(week); !s.Expired || w.types(week)[payment.TypeAuthorizationExpired] != 1 {
			t.Errorf("after the clock moved a week: %+v", s)
		}
		w.balanced()
	})
}

func TestWhatTheSandboxDecidesLaterComesWithTheTestClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token    string
		refund   bool
		captured int64
		refunded int64
	}{
		{"pm_test_refund_slow", true, 5000, 5000},
		{"pm_test_refund_fail", true, 5000, 0},
		{"pm_test_capture_fails", false, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 1)
			p := w.authorize(c.token, true)
			if c.refund {
				if _, err := w.desk.Refund(t.Context(), w.call(), commands.Refund{Payment: p}); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(20 * time.Second)
			if _, err := w.desk.AdvanceTestClock(t.Context(), w.call(), time.Minute); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			if s := w.state(p); s.Captured != c.captured || s.AmountRefunded() != c.refunded || len(s.Intents()) > 0 {
				t.Errorf("%s: %+v", c.token, s)
			}
			w.balanced()
		})
	}
}

func TestAnOutageHoldsUpNobodyForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.faults.Add(sandbox.Match{}, sandbox.Fault{DropAnswer: true}, 0)
		w.faults.Add(sandbox.Match{Inquiry: true}, sandbox.Fault{DropRequest: true}, 0)
		for range 9 { // one more opens the breaker
			go func() {
				wish := commands.Authorize{Amount: money.Of(5000, "eur"), PaymentMethod: "pm_test_visa"}
				if _, err := w.desk.Authorize(t.Context(), w.call(), wish); err != nil {
					t.Errorf("authorize: %v", err)
				}
			}()
		}
		time.Sleep(40 * time.Second)
		w.faults.Clear()
		time.Sleep(time.Minute)
		for _, s := range w.model.states(t.Context()) {
			if len(s.Intents()) > 0 {
				t.Errorf("%s is still in doubt a minute after the acquirer healed", s.ID)
			}
		}
		w.balanced()
	})
}

// TestAfterALongOutageNobodyInDoubtWaitsForMoreThanAMinute: those whom the breaker
// kept back have not tried, and do not back off.
func TestAfterALongOutageNobodyInDoubtWaitsForMoreThanAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		var held []id.Payment
		for range 40 {
			held = append(held, w.authorize("pm_test_visa", false))
		}
		w.faults.Add(sandbox.Match{}, sandbox.Fault{DropRequest: true}, 0)
		w.faults.Add(sandbox.Match{Inquiry: true}, sandbox.Fault{DropRequest: true}, 0)
		for _, p := range held {
			go func() {
				if _, err := w.desk.Capture(t.Context(), w.call(), commands.Capture{Payment: p}); err != nil {
					t.Errorf("capture: %v", err)
				}
			}()
		}
		time.Sleep(20 * time.Minute)
		w.faults.Clear()
		time.Sleep(time.Minute)
		for _, s := range w.model.states(t.Context()) {
			if len(s.Intents()) > 0 {
				t.Errorf("%s is still in doubt a minute after the acquirer healed", s.ID)
			}
		}
		w.balanced()
	})
}

// TestABacklogHidesNothingBehindIt: what is in doubt for long stays due, and a turn is
// bounded; the next goes on where it ended.
func TestABacklogHidesNothingBehindIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		backlog := &endless{seen: map[time.Time]bool{}}
		watch := reactions.New(reactions.Config{Payments: backlog, Notes: &patient{}, Ahead: &memoryModel{}, Lanes: []int{0}})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go watch.Run(ctx)
		time.Sleep(1500 * time.Millisecond) // two turns
		stop()
		synctest.Wait()
		if len(backlog.seen) != 80 {
			t.Errorf("two turns saw %d pages, want 80", len(backlog.seen))
		}
	})
}

// endless has a full page behind every other.
type endless struct{ seen map[time.Time]bool }

func (e *endless) DueAfter(_ context.Context, _ int, _ time.Time, after payments.Due, limit int) ([]payments.Due, error) {
	e.seen[after.DueAt] = true
	page := make([]payments.Due, limit)
	for i := range page {
		page[i].DueAt = after.DueAt.Add(time.Duration(i+1) * time.Microsecond)
	}
	return page, nil
}

// patient has every payment wait.
type patient struct{ reactions.Notes }

func (patient) Waiting(_ context.Context, ids []id.Payment, _ time.Time) (map[id.Payment]bool, error) {
	waiting := map[id.Payment]bool{}
	for _, p := range ids {
		waiting[p] = true
	}
	return waiting, nil
}

// TestOneMerchantsTroubleIsItsOwn: the first clock in line cannot be read.
func TestOneMerchantsTroubleIsItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := &troubledFirst{merchants: []id.Merchant{id.From[id.Merchant]([16]byte{1}), id.From[id.Merchant]([16]byte{2})}}
		watch := reactions.New(reactions.Config{Payments: nothingDue{}, Notes: &patient{}, Ahead: queue, Lanes: []int{0}})
		ctx, stop := context.WithCancel(t.Context())
		go watch.Run(ctx)
		synctest.Wait()
		stop()
		synctest.Wait()
		if len(queue.forgotten) != 1 || queue.forgotten[0] != queue.merchants[1] {
			t.Errorf("forgotten %v, want the second", queue.forgotten)
		}
	})
}

type nothingDue struct{}

func (nothingDue) DueAfter(context.Context, int, time.Time, payments.Due, int) ([]payments.Due, error) {
	return nil, nil
}

type troubledFirst struct {
	reactions.Ahead
	merchants, forgotten []id.Merchant
}

func (q *troubledFirst) Moved(context.Context, int, id.Merchant, int) (all []reactions.Moved, _ error) {
	for _, m := range q.merchants {
		all = append(all, reactions.Moved{Merchant: m})
	}
	return all, nil
}

func (q *troubledFirst) Offset(_ context.Context, m id.Merchant) (time.Duration, error) {
	if m == q.merchants[0] {
		return 0, context.DeadlineExceeded
	}
	return 0, nil
}

func (q *troubledFirst) Forget(_ context.Context, m id.Merchant) error {
	q.forgotten = append(q.forgotten, m)
	return nil
}
