package sandbox

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
)

// Call is what the wire knows of a call: faults and latencies are chosen by it.
type Call struct {
	Operation acquirer.Operation // of an inquiry, the operation asked about
	Inquiry   bool
	Reference id.Reference
	Payment   id.Payment
	Handle    string // of the instrument; only authorizations have one
}

// Fault is what befalls one call. The zero value is a good line. The first of
// Down, DropRequest and Late that is set decides; the others combine.
type Fault struct {
	Down        bool // the connection is refused: acquirer.ErrNotSent
	DropRequest bool // never arrives; silence until the caller gives up
	// Late: arrives when the caller has given up, LateBy after that. More than the
	// declared longest life breaks the gateway's word.
	Late       bool
	LateBy     time.Duration
	Duplicate  bool          // delivered twice
	Delay      time.Duration // the answer takes so much longer
	DropAnswer bool          // takes effect; silence until the caller gives up
	// Lies: what an approval says its amount is, off by so many minor units, and
	// the reference that the answer carries instead of the true one.
	AmountOff int64
	Reference id.Reference
}

// Match picks calls; a zero field picks all. Inquiries are picked only with
// Inquiry, so that a plan can silence calls and still have them resolved.
type Match struct {
	Operation acquirer.Operation
	Inquiry   bool
	Reference id.Reference
	Payment   id.Payment
	Handle    string
}

func (m Match) picks(c Call) bool {
	return m.Inquiry == c.Inquiry &&
		(m.Operation == "" || m.Operation == c.Operation) &&
		(m.Reference.IsZero() || m.Reference == c.Reference) &&
		(m.Payment.IsZero() || m.Payment == c.Payment) &&
		(m.Handle == "" || m.Handle == c.Handle)
}

// FaultPlan says which calls meet which faults; give its Fault method to Config.
// The zero value is an empty plan. It may be changed while calls run.
type FaultPlan struct {
	mu    sync.Mutex
	rules []faultRule
}

type faultRule struct {
	match Match
	fault Fault
	left  int // calls it still befalls; negative: for ever
}

// Add lets fault befall the next times calls that match picks, all of them when
// times is zero. Rules are tried in the order they were added; the first decides.
func (p *FaultPlan) Add(match Match, fault Fault, times int) {
	if times <= 0 {
		times = -1
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, faultRule{match: match, fault: fault, left: times})
}

// Clear ends all faults.
func (p *FaultPlan) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = nil
}

// Fault is the plan's word on one call; it uses up one of the rule's times.
func (p *FaultPlan) Fault(_ context.Context, call Call) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.rules {
		rule := &p.rules[i]
		if !rule.match.picks(call) {
			continue
		}
		fault := rule.fault
		if rule.left--; rule.left == 0 {
			p.rules = slices.Delete(p.rules, i, i+1)
		}
		return fault
	}
	return Fault{}
}
