package embedded

import (
	"context"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// outputPatience bounds the wait for a dead child's log pipe, which grandchildren may still hold open. Backends of a
// killed postmaster leave within a second or two.
const outputPatience = 10 * time.Second

// child is one running process of ours.
type child struct {
	process *os.Process
	exited  chan struct{} // closed once the process is gone and reaped
	err     error         // how it ended; read only after exited
}

// command is what to run and as whom.
type command struct {
	program string
	args    []string
	dir     string
	as      account
	output  io.Writer
	// onOurDeath is what the kernel sends the child when this process dies without a word (Linux only; elsewhere the
	// next start ends what is left).
	onOurDeath syscall.Signal
}

// start returns once the process exists.
//
// The kernel ties the death signal to the thread that forked, not to the process. So one goroutine keeps its thread
// from before the start until the child is reaped; were the thread given back, Go could end it and with it PostgreSQL.
func (c command) start() (*child, error) {
	cmd := exec.Command(c.program, c.args...)
	cmd.Dir = c.dir
	cmd.Env = cleanEnvironment(os.Environ())
	cmd.Stdout, cmd.Stderr = c.output, c.output
	cmd.WaitDelay = outputPatience
	cmd.SysProcAttr = c.as.attributes()
	signalOnOurDeath(cmd.SysProcAttr, c.onOurDeath)

	running := &child{exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		running.process = cmd.Process
		started <- err
		if err != nil {
			return
		}
		running.err = cmd.Wait()
		close(running.exited)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return running, nil
}

// gone says whether the process has ended, without waiting.
func (c *child) gone() bool {
	select {
	case <-c.exited:
		return true
	default:
		return false
	}
}

// awaitExit waits for the end; false when ctx was over first.
func (c *child) awaitExit(ctx context.Context) bool {
	select {
	case <-c.exited:
		return true
	case <-ctx.Done():
		return false
	}
}

// cleanEnvironment passes on what a program needs to run at all. The rest stays here: PGDATA, PGPORT, PGOPTIONS and the
// locale would bend PostgreSQL from outside, and our secrets have no business in another process's environment, which
// every function in an untrusted language could read. A fixed locale also keeps macOS from starting threads inside the
// postmaster.
func cleanEnvironment(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		switch name, _, _ := strings.Cut(entry, "="); name {
		case "PATH", "HOME", "TMPDIR", "TZ":
			kept = append(kept, entry)
		}
	}
	return append(kept, "LC_ALL=C")
}
