package main_test

import (
	"context"
	"net/url"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore/embedded"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/migrations"
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

func TestVerifyNeedsALoginThatReadsAndNoMore(t *testing.T) {
	t.Parallel()
	nats, err := embedded.StartNATS(embedded.NATSOptions{Dir: t.TempDir(), Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nats.Stop() })
	reader := loginOf(t, embeddedtest.Database(t, migrations.Up), "paymint_auditor")
	stdout, stderr, err := paymint(t, []string{"DATABASE_URL=" + reader, "NATS_URL=" + nats.ClientURL()}, "verify", "--json")
	if err != nil || decoded(t, stdout)["passed"] != true {
		t.Errorf("verify as an auditor: %v\n%s%s", err, stdout, stderr)
	}
}

// loginOf makes a login with one role and gives the database's URL for it.
func loginOf(t *testing.T, database, role string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	name := pgx.Identifier{role + "_" + uuid.NewString()}.Sanitize() // logins are the server's, not the database's
	if _, err := conn.Exec(t.Context(), `CREATE ROLE `+name+` LOGIN PASSWORD 'test' IN ROLE `+role); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), `DROP ROLE `+name); err != nil {
			t.Error(err)
		}
	})
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(name[1:len(name)-1], "test")
	return address.String()
}
