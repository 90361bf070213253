package sandbox_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/gateways/sandbox"
)

// faulty is a gateway under a plan of one fault for every authorization.
func faulty(fault sandbox.Fault) (*sandbox.Gateway, *sandbox.Memory) {
	plan := &sandbox.FaultPlan{}
	plan.Add(sandbox.Match{Operation: acquirer.OperationAuthorize}, fault, 0)
	book := sandbox.NewMemory()
	return sandbox.New(sandbox.Config{Book: book, Faults: plan.Fault}), book
}

func authorizeFor(t *testing.T, g *sandbox.Gateway, a acquirer.Authorize, patience time.Duration) (acquirer.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return g.Authorize(ctx, a)
}

func TestEachFaultDoesWhatItSays(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault    sandbox.Fault
		answered bool
		notSent  bool
		held     int64
	}{
		"none":           {sandbox.Fault{}, true, false, 1001},
		"down":           {sandbox.Fault{Down: true}, false, true, 0},
		"drop request":   {sandbox.Fault{DropRequest: true}, false, false, 0},
		"drop answer":    {sandbox.Fault{DropAnswer: true}, false, false, 1001},
		"duplicate":      {sandbox.Fault{Duplicate: true}, true, false, 1001},
		"delay":          {sandbox.Fault{Delay: time.Second}, true, false, 1001},
		"too much delay": {sandbox.Fault{Delay: time.Minute}, false, false, 1001},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				gateway, book := faulty(test.fault)
				a := authorization("pm_test_visa")
				answer, err := authorizeFor(t, gateway, a, networkTimeout)
				if (err == nil) != test.answered || errors.Is(err, acquirer.ErrNotSent) != test.notSent {
					t.Errorf("got %+v and error %v", answer, err)
				}
				wantTotal(t, book, a.Payment, test.held, 0, 0)
			})
		})
	}
}

func TestALateRequestArrivesAfterItsCallerGaveUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gateway, book := faulty(sandbox.Fault{Late: true, LateBy: 2 * time.Second})
		a := authorization("pm_test_visa")
		if _, err := authorizeFor(t, gateway, a, networkTimeout); err == nil {
			t.Fatal("answered, want silence")
		}
		inquired(t, gateway, a.Reference, noon, acquirer.NotFound)
		gateway.Wait()
		inquired(t, gateway, a.Reference, noon, acquirer.Approved)
		wantTotal(t, book, a.Payment, 1001, 0, 0)
	})
}

func TestAReversalOvertakesTheLateRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gateway, book := faulty(sandbox.Fault{Late: true, LateBy: 2 * time.Second})
		a := authorization("pm_test_visa")
		if _, err := authorizeFor(t, gateway, a, networkTimeout); err == nil {
			t.Fatal("answered, want silence")
		}
		answered(t, gateway.Cancel, cancelOf(a), acquirer.Approved)
		gateway.Wait()
		inquired(t, gateway, a.Reference, noon, acquirer.Reversed)
		wantTotal(t, book, a.Payment, 0, 0, 0)
	})
}

func TestALyingAnswerDiffersFromTheBook(t *testing.T) {
	t.Parallel()
	gateway, book := faulty(sandbox.Fault{AmountOff: 1, Reference: newReference()})
	a := authorization("pm_test_visa")
	answer := answered(t, gateway.Authorize, a, acquirer.Approved)
	if answer.Amount != euro(1002) || answer.Reference == a.Reference {
		t.Errorf("got %+v, want a wrong amount and reference", answer)
	}
	wantTotal(t, book, a.Payment, 1001, 0, 0)
	if honest := inquired(t, gateway, a.Reference, noon, acquirer.Approved); honest.Amount != a.Amount {
		t.Errorf("the inquiry lies too: %+v", honest)
	}
}

func TestAPlanPicksByReferencePaymentHandleAndTimes(t *testing.T) {
	t.Parallel()
	plan, down := &sandbox.FaultPlan{}, sandbox.Fault{Down: true}
	call := sandbox.Call{Operation: acquirer.OperationAuthorize, Reference: newReference(), Payment: newPayment(), Handle: "pm_test_visa"}
	picks := func(c sandbox.Call) bool { return plan.Fault(t.Context(), c) == down }
	for name, match := range map[string]sandbox.Match{
		"reference": {Reference: call.Reference}, "payment": {Payment: call.Payment}, "handle": {Handle: call.Handle}, "operation": {Operation: call.Operation},
	} {
		plan.Clear()
		plan.Add(match, down, 2)
		other := sandbox.Call{Operation: acquirer.OperationRefund, Reference: newReference(), Payment: newPayment()}
		inquiry := call
		inquiry.Inquiry = true
		if picks(other) || picks(inquiry) {
			t.Errorf("%s: another call was picked", name)
		}
		for n, want := range []bool{true, true, false} {
			if picks(call) != want {
				t.Errorf("%s: call %d picked is %t, want two and no more", name, n+1, !want)
			}
		}
	}
}

func TestInquiriesCanFailToo(t *testing.T) {
	t.Parallel()
	plan := &sandbox.FaultPlan{}
	plan.Add(sandbox.Match{Inquiry: true}, sandbox.Fault{Down: true}, 1)
	gateway := sandbox.New(sandbox.Config{Book: sandbox.NewMemory(), Faults: plan.Fault})
	if _, err := gateway.Inquire(t.Context(), acquirer.Inquire{Reference: newReference()}); !errors.Is(err, acquirer.ErrNotSent) {
		t.Errorf("got %v, want acquirer.ErrNotSent", err)
	}
	inquired(t, gateway, newReference(), noon, acquirer.NotFound)
}

func TestLatenciesKeepTheirMarksAndTheirSeed(t *testing.T) {
	t.Parallel()
	shape := sandbox.Latency{Min: time.Millisecond, P50: 20 * time.Millisecond, P95: 80 * time.Millisecond, P99: 200 * time.Millisecond, Max: time.Second}
	one, two := shape.Draw(rand.New(rand.NewPCG(1, 2)).Int64N), shape.Draw(rand.New(rand.NewPCG(1, 2)).Int64N)
	const draws = 20_000
	below := map[time.Duration]int{}
	for range draws {
		latency := one(sandbox.Call{})
		if again := two(sandbox.Call{}); again != latency {
			t.Fatalf("same seed, %s and %s", latency, again)
		}
		if latency < shape.Min || latency > shape.Max {
			t.Fatalf("%s is out of bounds", latency)
		}
		for _, mark := range []time.Duration{shape.P50, shape.P95, shape.P99} {
			if latency <= mark {
				below[mark]++
			}
		}
	}
	for mark, percent := range map[time.Duration]int{shape.P50: 50, shape.P95: 95, shape.P99: 99} {
		if got := below[mark] * 100 / draws; got < percent-2 || got > percent+1 {
			t.Errorf("%d %% of the calls stay below %s, want %d %%", got, mark, percent)
		}
	}
}

func TestALatencyPassesBeforeTheRequestArrives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		book := sandbox.NewMemory()
		gateway := sandbox.New(sandbox.Config{Book: book, Latency: func(sandbox.Call) time.Duration { return 2 * time.Second }})
		a := authorization("pm_test_visa")
		began := time.Now()
		answered(t, gateway.Authorize, a, acquirer.Approved)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %s, want 2 s", took)
		}
		b := authorization("pm_test_visa")
		if _, err := authorizeFor(t, gateway, b, time.Second); err == nil {
			t.Error("answered before it arrived")
		}
		wantTotal(t, book, b.Payment, 0, 0, 0)
	})
}
