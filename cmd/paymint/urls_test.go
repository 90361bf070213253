package main_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/paymint/paymint/eventstore/embedded"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
)

func TestDataCommandsWorkOnTheURLsOfTheEnvironment(t *testing.T) {
	t.Parallel()
	nats, err := embedded.StartNATS(embedded.NATSOptions{Dir: t.TempDir(), Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nats.Stop() })
	environment := []string{"DATABASE_URL=" + embeddedtest.Database(t, nil), "NATS_URL=" + nats.ClientURL()}

	if _, stderr, err := paymint(t, environment, "verify"); err == nil || !strings.Contains(stderr, "paymint migrate") {
		t.Errorf("verify without a schema: %v, %s", err, stderr)
	}
	stdout, stderr, err := paymint(t, environment, "migrate", "--json")
	if applied, _ := decoded(t, stdout)["applied"].([]any); err != nil || len(applied) == 0 {
		t.Fatalf("migrate: %v\n%s%s", err, stdout, stderr)
	}
	if stdout, stderr, err := paymint(t, environment, "verify", "--json"); err != nil || decoded(t, stdout)["passed"] != true {
		t.Errorf("verify: %v\n%s%s", err, stdout, stderr)
	}
	if stdout, stderr, err := paymint(t, environment, "events"); err != nil || stdout != "" {
		t.Errorf("events of an empty log: %v\n%s%s", err, stdout, stderr)
	}

	// The cluster of tests gives durability up for speed: exactly what doctor is for.
	stdout, _, err = paymint(t, environment, "doctor", "--json")
	if failed := failures(t, stdout); err == nil || len(failed) != 1 || !strings.Contains(failed["durability"], "fsync = off") {
		t.Errorf("doctor on a throwaway cluster: %v, failures %v", err, failed)
	}
}

func TestDoctorSaysWhatIsOutOfReach(t *testing.T) {
	t.Parallel()
	const nowhere = "127.0.0.1:1"
	stdout, _, err := paymint(t, []string{"DATABASE_URL=postgres://paymint@" + nowhere + "/paymint", "NATS_URL=nats://" + nowhere}, "doctor", "--json")
	if failed := failures(t, stdout); err == nil || failed["database"] == "" {
		t.Errorf("doctor without a database: %v, failures %v", err, failed)
	}
	environment := []string{"DATABASE_URL=" + embeddedtest.Database(t, nil), "NATS_URL=nats://" + nowhere}
	if _, stderr, err := paymint(t, environment, "migrate"); err != nil {
		t.Fatalf("migrate needs no NATS: %v\n%s", err, stderr)
	}
	stdout, _, err = paymint(t, environment, "doctor", "--json")
	if failed := failures(t, stdout); err == nil || failed["nats"] == "" {
		t.Errorf("doctor without NATS: %v, failures %v", err, failed)
	}
	if _, stderr, err := paymint(t, environment, "verify"); err == nil || !strings.Contains(stderr, "paymint doctor") {
		t.Errorf("verify without NATS: %v, %s", err, stderr)
	}
}

// failures are what an examination found failing, by name; each says what to do.
func failures(t *testing.T, report string) map[string]string {
	t.Helper()
	var examination struct {
		Findings []struct{ Name, Level, Says, Next string }
	}
	if err := json.Unmarshal([]byte(report), &examination); err != nil {
		t.Fatalf("%v: %s", err, report)
	}
	failed := map[string]string{}
	for _, f := range examination.Findings {
		if f.Level != "ok" && f.Next == "" {
			t.Errorf("%s says %q and not what to do", f.Name, f.Says)
		}
		if f.Level == "fail" {
			failed[f.Name] = f.Says
		}
	}
	return failed
}
