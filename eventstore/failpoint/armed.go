//go:build failpoints

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Enabled tells whether this binary was built to die at its steps.
const Enabled = true

// Variable is the environment variable that arms one step: label, or label:n.
const Variable = "PAYMINT_FAILPOINT"

// The state is the process's own, as its death is: a step deep in a library has
// nobody to be handed a switch by, and no product is built with this file.
var (
	armed, nth = parse(os.Getenv(Variable))
	hits       atomic.Int64
	hook       atomic.Pointer[func(string)]
)

// Hit ends the process without ceremony (SIGKILL: nothing deferred runs, nothing
// is flushed) if label is the armed step and this is its n-th time; before that
// it calls the hook, if a test has set one.
func Hit(label string) {
	if f := hook.Load(); f != nil {
		(*f)(label)
	}
	if label != armed || hits.Add(1) != nth {
		return
	}
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	select {} // the signal is on its way: not one more step
}

// OnHit sets the function that hears of every step, from whichever goroutine
// gets there; nil removes it.
func OnHit(f func(label string)) {
	if f == nil {
		hook.Store(nil)
		return
	}
	hook.Store(&f)
}

func parse(setting string) (label string, n int64) {
	label, count, found := strings.Cut(setting, ":")
	if !found {
		return label, 1
	}
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		panic(Variable + ": want label or label:n, n from 1, got " + strconv.Quote(setting))
	}
	return label, n
}
