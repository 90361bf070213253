//go:build failpoints

package failpoint_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/paymint/paymint/eventstore/failpoint"
)

// TestKillHappensAtTheNamedStepAndOnlyThere runs itself as the process that dies.
func TestKillHappensAtTheNamedStepAndOnlyThere(t *testing.T) {
	t.Parallel()
	if os.Getenv("FAILPOINT_VICTIM") != "" {
		failpoint.Hit("second")
		failpoint.Hit("first")
		failpoint.Hit("second")
		return
	}
	for setting, dies := range map[string]bool{"first": true, "second:2": true, "second:3": false, "third": false, "": false} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			victim := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestKillHappensAtTheNamedStepAndOnlyThere$")
			victim.Env = append(os.Environ(), "FAILPOINT_VICTIM=1", failpoint.Variable+"="+setting)
			if died := killed(t, victim.Run()); died != dies {
				t.Errorf("killed: %v, want %v", died, dies)
			}
		})
	}
}

func killed(t *testing.T, err error) bool {
	t.Helper()
	exit, isExit := errors.AsType[*exec.ExitError](err)
	if err != nil && !isExit {
		t.Fatalf("run the victim: %v", err)
	}
	if !isExit {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
