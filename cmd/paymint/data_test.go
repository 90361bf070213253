package main_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

func TestDataCommandsWorkBesideAServerAndWithoutOne(t *testing.T) {
	t.Parallel()
	p := up(t, embeddedDir(t))
	id := p.authorize(201, "pm_test_visa", "").str("id")
	p.must(200, "POST", "/v1/payments/"+id+"/capture", uuid.NewString(), `{"amount":800}`)
	p.authorize(402, "pm_test_declined", "")
	p.eventually("/v1/payments?status=captured", func(a answer) bool { return len(list(a)) == 1 })

	looksAfter(t, p.dir, id)
	p.stop()
	looksAfter(t, p.dir, id)
}

// looksAfter runs every command that reads, on a log with one captured and one
// declined payment.
func looksAfter(t *testing.T, dir, captured string) {
	t.Helper()
	report := jsonOf(t, "verify", "--data-dir", dir, "--json")
	if report["passed"] != true || report["in_doubt"] != 0.0 || len(report["invariants"].([]any)) != 7 {
		t.Errorf("verify: %v", report)
	}
	if out := mustRun(t, "verify", "--data-dir", dir); strings.Count(out, "✓") != 7 || !strings.Contains(out, "everything holds") {
		t.Errorf("verify said:\n%s", out)
	}
	looksAtEvents(t, dir, captured)

	totals := jsonOf(t, "replay", "--data-dir", dir, "--until", time.Now().Add(time.Hour).Format(time.RFC3339), "--json")["totals"].([]any)
	if len(totals) != 2 {
		t.Fatalf("replay: %v", totals)
	}
	line := totals[0].(map[string]any)
	if line["status"] != "captured" || line["payments"] != 1.0 || line["authorized"] != 1000.0 || line["captured"] != 800.0 || line["released"] != 200.0 {
		t.Errorf("replay: %v", line)
	}
	if then := jsonOf(t, "replay", "--data-dir", dir, "--until", "2020-01-01", "--json"); len(then["totals"].([]any)) != 0 {
		t.Errorf("replay until 2020: %v", then)
	}
	if one := jsonOf(t, "replay", "--data-dir", dir, "--until", "0.1000", "--payment", captured); one["status"] != "captured" || one["id"] != captured {
		t.Errorf("replay of one payment: %v", one)
	}

	if status := jsonOf(t, "migrate", "--data-dir", dir, "--status", "--json"); status["waiting"] != 0.0 || len(status["files"].([]any)) == 0 {
		t.Errorf("migrate --status: %v", status)
	}
	if again := jsonOf(t, "migrate", "--data-dir", dir, "--json"); len(again["applied"].([]any)) != 0 {
		t.Errorf("migrate a second time: %v", again)
	}
	if health := jsonOf(t, "doctor", "--data-dir", dir, "--json"); health["passed"] != true {
		t.Errorf("doctor: %v", health)
	}
}

func looksAtEvents(t *testing.T, dir, captured string) {
	t.Helper()
	all := linesOf(mustRun(t, "events", "--data-dir", dir, "--json"))
	for i, line := range all {
		if e := decoded(t, line); e["position"] != "0."+strconv.Itoa(i+1) {
			t.Fatalf("line %d of events is %s", i+1, line)
		}
	}
	of := linesOf(mustRun(t, "events", "--data-dir", dir, "--payment", captured, "--json"))
	var types []string
	for _, line := range of {
		types = append(types, decoded(t, line)["type"].(string))
	}
	if want := "payment.authorization_requested payment.authorized payment.capture_requested payment.captured payment.authorization_released"; strings.Join(types, " ") != want {
		t.Errorf("events of the payment: %v", types)
	}
	for _, count := range []struct {
		flags []string
		want  int
	}{
		{nil, len(all)},
		{[]string{"--limit", "3"}, 3},
		{[]string{"--tail", "4"}, 4},
		{[]string{"--after", "0." + strconv.Itoa(len(all)-2)}, 2},
		{[]string{"--type", "payment.authorization_requested"}, 2},
		{[]string{"--type", "merchant.*"}, 2},
		{[]string{"--since", "2020-01-01"}, len(all)},
		{[]string{"--since", time.Now().Add(time.Hour).Format(time.RFC3339)}, 0},
		{[]string{"--until", "2020-01-01"}, 0},
	} {
		if got := linesOf(mustRun(t, append([]string{"events", "--data-dir", dir}, count.flags...)...)); len(got) != count.want {
			t.Errorf("events %v printed %d lines, want %d", count.flags, len(got), count.want)
		}
	}
	file := filepath.Join(t.TempDir(), "export.jsonl")
	mustRun(t, "events", "--data-dir", dir, "--output", file)
	if exported, err := os.ReadFile(file); err != nil || strings.Join(linesOf(string(exported)), "\n") != strings.Join(all, "\n") {
		t.Errorf("export (%v) differs from --json", err)
	}
}

func TestFollowingPrintsEventsAsTheyHappen(t *testing.T) {
	t.Parallel()
	p := up(t, embeddedDir(t))
	p.authorize(201, "pm_test_visa", "")
	ctx, stop := context.WithCancel(t.Context())
	command := exec.CommandContext(ctx, binary, "events", "--data-dir", p.dir, "--follow", "--type", "payment.authorized", "--tail", "1")
	seen := &lockedBuffer{}
	command.Stdout, command.Stderr = seen, seen
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	wait := func(text string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !strings.Contains(seen.String(), text); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%q was not printed:\n%s", text, seen.String())
			}
		}
	}
	wait("payment.authorized") // the one before, by --tail: it follows now
	id := p.authorize(201, "pm_test_visa", "").str("id")
	wait(id)
	stop()
	if err := command.Wait(); err != nil && ctx.Err() == nil {
		t.Errorf("Ctrl-C ended it with %v:\n%s", err, seen.String())
	}
}

func TestVerifyFailsOnceARowWasChanged(t *testing.T) {
	t.Parallel()
	p := up(t, embeddedDir(t))
	id := p.authorize(201, "pm_test_visa", "").str("id")
	p.eventually("/v1/payments", func(a answer) bool { return len(list(a)) == 1 })
	p.stop()
	p = up(t, p.dir)

	var running struct {
		OwnerURL string `json:"owner_url"`
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "run.json"))
	if err == nil {
		err = json.Unmarshal(text, &running)
	}
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), running.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), `UPDATE payments SET amount = amount + 1`); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, err := paymint(t, nil, "verify", "--data-dir", p.dir)
	if err == nil || !strings.Contains(stdout, "✗ I6") || !strings.Contains(stdout, id) || stderr != "" {
		t.Errorf("verify: %v\n%s%s", err, stdout, stderr)
	}
	if stdout, _, err := paymint(t, nil, "rebuild", "--verify", "payments", "--data-dir", p.dir); err == nil {
		t.Errorf("rebuild --verify found nothing:\n%s", stdout)
	}
	if rebuilt := jsonOf(t, "rebuild", "payments", "--data-dir", p.dir, "--json"); rebuilt["passed"] != true || rebuilt["events"] == 0.0 {
		t.Errorf("rebuild: %v", rebuilt)
	}
	mustRun(t, "verify", "--full", "--data-dir", p.dir)
}

func mustRun(t *testing.T, arguments ...string) string {
	t.Helper()
	stdout, stderr, err := paymint(t, nil, arguments...)
	if err != nil {
		t.Fatalf("paymint %s: %v\n%s\n%s", strings.Join(arguments, " "), err, stdout, stderr)
	}
	return stdout
}

func jsonOf(t *testing.T, arguments ...string) map[string]any {
	t.Helper()
	return decoded(t, mustRun(t, arguments...))
}

func decoded(t *testing.T, text string) (object map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return object
}

func linesOf(text string) []string {
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
