package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// killRounds is how often the server dies in one test run; PAYMINT_FAULT_ROUNDS, which
// scripts/faults.sh sets, raises it for a soak.
func killRounds() int {
	if n, err := strconv.Atoi(os.Getenv("PAYMINT_FAULT_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 5
}

// attempt is one idempotency key as a careful merchant's server keeps it: it is
// retried under the same key until it is answered.
type attempt struct {
	key, body string
	payment   string // of the first acknowledged answer
	status    int
	amount    int64
	captured  int64 // acknowledged; 0: nobody was told
	refunded  int64
}

func TestKillUnderLoadLosesNothingAcknowledgedAndDoublesNothing(t *testing.T) {
	t.Parallel()
	dir := embeddedDir(t)
	p := up(t, dir)
	var attempts []*attempt
	for round := range killRounds() {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan []*attempt)
		go func() { done <- hammer(ctx, p, 16) }()
		time.Sleep(time.Duration(300+rand.IntN(1200)) * time.Millisecond) // the random moment
		p.kill()
		cancel()
		attempts = append(attempts, <-done...)
		start := time.Now()
		p = up(t, dir)
		t.Logf("kill %d: ready again after %s, %d attempts so far", round+1, time.Since(start).Round(time.Millisecond), len(attempts))
	}
	settleAll(t, p, attempts)
	checkAttempts(t, p, attempts)
	verifyLive(t, dir)
}

// hammer authorizes, captures and refunds from n callers until ctx ends or the server is gone.
func hammer(ctx context.Context, p *process, n int) []*attempt {
	var mu sync.Mutex
	var attempts []*attempt
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			for ctx.Err() == nil {
				a := newAttempt()
				mu.Lock()
				attempts = append(attempts, a)
				mu.Unlock()
				if !a.try(p) {
					return
				}
				a.captureAndRefund(p)
			}
		})
	}
	callers.Wait()
	return attempts
}

func newAttempt() *attempt {
	amount := 100 + rand.Int64N(9000)
	return &attempt{key: uuid.NewString(), amount: amount, body: fmt.Sprintf(`{"amount":%d,"currency":"eur","payment_method_id":"pm_test_visa"}`, amount)}
}

const refundAmount = 50

// captureAndRefund asks once for each and remembers what it was told.
func (a *attempt) captureAndRefund(p *process) {
	if answer, err := p.call("POST", "/v1/payments/"+a.payment+"/capture", uuid.NewString(), ""); err == nil && answer.status == 200 {
		a.captured = answer.num("amount_captured")
	}
	if answer, err := p.call("POST", "/v1/payments/"+a.payment+"/refunds", uuid.NewString(), fmt.Sprintf(`{"amount":%d}`, refundAmount)); err == nil &&
		answer.status == 201 && answer.str("status") == "succeeded" {
		a.refunded = answer.num("amount")
	}
}

// keeps reports whether found still says what the attempt was told. What nobody was
// told of happened or did not; never in part, never twice.
func (a *attempt) keeps(found map[string]any) bool {
	captured, _ := found["amount_captured"].(float64)
	refunded, _ := found["amount_refunded"].(float64)
	return (int64(captured) == a.captured || a.captured == 0 && int64(captured) == a.amount) &&
		(int64(refunded) == a.refunded || a.refunded == 0 && int64(refunded) == refundAmount)
}

// try makes the attempt once and reports whether it was acknowledged. A request that a
// kill kept from the network ends as never arrived; who retries late learns just that.
func (a *attempt) try(p *process) bool {
	answer, err := p.call("POST", "/v1/payments", a.key, a.body)
	id, status := answer.str("id"), answer.status
	if status == 402 && answer.str("error", "code") == "never_arrived" {
		id = answer.str("error", "payment", "id")
	} else if err != nil || status != 201 {
		return false
	}
	if a.payment == "" {
		a.payment, a.status = id, status
	} else if a.payment != id || a.status != status {
		p.t.Errorf("key %s: first %d with payment %s, then %d with %s", a.key, a.status, a.payment, status, id)
	}
	return true
}

// settleAll retries every attempt under its key, as merchants do.
func settleAll(t *testing.T, p *process, attempts []*attempt) {
	t.Helper()
	work := make(chan *attempt)
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for a := range work {
				deadline := time.Now().Add(30 * time.Second)
				for !a.try(p) {
					if time.Now().After(deadline) {
						t.Errorf("key %s was never answered", a.key)
						break
					}
					time.Sleep(200 * time.Millisecond) // Retry-After of a key in use
				}
			}
		})
	}
	for _, a := range attempts {
		work <- a
	}
	close(work)
	callers.Wait()
}

// checkAttempts finds each acknowledged payment, once, by its key.
func checkAttempts(t *testing.T, p *process, attempts []*attempt) {
	t.Helper()
	seen := map[string]string{}
	var captured, refunded int64
	for _, a := range attempts {
		if other := seen[a.payment]; other != "" {
			t.Errorf("payment %s answers keys %s and %s", a.payment, other, a.key)
		}
		seen[a.payment] = a.key
		found := p.eventually("/v1/payments?idempotency_key="+a.key, func(l answer) bool { return len(list(l)) > 0 })
		if items := list(found); len(items) != 1 || items[0]["id"] != a.payment {
			t.Errorf("key %s: want payment %s once, got %s", a.key, a.payment, found.raw)
		}
		if now := p.must(200, "GET", "/v1/payments/"+a.payment, "", ""); !a.keeps(now.body) {
			t.Errorf("payment %s: acknowledged were %d captured and %d refunded, now it is %s", a.payment, a.captured, a.refunded, now.raw)
		}
		captured, refunded = captured+min(a.captured, 1), refunded+min(a.refunded, 1)
	}
	if captured == 0 || refunded == 0 {
		t.Errorf("%d captures and %d refunds were acknowledged: nothing was tested", captured, refunded)
	}
	t.Logf("%d attempts, each one payment; %d captures and %d refunds acknowledged", len(attempts), captured, refunded)
}

func list(a answer) (items []map[string]any) {
	data, _ := a.at("data").([]any)
	for _, item := range data {
		if object, ok := item.(map[string]any); ok {
			items = append(items, object)
		}
	}
	return items
}

// verifyLive has `paymint verify` check the invariants until nothing is in doubt any more.
func verifyLive(t *testing.T, dir string) {
	t.Helper()
	verifySettled(t, nil, "--data-dir", dir)
}

func verifySettled(t *testing.T, environment []string, flags ...string) {
	t.Helper()
	var stdout, stderr string
	var err error
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(time.Second) {
		stdout, stderr, err = paymint(t, environment, append([]string{"verify", "--json"}, flags...)...)
		var report struct {
			InDoubt int  `json:"in_doubt"`
			Passed  bool `json:"passed"`
		}
		if json.Unmarshal([]byte(stdout), &report) == nil && err == nil && report.Passed && report.InDoubt == 0 {
			return
		}
	}
	t.Fatalf("verify: %v\n%s\n%s", err, tailOf(stdout, 4<<10), stderr)
}
