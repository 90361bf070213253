//go:build !failpoints

// Package failpoint marks the steps at which a crash is interesting.
//
// In the product Hit is empty and vanishes from the machine code. Built with
// -tags failpoints, a process kills itself with SIGKILL at the step that
// PAYMINT_FAILPOINT names, as "label" or "label:n" for the n-th time it gets
// there, and a test may hang a function on every step.
package failpoint

// Enabled tells whether this binary was built to die at its steps.
const Enabled = false

// Hit says that the step called label has been reached.
func Hit(label string) { _ = label }
