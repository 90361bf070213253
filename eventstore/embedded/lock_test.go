package embedded

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestSecondLockIsRefusedAndNamesFolderAndHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(dir)
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("second lock: %v, want ErrLocked", err)
	}
	for _, part := range []string{dir, strconv.Itoa(os.Getpid())} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("message %q does not name %s", err, part)
		}
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := Lock(dir)
	if err != nil {
		t.Fatalf("after unlock: %v", err)
	}
	if err := errors.Join(again.Unlock(), again.Unlock()); err != nil {
		t.Errorf("unlock twice: %v", err)
	}
}

func TestKilledProcessLosesItsLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other, _ := otherSelf(t, "lock", dir, true)
	locked, ok := errors.AsType[*LockedError](second(Lock(dir)))
	if !ok || locked.PID != other.Process.Pid {
		t.Fatalf("while the other process lives: %v, want a refusal naming %d", locked, other.Process.Pid)
	}
	kill(other)
	lock, err := Lock(dir)
	if err != nil {
		t.Fatalf("after kill -9 of the holder: %v", err)
	}
	if err := lock.Unlock(); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }
