package main_test

import (
	"sync"
	"testing"

	"github.com/google/uuid"
)

// Every behaviour of the sandbox, followed by every verb, and the clock moved over all
// that comes later: whatever happened, the invariants hold once nothing is in doubt.
func TestEverythingHoldsAfterEveryCardWasUsed(t *testing.T) {
	t.Parallel()
	p := up(t, embeddedDir(t))
	for _, card := range cards {
		for _, at := range []string{`,"capture":true`, ``} {
			id := p.authorize(card.httpStatus, card.token, at).str("id")
			if card.httpStatus != 201 {
				continue
			}
			for _, act := range []struct{ verb, body string }{{"capture", `{"amount":300}`}, {"refunds", `{"amount":100}`}, {"cancel", ""}, {"refunds", ""}} {
				if _, err := p.call("POST", "/v1/payments/"+id+"/"+act.verb, uuid.NewString(), act.body); err != nil {
					t.Fatal(err) // refused or not is the domain's business; an answer there is
				}
			}
		}
	}
	var silent sync.WaitGroup // these take the whole time-out
	for _, token := range []string{"pm_test_timeout_approved", "pm_test_timeout_lost"} {
		for _, at := range []string{`,"capture":true`, ``} {
			silent.Go(func() {
				body := `{"amount":1000,"currency":"eur","payment_method_id":"` + token + `"` + at + `}`
				if a, err := p.call("POST", "/v1/payments", uuid.NewString(), body); err != nil || a.str("status") != "pending" {
					t.Errorf("%s: %v, %s", token, err, a.raw)
				}
			})
		}
	}
	silent.Wait()
	// Some are in doubt now, which is no violation.
	if report := jsonOf(t, "verify", "--data-dir", p.dir, "--json"); report["passed"] != true || report["in_doubt"] == 0.0 {
		t.Errorf("verify while some are in doubt: %v", report)
	}
	for range 3 {
		p.must(200, "POST", "/v1/test_clock/advance", "", `{"seconds":700000}`)
	}
	verifyLive(t, p.dir)
}
