package invariants

import (
	"context"
	"fmt"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/payment"
)

// amounts judges every payment after each of its events.
type amounts struct {
	r *Result
	// wrong says what is wrong with a state; empty when nothing is.
	wrong func(s *payment.State) string
}

// newCaptures judges I3: captured + capture in flight ≤ authorized, and what is
// captured and released together is no more either (payments.md §4).
func newCaptures() *amounts {
	return &amounts{r: newResult("I3", "captured + capture in flight ≤ authorized", "payments"), wrong: overCaptured}
}

// newRefunds judges I4: refunded + refunds in flight ≤ captured.
func newRefunds() *amounts {
	return &amounts{r: newResult("I4", "refunded + refunds in flight ≤ captured", "payments"), wrong: overRefunded}
}

func (a *amounts) result() *Result { return a.r }

func (a *amounts) streams(_ context.Context, page []history) error {
	for i := range page {
		h := &page[i]
		if !h.isPayment() {
			continue
		}
		a.r.Checked++
		a.judge(h)
		if h.err != nil {
			a.r.violate(h.where(), "cannot be judged: %v", h.err)
		}
	}
	return nil
}

// judge stops at the first event after which something is wrong: the rest follows
// from it.
func (a *amounts) judge(h *history) {
	var s payment.State
	for i := range h.payment {
		s = payment.Evolve(s, h.payment[i].Event)
		if wrong := a.wrong(&s); wrong != "" {
			a.r.violate(h.where(), "after version %d, %s at %s: %s", h.payment[i].Version, h.payment[i].Event.Type(), h.entries[i].where(), wrong)
			return
		}
	}
}

func overCaptured(s *payment.State) string {
	var inFlight int64
	if s.Open != nil && s.Open.Operation == acquirer.OperationCapture {
		inFlight = s.Open.Amount
	}
	switch {
	case s.Authorized < 0 || s.Captured < 0 || s.Released < 0 || inFlight < 0:
		return fmt.Sprintf("authorized %d, captured %d, capture in flight %d, released %d: none may be negative", s.Authorized, s.Captured, inFlight, s.Released)
	case s.Authorized > s.Requested:
		return fmt.Sprintf("authorized %d of %d asked for", s.Authorized, s.Requested)
	case s.Captured+inFlight > s.Authorized:
		return fmt.Sprintf("captured %d + in flight %d > authorized %d", s.Captured, inFlight, s.Authorized)
	case s.Captured+s.Released > s.Authorized:
		return fmt.Sprintf("captured %d + released %d > authorized %d", s.Captured, s.Released, s.Authorized)
	}
	return ""
}

func overRefunded(s *payment.State) string {
	refunded, inFlight := s.AmountRefunded(), s.AmountRefunding()
	switch {
	case refunded < 0 || inFlight < 0:
		return fmt.Sprintf("refunded %d, refunds in flight %d: none may be negative", refunded, inFlight)
	case refunded+inFlight > s.Captured:
		return fmt.Sprintf("refunded %d + in flight %d > captured %d", refunded, inFlight, s.Captured)
	}
	return ""
}

// countDoubt counts the acts whose outcome is not recorded.
func (k *check) countDoubt(h *history) {
	if !h.isPayment() {
		return
	}
	state := payment.Fold(payment.State{}, h.payment)
	k.report.InDoubt += int64(len(state.Intents()))
}
