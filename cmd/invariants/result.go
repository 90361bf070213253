package invariants

import "fmt"

// ViolationsMax is how many violations of one invariant a report shows; the rest are
// counted. Who damages one thing often damages thousands.
const ViolationsMax = 20

// Result is what became of one invariant.
type Result struct {
	ID      string `json:"id"` // as in the specification: I3
	Name    string `json:"name"`
	Passed  bool   `json:"passed"`
	Checked int64  `json:"checked"` // things looked at: events, payments, rows, messages
	Of      string `json:"of"`      // what those things are
	// NotChecked says why the invariant was not looked at; empty when it was.
	NotChecked string      `json:"not_checked,omitempty"`
	Found      int64       `json:"violations_found"`
	Violations []Violation `json:"violations"` // the first ViolationsMax
}

// Violation is one thing that does not hold.
type Violation struct {
	Where string `json:"where"` // lane.position, the id of a payment, a stream or a row
	What  string `json:"what"`
}

func newResult(id, name, of string) *Result {
	return &Result{ID: id, Name: name, Of: of, Violations: []Violation{}}
}

// Violate adds what another tool found against the invariant.
func (r *Result) Violate(where, format string, arguments ...any) {
	r.violate(where, format, arguments...)
	r.Passed = false
}

func (r *Result) violate(where, format string, arguments ...any) {
	r.Found++
	if len(r.Violations) < ViolationsMax {
		r.Violations = append(r.Violations, Violation{Where: where, What: fmt.Sprintf(format, arguments...)})
	}
}
