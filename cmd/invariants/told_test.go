package invariants_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/paymint/paymint/cmd/invariants"
)

// told is what a report complains of.
func told(r invariants.Report) string {
	var b strings.Builder
	for _, i := range r.Invariants {
		for _, v := range i.Violations {
			fmt.Fprintf(&b, "\n%s %s: %s", i.ID, v.Where, v.What)
		}
	}
	return b.String()
}

func wantViolated(t *testing.T, r invariants.Report, want ...string) {
	t.Helper()
	var violated []string
	for _, i := range r.Invariants {
		if i.Passed == (i.Found > 0) {
			t.Errorf("%s: passed %t with %d violations", i.ID, i.Passed, i.Found)
		}
		if !i.Passed {
			violated = append(violated, i.ID)
		}
	}
	slices.Sort(want)
	slices.Sort(violated)
	if !slices.Equal(violated, want) || r.Passed == (len(want) > 0) {
		t.Errorf("violated are %v, want %v: %s", violated, want, told(r))
	}
}
