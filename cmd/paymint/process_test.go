package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
)

// binary is paymint as `make build` makes it, built once for this test binary.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "paymint-binary-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "paymint")
	build := exec.Command("go", "build", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build paymint: %v\n%s", err, out)
		os.Exit(1)
	}
	embeddedtest.Main(m)
}

// process is one running `paymint up` (or serve) with a client for its API.
type process struct {
	t       testing.TB
	dir     string
	command *exec.Cmd
	output  *lockedBuffer
	exited  chan struct{}
	dev     devFile
}

type devFile struct {
	BaseURL        string `json:"base_url"`
	VaultURL       string `json:"vault_url"`
	MerchantID     string `json:"merchant_id"`
	SecretKey      string `json:"secret_key"`
	PublishableKey string `json:"publishable_key"`
	PlatformKey    string `json:"platform_key"`
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// up starts `paymint up` on dir and waits until it is ready. The process ends with the test.
func up(t testing.TB, dir string, environment ...string) *process {
	t.Helper()
	p := launch(t, dir, environment, "up", "--data-dir", dir, "--listen", "127.0.0.1:0", "--no-rate-limits")
	p.waitReady(60 * time.Second)
	return p
}

func launch(t testing.TB, dir string, environment []string, arguments ...string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, output: &lockedBuffer{}, exited: make(chan struct{})}
	p.command = exec.Command(binary, arguments...)
	p.command.Env = append(os.Environ(), environment...)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if err := p.command.Start(); err != nil {
		t.Fatalf("start: %v", err)
	}
	go func() { _ = p.command.Wait(); close(p.exited) }()
	t.Cleanup(func() {
		p.end() // not a kill: PostgreSQL would still be writing when its folder is removed
		if t.Failed() {
			t.Logf("paymint %s said:\n%s", strings.Join(arguments, " "), tailOf(p.output.String(), 8<<10))
		}
	})
	return p
}

func tailOf(s string, n int) string { return s[max(0, len(s)-n):] }

// waitReady waits for dev.json of this run and for /readyz.
func (p *process) waitReady(limit time.Duration) {
	p.t.Helper()
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		select {
		case <-p.exited:
			p.t.Fatalf("paymint ended before it was ready:\n%s", tailOf(p.output.String(), 8<<10))
		default:
		}
		if p.ready() {
			return
		}
		time.Sleep(10 * time.Millisecond) // a poll's pause, bounded by the deadline
	}
	p.t.Fatalf("not ready within %s:\n%s", limit, tailOf(p.output.String(), 8<<10))
}

func (p *process) ready() bool {
	text, err := os.ReadFile(filepath.Join(p.dir, "dev.json"))
	if err != nil || json.Unmarshal(text, &p.dev) != nil {
		return false
	}
	answer, err := client.Get(p.dev.BaseURL + "/readyz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK && strings.Contains(p.output.String(), p.dev.BaseURL)
}

// kill is kill -9; stop is Ctrl-C. Both return when the process is gone.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.exited
}

func (p *process) stop() {
	p.t.Helper()
	if !p.end() {
		p.t.Fatal("paymint did not stop within 30 s of Ctrl-C")
	}
}

func (p *process) end() bool {
	_ = p.command.Process.Signal(syscall.SIGINT)
	select {
	case <-p.exited:
		return true
	case <-time.After(30 * time.Second):
		p.kill()
		return false
	}
}

var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 512}}

// answer is a decoded reply of the API.
type answer struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any
}

func (a answer) str(path ...string) string { s, _ := a.at(path...).(string); return s }
func (a answer) num(path ...string) int64  { n, _ := a.at(path...).(float64); return int64(n) }

func (a answer) at(path ...string) any {
	var v any = a.body
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

// call makes one request as the sandbox merchant; an error means that no answer came.
func (p *process) call(method, path, key, body string) (answer, error) {
	request, err := http.NewRequestWithContext(context.Background(), method, p.dev.BaseURL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+p.dev.SecretKey)
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	reply, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer reply.Body.Close()
	a := answer{status: reply.StatusCode, header: reply.Header}
	if a.raw, err = io.ReadAll(reply.Body); err != nil {
		return answer{}, err
	}
	if err := json.Unmarshal(a.raw, &a.body); err != nil {
		return a, errors.Join(fmt.Errorf("%s %s answered %d with %.200q", method, path, a.status, a.raw), err)
	}
	return a, nil
}

func (p *process) must(status int, method, path, key, body string) answer {
	p.t.Helper()
	a, err := p.call(method, path, key, body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.status != status {
		p.t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.status, status, a.raw)
	}
	return a
}

func (p *process) authorize(status int, method, extra string) answer {
	p.t.Helper()
	return p.must(status, "POST", "/v1/payments", uuid.NewString(),
		`{"amount":1000,"currency":"eur","payment_method_id":"`+method+`"`+extra+`}`)
}

// paymint runs a subcommand to its end.
func paymint(t testing.TB, environment []string, arguments ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, binary, arguments...)
	command.Env = append(os.Environ(), environment...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err = command.Run()
	return out.String(), errs.String(), err
}

// embeddedDir is a data folder that the embedded PostgreSQL can use, gone with the test.
func embeddedDir(t testing.TB) string { return embeddedtest.Dir(t) }

func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited 30 s in vain")
		}
	}
}

// awaitAddress reads the address that `serve` says it listens on.
func (p *process) awaitAddress() (address string) {
	p.t.Helper()
	waitFor(p.t, func() bool {
		_, rest, found := strings.Cut(p.output.String(), `msg="paymint is up" address=`)
		address, _, _ = strings.Cut(rest, " ")
		return found
	})
	return address
}

func closed(a *http.Response) *http.Response {
	_ = a.Body.Close()
	return a
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}
