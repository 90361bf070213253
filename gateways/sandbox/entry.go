package sandbox

import (
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Entry is what the book holds under one reference: the request, the answer, and
// for an authorization the hold as it stands now. Amounts are minor units of
// Amount's currency; times are UTC to the microsecond, as PostgreSQL keeps them.
type Entry struct {
	Reference     id.Reference
	Operation     acquirer.Operation // authorize, capture, cancel or refund
	Payment       id.Payment
	Authorization id.Reference // the hold it works on; zero for the authorization itself
	// Capture is, of an authorization, the capture taken in the same message; of a
	// refund, the capture it returns.
	Capture id.Reference
	Amount  money.Money // asked for
	Final   bool        // of a capture
	Card    string      // token; of a capture or refund, its hold's
	At      time.Time   // of the request, on the merchant's clock

	Outcome   acquirer.Outcome
	Approved  int64
	Decline   string // raw code
	ExpiresAt time.Time

	// Of an authorization. Captured and Refunded count what is pending too. Open is
	// what is still held: Approved − Captured − Released.
	Captured, Released, Refunded int64
	// Reversed: cancelled before anything was captured, possibly before it arrived.
	Reversed bool
}

// Open is what the issuer still holds, whether or not ExpiresAt has passed.
func (e Entry) Open() int64 { return e.Approved - e.Captured - e.Released }

// word is the acquirer's present word on the reference.
func (e Entry) word() acquirer.Outcome {
	if e.Reversed {
		return acquirer.Reversed
	}
	return e.Outcome
}

func (e Entry) approved(amount int64) Entry {
	e.Outcome, e.Approved = acquirer.Approved, amount
	return e
}

func (e Entry) declined(raw string) Entry {
	e.Outcome, e.Approved, e.Decline = acquirer.Declined, 0, raw
	return e
}

// follows gives e the first outcome of a course.
func (e Entry) follows(c Course) Entry {
	e = e.approved(e.Amount.Minor)
	if c.First != "" {
		e.Outcome = c.First
	}
	return e
}

// course is how e goes on after its first answer.
func (e Entry) course() Course {
	card, _ := CardOf(e.Card)
	switch e.Operation {
	case acquirer.OperationCapture:
		return card.Capture
	case acquirer.OperationRefund:
		return card.Refund
	default:
		return Course{}
	}
}

// due reports whether the course's second word holds by the clock at.
func (e Entry) due(at time.Time) (Course, bool) {
	c := e.course()
	return c, c.After > 0 && e.Outcome == c.First && !at.Before(e.At.Add(c.After))
}

// sameRequest compares all that a caller sends, except the time: a repetition is
// made later. The outcome of an authorization is a function of its request, so it
// tells ActionCompleted and livemode apart.
func (e Entry) sameRequest(f Entry) bool {
	same := e.Operation == f.Operation && e.Payment == f.Payment && e.Authorization == f.Authorization &&
		e.Capture == f.Capture && e.Amount == f.Amount && e.Final == f.Final
	if e.Operation == acquirer.OperationRefund {
		// The hold behind a refund is found by the book, not sent.
		same = e.Operation == f.Operation && e.Payment == f.Payment && e.Capture == f.Capture && e.Amount == f.Amount
	}
	if e.Operation == acquirer.OperationAuthorize {
		same = same && e.Card == f.Card && e.Outcome == f.Outcome && e.Approved == f.Approved && e.Decline == f.Decline
	}
	return same
}

// clock brings a request's time to the book's precision.
func clock(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
