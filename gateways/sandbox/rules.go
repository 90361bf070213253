package sandbox

import (
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// page is the part of the book that a request concerns. The rules below work on a
// page alone; Memory is one big page, Postgres loads and locks a small one for
// each batch, so both keep the same rules by having the same code.
type page struct {
	entries map[id.Reference]Entry
	// written notes what the rules added or changed; nil: nobody asks.
	written map[id.Reference]writing
	// torn: a hold that must exist is missing. The page was loaded while another
	// process wrote; what the rules said of it counts for nothing.
	torn bool
}

type writing int

const (
	added writing = iota + 1
	changed
)

func (p *page) find(reference id.Reference) (Entry, bool) {
	e, found := p.entries[reference]
	return e, found
}

func (p *page) write(e Entry, how writing) {
	if p.entries[e.Reference] == e {
		return
	}
	p.entries[e.Reference] = e
	if p.written != nil && p.written[e.Reference] != added {
		p.written[e.Reference] = how
	}
}

// enter is the acquirer's whole rule: a reference that is known is answered from
// the book; a new one is judged against its hold and entered.
func (p *page) enter(e Entry) Entry {
	if prior, found := p.find(e.Reference); found {
		return p.repeat(prior, e)
	}
	switch e.Operation {
	case acquirer.OperationAuthorize:
		return p.authorize(e)
	case acquirer.OperationCapture:
		return p.capture(e)
	case acquirer.OperationCancel:
		return p.cancel(e)
	default:
		return p.refund(e)
	}
}

// repeat answers with what has become of the first request; never with less than
// the truth: an authorization that was reversed since is answered "reversed".
func (p *page) repeat(prior, e Entry) Entry {
	switch {
	case prior.Operation == e.Operation && prior.Reversed:
		return prior
	case !prior.sameRequest(e):
		return e.declined(reasonDuplicate)
	}
	return p.settle(prior, e.At)
}

func (p *page) authorize(e Entry) Entry {
	if !e.Capture.IsZero() {
		e.Captured = e.Approved
		p.write(Entry{
			Reference: e.Capture, Operation: acquirer.OperationCapture, Payment: e.Payment, Authorization: e.Reference,
			Amount: money.Of(e.Approved, e.Amount.Currency), Final: true, Card: e.Card, At: e.At,
			Outcome: acquirer.Approved, Approved: e.Approved,
		}, added)
	}
	p.write(e, added)
	return e
}

func (p *page) capture(e Entry) Entry {
	hold, found := p.find(e.Authorization)
	e.Card = hold.Card
	switch {
	case !found || hold.Payment != e.Payment || hold.Operation != acquirer.OperationAuthorize:
		e = e.declined(reasonNoHold)
	case hold.Amount.Currency != e.Amount.Currency:
		e = e.declined(reasonOtherCurrency)
	case e.Amount.Minor <= 0:
		e = e.declined(reasonAmount)
	case hold.word() != acquirer.Approved:
		e = e.declined(reasonNotHeld)
	case hold.Captured > 0 && hold.Open() == 0:
		e = e.declined(reasonCaptured)
	case !e.At.Before(hold.ExpiresAt):
		e = e.declined(reasonExpired)
	case e.Amount.Minor > hold.Open():
		e = e.declined(reasonOverHold)
	default:
		e = e.follows(e.course())
		hold.Captured += e.Amount.Minor
		if e.Final && e.Outcome == acquirer.Approved {
			hold.Released += hold.Open()
		}
		p.write(hold, changed)
	}
	p.write(e, added)
	return e
}

// cancel releases what is held. An authorization that has not arrived is entered
// as reversed, under its own reference: whichever of the two is written first
// wins, and the other finds it. What was captured by a message of its own stays
// captured; a capture in the authorization's own message is undone with it, or an
// authorization in doubt could never be reversed.
func (p *page) cancel(e Entry) Entry {
	hold, found := p.find(e.Authorization)
	if !found {
		hold = e.tombstone()
		p.write(hold, added)
	}
	oneMessage := !hold.Capture.IsZero() && hold.Captured > 0
	switch {
	case hold.Payment != e.Payment || hold.Operation != acquirer.OperationAuthorize:
		e = e.declined(reasonNoHold)
	case oneMessage && hold.Refunded > 0:
		e = e.declined(reasonRefunded)
	case hold.Captured > 0 && !oneMessage:
		e = e.declined(reasonCaptured)
	default:
		if oneMessage {
			p.undo(hold.Capture)
			hold.Captured = 0
		}
		hold.Released += hold.Open()
		hold.Reversed = hold.Reversed || hold.Outcome == acquirer.Approved && hold.Captured == 0
		p.write(hold, changed)
		e = e.approved(e.Amount.Minor)
	}
	p.write(e, added)
	return e
}

// tombstone is the authorization that the cancel e defeats before it arrives.
func (e Entry) tombstone() Entry {
	return Entry{
		Reference: e.Authorization, Operation: acquirer.OperationAuthorize, Payment: e.Payment, Amount: e.Amount,
		At: e.At, ExpiresAt: e.At, Outcome: acquirer.Reversed, Reversed: true,
	}
}

func (p *page) undo(capture id.Reference) {
	if e, found := p.find(capture); found {
		p.write(e.declined(reasonUndone), changed)
	}
}

func (p *page) refund(e Entry) Entry {
	taken, found := p.find(e.Capture)
	hold := p.holdOf(taken)
	e.Authorization, e.Card = taken.Authorization, taken.Card
	switch {
	case !found || taken.Operation != acquirer.OperationCapture || taken.Outcome != acquirer.Approved || hold.Payment != e.Payment:
		e = e.declined(reasonNoCapture)
	case hold.Amount.Currency != e.Amount.Currency:
		e = e.declined(reasonOtherCurrency)
	case e.Amount.Minor <= 0:
		e = e.declined(reasonAmount)
	case e.Amount.Minor > hold.Captured-hold.Refunded:
		e = e.declined(reasonOverCapture)
	default:
		e = e.follows(e.course())
		hold.Refunded += e.Amount.Minor
		p.write(hold, changed)
	}
	p.write(e, added)
	return e
}

// holdOf finds the hold that e has changed; none when e was declined.
func (p *page) holdOf(e Entry) Entry {
	hold, found := p.find(e.Authorization)
	if !found && (e.Outcome == acquirer.Approved || e.Outcome == acquirer.Pending) {
		p.torn = true
	}
	return hold
}

// settle lets the second word of e's course come true, when the clock at has
// reached it. The acquirer tells it to whoever asks first, and it is entered then.
func (p *page) settle(e Entry, at time.Time) Entry {
	course, due := e.due(at)
	if !due {
		return e
	}
	hold := p.holdOf(e)
	amount := e.Approved
	if course.Then == acquirer.Declined {
		e = e.declined(course.Reason)
	} else {
		e.Outcome = course.Then
	}
	switch {
	case e.Operation == acquirer.OperationRefund && e.Outcome == acquirer.Declined:
		hold.Refunded -= amount
	case e.Operation == acquirer.OperationCapture && e.Outcome == acquirer.Declined:
		hold.Captured -= amount
	case e.Operation == acquirer.OperationCapture && e.Final:
		hold.Released += hold.Open()
	}
	p.write(hold, changed)
	p.write(e, changed)
	return e
}
