//go:build failpoints

package main_test

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/paymint/paymint/eventstore/failpoint"
)

// TestKillAtEveryLabelledStepLosesNothingAcknowledgedAndDoublesNothing has the server
// die at each step that the source labels, starts it again, and retries every key as
// merchants do. That a label is never reached is a failure: it would prove nothing.
func TestKillAtEveryLabelledStepLosesNothingAcknowledgedAndDoublesNothing(t *testing.T) {
	t.Parallel()
	dir, program := embeddedDir(t), buildWithFailpoints(t)
	up(t, dir).stop() // makes the merchant, so that steps are reached in payments and not in setting up
	var attempts []*attempt
	for range max(1, killRounds()/roundsPerVisit) {
		for _, s := range labelledSteps(t) {
			offered := s.dieThere(t, program, dir)
			p := up(t, dir)
			settleAll(t, p, offered)
			for _, a := range offered[:min(len(offered), 5)] { // what was in doubt moves on
				if a.captured == 0 && a.refunded == 0 {
					a.captureAndRefund(p)
				}
			}
			p.stop()
			attempts = append(attempts, offered...)
		}
	}
	p := up(t, dir)
	settleAll(t, p, attempts)
	checkAttempts(t, p, attempts)
	verifyLive(t, dir)
}

// roundsPerVisit is how many rounds of a test with one kill make one visit to every
// step here, which is a dozen kills.
const roundsPerVisit = 20

const (
	// hitsMax bounds at which of a step's hits the process dies: early and late ones,
	// alone and under load.
	hitsMax = 20
	// reachLimit is how long traffic may take to reach a step that often.
	reachLimit = time.Minute
)

// step is a labelled place in a file. Files share labels where one kind of traffic
// takes one road and another kind another.
type step struct{ label, file string }

var hit = regexp.MustCompile(`failpoint\.Hit\("([^"]+)"\)`)

// labelledSteps reads them from the source, so that a new one is visited unasked.
func labelledSteps(t *testing.T) (steps []step) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range hit.FindAllSubmatch(text, -1) {
			if s := (step{string(match[1]), filepath.Base(path)}); !slices.Contains(steps, s) {
				steps = append(steps, s)
			}
		}
		return err
	})
	if err != nil || len(steps) < 2 {
		t.Fatalf("steps in the source: %v, %v", steps, err)
	}
	return steps
}

// buildWithFailpoints makes a second binary; that of TestMain is the product, in which
// no step can be armed.
func buildWithFailpoints(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "paymint")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "failpoints", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build with failpoints: %v\n%s", err, out)
	}
	return program
}

// dieThere starts the server with the step armed and offers payments until it is gone.
func (s step) dieThere(t *testing.T, program, dir string) (offered []*attempt) {
	t.Helper()
	setting := fmt.Sprintf("%s:%d", s.label, 1+rand.IntN(hitsMax))
	p := launchArmed(t, program, dir, setting)
	ctx, cancel := context.WithTimeout(t.Context(), reachLimit)
	defer cancel()
	traffic := hammer
	if s.file == "batch.go" {
		traffic = hammerBatches
	}
	for !p.gone() && ctx.Err() == nil { // a caller leaves at the first answer that is not 201
		if p.ready() {
			offered = append(offered, traffic(ctx, p, 4)...)
		}
		select {
		case <-p.exited:
		case <-time.After(10 * time.Millisecond): // a poll's pause, bounded by reachLimit
		}
	}
	if !p.gone() {
		p.kill()
		t.Fatalf("%s in %s was not reached by %d payments", setting, s.file, len(offered))
	}
	if status, ok := p.command.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("armed with %s, the server ended by itself:\n%s", setting, tailOf(p.output.String(), 8<<10))
	}
	t.Logf("died at %s in %s, %d payments offered", setting, s.file, len(offered))
	return offered
}

func (p *process) gone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// launchArmed is up with a program that dies at a step, perhaps before it is ready.
func launchArmed(t *testing.T, program, dir, setting string) *process {
	t.Helper()
	p := &process{t: t, dir: dir, output: &lockedBuffer{}, exited: make(chan struct{})}
	p.command = exec.Command(program, "up", "--data-dir", dir, "--listen", "127.0.0.1:0", "--no-rate-limits")
	p.command.Env = append(os.Environ(), failpoint.Variable+"="+setting)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if err := p.command.Start(); err != nil {
		t.Fatalf("start: %v", err)
	}
	go func() { _ = p.command.Wait(); close(p.exited) }()
	t.Cleanup(func() { p.end() })
	return p
}

// hammerBatches authorizes in batches from n callers until ctx ends or the server is
// gone. An item may be retried alone, under its key: it is an attempt like any other.
func hammerBatches(ctx context.Context, p *process, n int) (offered []*attempt) {
	var mu sync.Mutex
	var callers sync.WaitGroup
	for range n {
		callers.Go(func() {
			for ctx.Err() == nil {
				batch := []*attempt{newAttempt(), newAttempt(), newAttempt()}
				mu.Lock()
				offered = append(offered, batch...)
				mu.Unlock()
				if !tryTogether(p, batch) {
					return
				}
			}
		})
	}
	callers.Wait()
	return offered
}

// tryTogether sends attempts as one batch and reports whether all were acknowledged.
func tryTogether(p *process, batch []*attempt) bool {
	items := make([]string, len(batch))
	for i, a := range batch {
		items[i] = fmt.Sprintf(`{"idempotency_key":%q,%s`, a.key, strings.TrimPrefix(a.body, "{"))
	}
	together, err := p.call("POST", "/v1/payments/batch", "", `{"payments":[`+strings.Join(items, ",")+`]}`)
	if err != nil || together.status != 207 {
		return false
	}
	all := true
	for i, result := range list(together) {
		body, _ := result["body"].(map[string]any)
		if id, _ := body["id"].(string); result["status"] == 201.0 && id != "" {
			batch[i].payment, batch[i].status = id, 201
			continue
		}
		all = false
	}
	return all
}
