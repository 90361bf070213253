package sandbox

import (
	"context"
	"iter"
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Book is the acquirer's own record. Many goroutines and, with PostgreSQL, many
// processes may use one book; requests under one reference, or on one hold, are
// judged one after the other.
type Book interface {
	// Enter judges a request by the rules and enters it. It returns the entry as it
	// stands, the first one's when the reference was known, or a decline that is
	// entered nowhere when the reference belongs to another request. On return the
	// entry is committed. An error that wraps acquirer.ErrNotSent means that nothing
	// was entered; after any other the entry may come to stand.
	Enter(ctx context.Context, request Entry) (Entry, error)
	// Find reads an entry, and enters what has come due for it by the clock at.
	Find(ctx context.Context, reference id.Reference, at time.Time) (Entry, bool, error)
}

// Statement is the acquirer's word on everything, for holding against our books.
// It reads in bounded memory, and what is entered meanwhile may or may not appear.
type Statement interface {
	// Totals gives one sum per payment (and currency), in order of payment id; with
	// payments named, only theirs. An error ends the sequence.
	Totals(ctx context.Context, payments ...id.Payment) iter.Seq2[Total, error]
	// Entries lists up to limit entries in order of reference, behind after.
	Entries(ctx context.Context, after id.Reference, limit int) ([]Entry, error)
}

// Total is what the acquirer holds, has taken and has returned for one payment,
// in minor units. Pending captures and refunds are counted as done.
type Total struct {
	Payment  id.Payment
	Currency money.Currency
	Held     int64 // open holds, also those past HeldUntil: nobody cancels an expired hold
	Captured int64
	Refunded int64
	// HeldUntil is the latest expiry of the open holds; zero without one.
	HeldUntil time.Time
	// Holds counts the open holds: more than one is an orphan.
	Holds int
}

// add folds an authorization into the total of its payment.
func (t Total) add(hold Entry) Total {
	t.Payment, t.Currency = hold.Payment, hold.Amount.Currency
	t.Captured += hold.Captured
	t.Refunded += hold.Refunded
	if open := hold.Open(); open > 0 {
		t.Held += open
		t.Holds++
		if hold.ExpiresAt.After(t.HeldUntil) {
			t.HeldUntil = hold.ExpiresAt
		}
	}
	return t
}

// entriesMax bounds one call of Entries.
const entriesMax = 10_000
