package invariants

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/gateways/sandbox"
)

const (
	// looksMax is how often a payment is looked at again before a difference counts:
	// the walk read its stream and the book at different moments.
	looksMax  = 4
	looksWait = 50 * time.Millisecond
	// suspectsMax is how many payments wait to be looked at again: the acquirer's book
	// is in order of nothing we could look few payments up by, so each look reads it
	// whole.
	suspectsMax = 65_536
)

// holdings judges I10: once nothing is in doubt, the acquirer holds, has taken and
// has returned for each payment what our books say. Book and streams are both in
// order of payment id and are walked side by side.
type holdings struct {
	k        *check
	r        *Result
	next     func() (sandbox.Total, error, bool)
	stop     func()
	ahead    *sandbox.Total // read from the book, not held against a stream yet
	suspects []id.Payment
}

func newHoldings(k *check) *holdings {
	j := &holdings{k: k, r: newResult("I10", "the acquirer's holds, captures and refunds equal our books", "payments without doubt")}
	if k.Book == nil {
		j.r.NotChecked = "no acquirer's book was given"
	}
	return j
}

func (j *holdings) result() *Result { return j.r }

func (j *holdings) close() {
	if j.stop != nil {
		j.stop()
	}
}

func (j *holdings) streams(ctx context.Context, page []history) error {
	if j.next == nil {
		j.next, j.stop = iter.Pull2(j.k.Book.Totals(ctx))
	}
	for i := range page {
		h := &page[i]
		if !h.isPayment() {
			continue
		}
		totals, err := j.totalsOf(id.From[id.Payment](h.head.Stream))
		if err != nil {
			return err
		}
		if verdict, judged := j.verdict(h, totals); judged {
			j.r.Checked++
			if verdict != "" {
				j.suspects = append(j.suspects, id.From[id.Payment](h.head.Stream))
			}
		}
	}
	return j.lookWhenFull(ctx)
}

func (j *holdings) lookWhenFull(ctx context.Context) error {
	if len(j.suspects) < suspectsMax {
		return nil
	}
	return j.lookAgain(ctx)
}

// totalsOf moves the book up to a payment. What it passes over is known to the
// acquirer alone, as it seems.
func (j *holdings) totalsOf(p id.Payment) (totals []sandbox.Total, err error) {
	for {
		total, more, err := j.peek()
		if err != nil || !more {
			return totals, err
		}
		switch order := compareIDs(total.Payment, p); {
		case order > 0:
			return totals, nil
		case order == 0:
			totals = append(totals, total)
		default:
			j.suspects = append(j.suspects, total.Payment)
		}
		j.ahead = nil
	}
}

func (j *holdings) peek() (total sandbox.Total, more bool, err error) {
	if j.ahead == nil {
		total, err, more := j.next()
		if err != nil {
			return total, false, fmt.Errorf("read the acquirer's book: %w", err)
		}
		if !more {
			return total, false, nil
		}
		j.ahead = &total
	}
	return *j.ahead, true, nil
}

func compareIDs(a, b id.Payment) int {
	x, y := a.UUID(), b.UUID()
	return bytes.Compare(x[:], y[:])
}

// verdict says what differs. Judged is false for a payment of another gateway, and
// for one with an act under way or in doubt.
func (j *holdings) verdict(h *history, totals []sandbox.Total) (difference string, judged bool) {
	ours := acts(h)
	if h.err != nil || ours.Gateway != j.k.Gateway || len(ours.Intents()) > 0 {
		return "", false
	}
	if len(totals) > 1 {
		return fmt.Sprintf("the acquirer has it in %d currencies", len(totals)), true
	}
	var theirs sandbox.Total
	if len(totals) == 1 {
		theirs = totals[0]
	}
	return differs(&ours, &theirs), true
}

// acts folds a payment without its corrections: those set our books to what a
// statement proves, and do nothing at the acquirer.
func acts(h *history) (s payment.State) {
	for i := range h.payment {
		if _, correction := h.payment[i].Event.(payment.Corrected); !correction {
			s = payment.Evolve(s, h.payment[i].Event)
		}
	}
	return s
}

func differs(ours *payment.State, theirs *sandbox.Total) string {
	var held int64
	if ours.Status == payment.StatusAuthorized || ours.Status == payment.StatusCaptured || ours.Status == payment.StatusRefunded {
		held = ours.Authorized - ours.Captured - ours.Released
	}
	if ours.Expired && theirs.Held == ours.Authorized && !theirs.HeldUntil.After(ours.ExpiresAt) {
		held = theirs.Held // nobody cancels a hold that ran out: it lapses at the issuer by itself
	}
	refunded := ours.AmountRefunded()
	switch {
	case theirs.Holds > 1:
		return fmt.Sprintf("the acquirer has %d open holds for one payment", theirs.Holds)
	case theirs.Payment != (id.Payment{}) && theirs.Currency != ours.Currency:
		return fmt.Sprintf("the acquirer has it in %s, we in %s", theirs.Currency, ours.Currency)
	case theirs.Held != held:
		return fmt.Sprintf("the acquirer holds %d, our books say %d (%s)", theirs.Held, held, ours.Status)
	case theirs.Captured != ours.Captured:
		return fmt.Sprintf("the acquirer has captured %d, our books say %d (%s)", theirs.Captured, ours.Captured, ours.Status)
	case theirs.Refunded != refunded:
		return fmt.Sprintf("the acquirer has refunded %d, our books say %d (%s)", theirs.Refunded, refunded, ours.Status)
	}
	return ""
}

// lookAgain reads suspects and their part of the book afresh: what differed because
// something was under way agrees now, or is in doubt.
func (j *holdings) lookAgain(ctx context.Context) error {
	var found map[id.Payment]string
	for look := 0; look < looksMax && len(j.suspects) > 0; look++ {
		if look > 0 {
			select {
			case <-time.After(looksWait):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		var err error
		if found, err = j.look(ctx); err != nil {
			return err
		}
		j.suspects = j.suspects[:0]
		for p := range found {
			j.suspects = append(j.suspects, p)
		}
	}
	for _, p := range j.suspects {
		j.r.violate(p.String(), "%s", found[p])
	}
	j.suspects = j.suspects[:0]
	return nil
}

// look returns the suspects that still differ.
func (j *holdings) look(ctx context.Context) (map[id.Payment]string, error) {
	totals := make(map[id.Payment][]sandbox.Total, len(j.suspects))
	for total, err := range j.k.Book.Totals(ctx, j.suspects...) {
		if err != nil {
			return nil, fmt.Errorf("read the acquirer's book: %w", err)
		}
		totals[total.Payment] = append(totals[total.Payment], total)
	}
	differing := map[id.Payment]string{}
	for page := range slices.Chunk(j.suspects, streamPage) {
		if err := j.lookAt(ctx, page, totals, differing); err != nil {
			return nil, err
		}
	}
	for p, of := range totals { // what lookAt left
		differing[p] = fmt.Sprintf("the acquirer holds %d and has captured %d for a payment that we do not have", of[0].Held, of[0].Captured)
	}
	return differing, nil
}

// lookAt judges a page of suspects by their streams, and takes them out of totals.
func (j *holdings) lookAt(ctx context.Context, suspects []id.Payment, totals map[id.Payment][]sandbox.Total, differing map[id.Payment]string) error {
	streams := make([]uuid.UUID, len(suspects))
	for i, p := range suspects {
		streams[i] = p.UUID()
	}
	page, err := readHistories(ctx, j.k.Streams, streams)
	if err != nil {
		return err
	}
	for i := range page {
		p := id.From[id.Payment](page[i].head.Stream)
		if difference, _ := j.verdict(&page[i], totals[p]); difference != "" {
			differing[p] = difference
		}
		delete(totals, p)
	}
	return nil
}

func (j *holdings) finish(ctx context.Context) error {
	if j.next == nil { // no stream at all
		j.next, j.stop = iter.Pull2(j.k.Book.Totals(ctx))
	}
	for {
		total, more, err := j.peek()
		if err != nil {
			return err
		}
		if !more {
			return j.lookAgain(ctx)
		}
		j.ahead = nil
		j.suspects = append(j.suspects, total.Payment)
		if err := j.lookWhenFull(ctx); err != nil {
			return err
		}
	}
}
