package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	pidFileName    = "postmaster.pid"
	fastPatience   = 30 * time.Second // a fast shutdown writes every dirty page
	quitPatience   = 8 * time.Second  // postgres kills its own stragglers after 5 s
	pollInterval   = 5 * time.Millisecond
	statusLine     = 7 // of postmaster.pid, counted from 0: starting, ready, stopping
	statusReady    = "ready"
	pidFileLineMax = 8
)

// pidFile is what postgres writes about itself into its data folder.
type pidFile struct {
	pid    int
	status string
}

func readPIDFile(dataDir string) (pidFile, bool) {
	text, err := os.ReadFile(filepath.Join(dataDir, pidFileName))
	if err != nil {
		return pidFile{}, false
	}
	lines := strings.SplitN(string(text), "\n", pidFileLineMax+1)
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return pidFile{}, false
	}
	found := pidFile{pid: pid}
	if len(lines) > statusLine {
		found.status = strings.TrimSpace(lines[statusLine])
	}
	return found, true
}

// endOrphan stops the postgres that a killed run left on this data folder. The caller holds the folder's lock, so
// whatever still runs there belongs to nobody.
//
// It is stopped rather than adopted: its settings and log pipe are those of the dead process, and only a child of ours
// can be watched. A kill of ours in the middle leaves the same orphan for the next start.
func endOrphan(ctx context.Context, dataDir string, log *slog.Logger) error {
	found, ok := readPIDFile(dataDir)
	if !ok {
		return nil
	}
	if !alive(found.pid) || !servesDir(found.pid, dataDir) {
		return dropStalePIDFile(dataDir, found.pid)
	}
	log.Warn("stopping a PostgreSQL that an earlier run left behind", "pid", found.pid, "folder", dataDir)
	for _, step := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{{syscall.SIGINT, fastPatience}, {syscall.SIGQUIT, quitPatience}} {
		if err := syscall.Kill(found.pid, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop PostgreSQL %d left in %s: %w", found.pid, dataDir, err)
		}
		if awaitGone(ctx, found.pid, step.patience) {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("stop PostgreSQL %d left in %s: %w", found.pid, dataDir, ctx.Err())
		}
	}
	if err := killFamily(found.pid); err != nil {
		return fmt.Errorf("kill PostgreSQL %d left in %s: %w", found.pid, dataDir, err)
	}
	awaitGone(ctx, found.pid, quitPatience)
	return nil
}

// dropStalePIDFile removes a file whose number now belongs to a stranger or to a zombie, which would make postgres
// refuse to start. When no process has the number, postgres clears the file itself after checking for backends that
// are still attached to the old shared memory.
func dropStalePIDFile(dataDir string, pid int) error {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil
	}
	err := os.Remove(filepath.Join(dataDir, pidFileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func awaitGone(ctx context.Context, pid int, patience time.Duration) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for alive(pid) {
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// killFamily sends SIGKILL to a postmaster and all of its children. The postmaster is frozen first, so that it can
// fork nobody while its children are counted.
func killFamily(postmaster int) error {
	if err := syscall.Kill(postmaster, syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := childrenOf(postmaster)
	for _, pid := range append(children, postmaster) {
		if killErr := syscall.Kill(pid, syscall.SIGKILL); !errors.Is(killErr, syscall.ESRCH) {
			err = errors.Join(err, killErr)
		}
	}
	return err
}
