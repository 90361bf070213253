package payment_test

import (
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
)

// books keeps a payment's amounts, intents and outcomes by the events alone, in
// its own way, and says which event breaks an invariant of the payment rules.
type books struct {
	authorized, captured, released int64
	captures                       int
	ended                          bool // failed: nothing may follow
	over                           bool // cancelled or expired: no capture may follow
	intents                        map[id.Reference]outcome
	refunds                        map[id.Reference]int64
}

type outcome int

const (
	open outcome = iota + 1
	concluded
	went // a refund that succeeded, and may still fail
)

func (b *books) enter(e payment.Event) (wrong string) {
	if b.intents == nil {
		b.intents, b.refunds = map[id.Reference]outcome{}, map[id.Reference]int64{}
	}
	if b.ended {
		return "something follows a failure"
	}
	if wrong = b.pair(e); wrong != "" {
		return wrong
	}
	if wrong = b.count(e); wrong != "" {
		return wrong
	}
	switch {
	case b.captured > b.authorized:
		return "captured more than authorized"
	case b.captured+b.released > b.authorized:
		return "captured and released more than authorized"
	case b.refunded()+b.refunding() > b.captured:
		return "refunds exceed the capture"
	case b.captures > 1:
		return "captured twice"
	}
	return ""
}

// pair matches outcomes with intents.
func (b *books) pair(e payment.Event) (wrong string) {
	switch e := e.(type) {
	case payment.AuthorizationRequested:
		if e.Capture != !e.CaptureReference.IsZero() {
			return "a capture's reference is fixed exactly when one is wished"
		}
		return b.begin(e.Reference)
	case payment.ActionCompleted:
		return b.begin(e.Reference)
	case payment.ReversalRequested: // the point of no return ends the authorization
		if wrong := b.end(e.Authorization); wrong != "" {
			return wrong
		}
		return b.begin(e.Reference)
	case payment.CaptureRequested:
		return b.begin(e.Reference)
	case payment.CancellationRequested:
		return b.begin(e.Reference)
	case payment.RefundRequested:
		return b.begin(e.Reference)
	case payment.Authorized:
		return b.end(e.Reference)
	case payment.Failed:
		return b.end(e.Reference)
	case payment.ActionRequired:
		return b.end(e.Reference)
	case payment.Reversed:
		return b.end(e.Reference)
	case payment.Captured:
		if _, own := b.intents[e.Reference]; !own && b.authorized > 0 {
			return "" // one message: the authorization's intent is the capture's too
		}
		return b.end(e.Reference)
	case payment.CaptureFailed:
		return b.end(e.Reference)
	case payment.Cancelled:
		return b.end(e.Reference)
	case payment.CancellationFailed:
		return b.end(e.Reference)
	case payment.RefundSucceeded:
		wrong = b.end(e.Reference)
		b.intents[e.Reference] = went
		return wrong
	case payment.RefundFailed:
		if b.intents[e.Reference] == went {
			b.intents[e.Reference] = open
		}
		return b.end(e.Reference)
	case payment.OutcomeUnknown:
		if b.intents[e.Reference] != open {
			return "doubt without an open intent"
		}
	}
	return ""
}

func (b *books) begin(reference id.Reference) string {
	if b.intents[reference] != 0 {
		return "a reference is used twice"
	}
	b.intents[reference] = open
	return ""
}

func (b *books) end(reference id.Reference) string {
	switch b.intents[reference] {
	case open:
		b.intents[reference] = concluded
		return ""
	case 0:
		return "an outcome without an intent"
	default:
		return "a second outcome"
	}
}

// count adds up the amounts.
func (b *books) count(e payment.Event) (wrong string) {
	switch e := e.(type) {
	case payment.Authorized:
		b.authorized = e.Amount
	case payment.Failed, payment.Reversed:
		b.ended = true
	case payment.Captured:
		if b.over {
			return "captured after cancel or expiry"
		}
		b.captured += e.Amount
		b.captures++
	case payment.AuthorizationReleased:
		b.released += e.Amount
	case payment.Cancelled, payment.AuthorizationExpired:
		b.released, b.over = b.authorized, true
	case payment.RefundRequested:
		b.refunds[e.Reference] = e.Amount
	case payment.RefundFailed:
		delete(b.refunds, e.Reference)
	}
	return ""
}

func (b *books) refunded() int64  { return b.sum(went) }
func (b *books) refunding() int64 { return b.sum(open) }

func (b *books) sum(of outcome) (sum int64) {
	for reference, amount := range b.refunds {
		if b.intents[reference] == of {
			sum += amount
		}
	}
	return sum
}

// open counts intents without an outcome.
func (b *books) open() (n int) {
	for _, o := range b.intents {
		if o == open {
			n++
		}
	}
	return n
}
