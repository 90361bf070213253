package main_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore/embedded"
)

func TestCtrlCEndsAllChildrenAndTheNextStartFindsAllData(t *testing.T) {
	t.Parallel()
	dir := embeddedDir(t)
	first := up(t, dir)
	id := first.authorize(201, "pm_test_visa", "").str("id")
	children := childrenOf(t, first.command.Process.Pid)
	if len(children) == 0 {
		t.Fatal("no child processes: where is PostgreSQL?")
	}
	first.stop()
	for _, pid := range children {
		eventuallyGone(t, pid)
	}
	if first.command.ProcessState.ExitCode() != 0 {
		t.Errorf("exit code %d after Ctrl-C:\n%s", first.command.ProcessState.ExitCode(), first.output)
	}
	start := time.Now()
	second := up(t, dir)
	t.Logf("warm start to first answer: %s", time.Since(start).Round(time.Millisecond))
	if a := second.must(200, "GET", "/v1/payments/"+id, "", ""); a.str("status") != "authorized" {
		t.Errorf("after the restart: %s", a.raw)
	}
	if first.dev.SecretKey != second.dev.SecretKey || first.dev.MerchantID != second.dev.MerchantID {
		t.Error("the second start made another sandbox merchant")
	}
}

func TestASecondUpOnOneFolderIsRefusedClearly(t *testing.T) {
	t.Parallel()
	dir := embeddedDir(t)
	running := up(t, dir)
	_, stderr, err := paymint(t, nil, "up", "--data-dir", dir, "--listen", "127.0.0.1:0")
	if err == nil || !strings.Contains(stderr, dir) || !strings.Contains(stderr, strconv.Itoa(running.command.Process.Pid)) {
		t.Fatalf("want a refusal that names the folder and process %d, got %v: %s", running.command.Process.Pid, err, stderr)
	}
	running.authorize(201, "pm_test_visa", "")
}

func TestAFolderWithoutPostgresIsRefusedInOneLine(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	_, stderr, err := paymint(t, []string{"PAYMINT_POSTGRES_BIN=" + empty}, "up", "--data-dir", embeddedDir(t), "--listen", "127.0.0.1:0")
	if lines := strings.Count(strings.TrimSpace(stderr), "\n"); err == nil || lines != 0 || !strings.Contains(stderr, empty) {
		t.Fatalf("want one line that names the folder, got %v:\n%s", err, stderr)
	}
}

func TestAnAddressInUseIsRefusedBeforeAnythingHappens(t *testing.T) {
	t.Parallel()
	running := up(t, embeddedDir(t))
	address := strings.TrimPrefix(running.dev.BaseURL, "http://")
	_, stderr, err := paymint(t, nil, "up", "--data-dir", embeddedDir(t), "--listen", address)
	if err == nil || !strings.Contains(stderr, address) || !strings.Contains(stderr, "--listen") {
		t.Fatalf("got %v: %s", err, stderr)
	}
}

func TestNATSKilledUnderLoadIsNoticedByNoMerchant(t *testing.T) {
	t.Parallel()
	dir, store := embeddedDir(t), t.TempDir()
	bus, err := embedded.StartNATS(embedded.NATSOptions{Dir: store, Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Stop() })
	p := up(t, dir, "NATS_URL="+bus.ClientURL())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failed, made atomic.Int64
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for ctx.Err() == nil {
				a, err := p.call("POST", "/v1/payments", uuid.NewString(), `{"amount":700,"currency":"eur","payment_method_id":"pm_test_visa"}`)
				if made.Add(1); err != nil || a.status != 201 {
					failed.Add(1)
				}
			}
		})
	}
	waitFor(t, func() bool { return made.Load() > 200 })
	if err := bus.Restart(); err != nil { // ends the server under load and starts another on the same port
		t.Fatal(err)
	}
	before := made.Load()
	waitFor(t, func() bool { return made.Load() > before+200 })
	cancel()
	callers.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d commands failed", failed.Load(), made.Load())
	}
	verifyLive(t, dir)
}

func TestEveryRoleRunsInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := embeddedDir(t)
	services := up(t, dir) // lends its PostgreSQL and NATS; the roles below come beside its own
	var run struct {
		DatabaseURL string `json:"database_url"`
		NATSURL     string `json:"nats_url"`
	}
	readJSON(t, filepath.Join(dir, "run.json"), &run)
	var secrets struct {
		Pepper    string `json:"pepper"`
		CursorKey string `json:"cursor_key"`
	}
	readJSON(t, filepath.Join(dir, "secrets.json"), &secrets)
	environment := []string{
		"DATABASE_URL=" + run.DatabaseURL, "NATS_URL=" + run.NATSURL, "PAYMINT_LISTEN=127.0.0.1:0", "PAYMINT_NO_RATE_LIMITS=true",
		"PAYMINT_PEPPER=" + secrets.Pepper, "PAYMINT_CURSOR_KEY=" + secrets.CursorKey,
	}
	roles := map[string]*process{}
	for _, role := range []string{"api", "relay", "projector", "reactor"} {
		p := launch(t, t.TempDir(), environment, "serve", "--role", role)
		p.dev = services.dev
		p.dev.BaseURL = "http://" + p.awaitAddress()
		waitFor(t, func() bool {
			a, err := client.Get(p.dev.BaseURL + "/readyz")
			return err == nil && closed(a).StatusCode == 200
		})
		roles[role] = p
	}
	api := roles["api"]
	id := api.authorize(201, "pm_test_timeout_approved", "").str("id")
	services.eventually("/v1/payments/"+id, func(a answer) bool { return a.str("status") == "authorized" })
	a := api.authorize(201, "pm_test_visa", "")
	if found := services.must(200, "GET", "/v1/payments/"+a.str("id"), "", ""); found.str("status") != "authorized" {
		t.Errorf("another process sees %s", found.raw)
	}
	for _, p := range roles {
		p.stop()
	}
	verifyLive(t, dir)
}

func TestTheQuickstartOfTheReadmeRunsAsWritten(t *testing.T) {
	t.Parallel()
	home := embeddedDir(t)
	up(t, filepath.Join(home, ".paymint"))
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "<!-- quickstart -->\n```sh\n")
	script, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("README.md has no quickstart")
	}
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir = home
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	if err := command.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{`"status":"authorized"`, `"amount_captured":1000`, `"amount_released":250`, `"object":"refund"`, `"amount_refunded":250`, `payment.captured`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in the output:\n%s", want, out.String())
		}
	}
}

func childrenOf(t *testing.T, parent int) (pids []int) {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "pid=,ppid=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[1] == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(fields[0])
			pids = append(pids, pid)
			pids = append(pids, childrenOf(t, pid)...)
		}
	}
	return pids
}

func eventuallyGone(t *testing.T, pid int) {
	t.Helper()
	waitFor(t, func() bool { return syscall.Kill(pid, 0) != nil })
}
