package main_test

import (
	"strings"
	"testing"

	"github.com/paymint/paymint/eventstore/embedded"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
)

// TestEveryRoleRunsInAProcessOfItsOwn has nothing run that could do a role's work for
// it: one process per role, and services that no Paymint lives in.
func TestEveryRoleRunsInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	environment := clusterOf(t)
	if _, stderr, err := paymint(t, environment, "migrate"); err != nil {
		t.Fatalf("migrate: %v\n%s", err, stderr)
	}
	api := serveRole(t, environment, "api")
	for _, role := range []string{"relay", "projector", "reactor"} {
		serveRole(t, environment, role)
	}
	stdout, stderr, err := paymint(t, environment, "merchant", "create", "--name", "Shop", "--json")
	if err != nil {
		t.Fatalf("merchant create: %v\n%s", err, stderr)
	}
	shop := decoded(t, stdout)
	api.dev.SecretKey, _ = shop["secret_key"].(string)
	waitFor(t, func() bool { // relay and projector carry the keys to where the API looks
		a, err := api.call("GET", "/v1/payments", "", "")
		return err == nil && a.status == 200
	})

	id := api.authorize(201, "pm_test_visa", "").str("id")
	api.eventually("/v1/payments?status=authorized", func(a answer) bool { return len(list(a)) == 1 && list(a)[0]["id"] == id })
	inDoubt := api.authorize(201, "pm_test_timeout_approved", "")
	if inDoubt.str("status") != "pending" {
		t.Fatalf("got %s", inDoubt.raw)
	}
	api.eventually("/v1/payments/"+inDoubt.str("id"), func(a answer) bool { return a.str("status") == "authorized" }) // the reactor
	api.eventually("/v1/payments?status=authorized", func(a answer) bool { return len(list(a)) == 2 })
	verifySettled(t, environment)
}

func TestKeysOfAClusterAreMadeUnderTheServersPepper(t *testing.T) {
	t.Parallel()
	environment := clusterOf(t)
	if _, stderr, err := paymint(t, environment, "migrate"); err != nil {
		t.Fatalf("migrate: %v\n%s", err, stderr)
	}
	for _, command := range [][]string{{"merchant", "create", "--name", "Shop"}, {"merchant", "platform-key"}} {
		_, stderr, err := paymint(t, append(environment, "PAYMINT_PEPPER="), command...)
		if err == nil || !strings.Contains(stderr, "PAYMINT_PEPPER") {
			t.Errorf("%v without the pepper: %v, %s", command, err, stderr)
		}
	}
	stdout, stderr, err := paymint(t, environment, "merchant", "platform-key", "--json")
	if key, _ := decoded(t, stdout)["platform_key"].(string); err != nil || !strings.HasPrefix(key, "sk_test_") {
		t.Fatalf("platform-key: %v\n%s%s", err, stdout, stderr)
	}
	if stdout, stderr, err := paymint(t, environment, "events", "--type", "api_key.*"); err != nil || len(linesOf(stdout)) != 1 {
		t.Errorf("events after one key: %v\n%s%s", err, stdout, stderr)
	}
}

// clusterOf is an empty database, an empty NATS, and what servers on them share.
func clusterOf(t *testing.T) []string {
	t.Helper()
	bus, err := embedded.StartNATS(embedded.NATSOptions{Dir: t.TempDir(), Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Stop() })
	return []string{
		"DATABASE_URL=" + embeddedtest.Database(t, nil), "NATS_URL=" + bus.ClientURL(), "PAYMINT_LISTEN=127.0.0.1:0", "PAYMINT_NO_RATE_LIMITS=true",
		"PAYMINT_PEPPER=" + strings.Repeat("pepper", 8), "PAYMINT_CURSOR_KEY=" + strings.Repeat("cursor", 8),
	}
}

func serveRole(t *testing.T, environment []string, role string) *process {
	t.Helper()
	p := launch(t, t.TempDir(), environment, "serve", "--role", role)
	p.dev.BaseURL = "http://" + p.awaitAddress()
	waitFor(t, func() bool {
		a, err := client.Get(p.dev.BaseURL + "/readyz")
		return err == nil && closed(a).StatusCode == 200
	})
	return p
}
