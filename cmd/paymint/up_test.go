package main_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
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
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore/embedded"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
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
	dir, bus := embeddedDir(t), startNATSProcess(t)
	p := up(t, dir, "NATS_URL="+bus.url())
	load := startLoad(t, p, 8)
	load.more(200)
	bus.kill()
	load.more(200) // nobody there: events wait in PostgreSQL
	bus.start()
	load.more(200)
	load.stop()
	verifyLive(t, dir)
}

func TestNoSessionOfTheDefaultFormIsASuperuser(t *testing.T) {
	t.Parallel()
	p := up(t, embeddedDir(t))
	owner, err := pgx.Connect(t.Context(), runOf(t, p.dir).OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.WithoutCancel(t.Context()))
	load := startLoad(t, p, 4)
	load.more(50)
	var sessions, superusers int
	if err := owner.QueryRow(t.Context(), `
		SELECT count(*), count(*) FILTER (WHERE r.rolsuper)
		  FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename
		 WHERE a.datname = 'paymint' AND a.pid <> pg_backend_pid()`).Scan(&sessions, &superusers); err != nil {
		t.Fatal(err)
	}
	if sessions < 3 || superusers > 0 {
		t.Errorf("%d of %d sessions under load are a superuser's", superusers, sessions)
	}
	load.stop()
}

func TestTheRunFileIsBelievedOnlyWhileItsServerRuns(t *testing.T) {
	t.Parallel()
	p := up(t, embeddedDir(t))
	file := filepath.Join(p.dir, "run.json")
	if runOf(t, p.dir).PID != p.command.Process.Pid {
		t.Errorf("run.json is of process %d, want %d", runOf(t, p.dir).PID, p.command.Process.Pid)
	}
	p.stop()
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("run.json after the stop: %v", err)
	}
	if err := os.WriteFile(file, []byte(`{"pid": 1, "database_url": "postgres://127.0.0.1:1/gone", "nats_url": "nats://127.0.0.1:1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "verify", "--data-dir", p.dir) // what a killed server leaves is not believed
	lock, err := embedded.Lock(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	if _, stderr, err := paymint(t, nil, "verify", "--data-dir", p.dir); err == nil || !strings.Contains(stderr, strconv.Itoa(os.Getpid())) {
		t.Errorf("a folder held by another command: %v, %s", err, stderr)
	}
}

func TestAnotherDatabaseGetsASandboxMerchantOfItsOwn(t *testing.T) {
	t.Parallel()
	first := up(t, embeddedDir(t))
	first.stop()
	second := up(t, first.dir, "DATABASE_URL="+embeddedtest.Database(t, nil))
	if first.dev.MerchantID == second.dev.MerchantID {
		t.Error("the merchant is of a database that is not in use")
	}
	second.authorize(201, "pm_test_visa", "")
}

// run is run.json.
type run struct {
	PID      int    `json:"pid"`
	OwnerURL string `json:"owner_url"`
}

func runOf(t *testing.T, dir string) (r run) {
	t.Helper()
	readJSON(t, filepath.Join(dir, "run.json"), &r)
	return r
}

// load is callers that authorize until it stops. None of them may be refused.
type load struct {
	t            *testing.T
	made, failed atomic.Int64
	stop         func()
}

func startLoad(t *testing.T, p *process, callers int) *load {
	t.Helper()
	l := &load{t: t}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for ctx.Err() == nil {
				a, err := p.call("POST", "/v1/payments", uuid.NewString(), `{"amount":700,"currency":"eur","payment_method_id":"pm_test_visa"}`)
				if l.made.Add(1); err != nil || a.status != 201 {
					l.failed.Add(1)
				}
			}
		})
	}
	l.stop = func() {
		t.Helper()
		cancel()
		running.Wait()
		if l.failed.Load() > 0 {
			t.Errorf("%d of %d commands failed", l.failed.Load(), l.made.Load())
		}
	}
	t.Cleanup(cancel)
	return l
}

// more waits for n more commands.
func (l *load) more(n int64) {
	l.t.Helper()
	before := l.made.Load()
	waitFor(l.t, func() bool { return l.made.Load() > before+n })
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
