package payment

import (
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
)

// The times of the in-doubt protocol.
const (
	ReverseAfter  = time.Minute     // an authorization this long past its deadline is reversed
	BackoffFirst  = time.Second     // between tries, doubling
	BackoffMax    = 5 * time.Minute // to this
	FailuresAlarm = 6               // tries without a usable word, then somebody must look
)

// Act is what to do about an intent without an outcome.
type Act string

// The acts. ActReverse is a decision (see Reverse) followed by the first call;
// ActResend repeats the call under its own reference, ActInquire asks about it.
// ActWait is for Step.At.
const (
	ActWait    Act = "wait"
	ActInquire Act = "inquire"
	ActResend  Act = "resend"
	ActReverse Act = "reverse"
)

// Step is the next act on an intent.
type Step struct {
	Do Act
	At time.Time // with ActWait: when to look again; zero when no time will help
	// Alarm: the protocol alone has not settled it; it goes on, but somebody must look.
	Alarm bool
}

// Tried counts what was done about an intent since its first call. It belongs to
// whoever does it and starts again with a reversal, which is an intent of its own.
type Tried struct {
	Tries    int
	Failures int // of them in a row without a word; "pending" and "not found" are words
	Last     time.Time
}

// NextStep says what to do now about an intent of s (see State.Intents):
//
//	authorize           inquire 1 s … 5 min apart; reverse 60 s after the deadline
//	reverse             repeat 1 s … 5 min apart until Reversed is recorded
//	capture, cancel,    only forward: repeat under the same reference where the
//	refund              gateway takes that for one operation, else inquire
//
// Before the deadline, and while nobody has recorded doubt, the caller that made
// the call is still waiting for it. Now is wall time.
func (s State) NextStep(intent Intent, tried Tried, traits acquirer.Traits, now time.Time) Step {
	alarm := tried.Failures >= FailuresAlarm
	if !intent.Unknown && now.Before(intent.Deadline) {
		return Step{Do: ActWait, At: intent.Deadline, Alarm: alarm}
	}
	act, reverseAt := intent.act(traits), intent.Deadline.Add(ReverseAfter)
	again := tried.Last.Add(Backoff(tried.Tries))
	if intent.Operation == acquirer.OperationAuthorize {
		if !now.Before(reverseAt) {
			return Step{Do: ActReverse, Alarm: alarm}
		}
		if act == ActWait || again.After(reverseAt) {
			again = reverseAt
		}
	}
	switch {
	case act == ActWait && intent.Operation != acquirer.OperationAuthorize:
		return Step{Do: ActWait, Alarm: true} // the gateway can neither repeat nor tell: a statement and Correct remain
	case act == ActWait, now.Before(again):
		return Step{Do: ActWait, At: again, Alarm: alarm}
	}
	return Step{Do: act, Alarm: alarm}
}

// act is how this gateway lets an intent be moved on.
func (i Intent) act(traits acquirer.Traits) Act {
	forward := i.Operation != acquirer.OperationAuthorize
	switch {
	case i.Operation == acquirer.OperationReverse, forward && traits.IdempotentReference:
		return ActResend
	case traits.Inquiry:
		return ActInquire
	}
	return ActWait
}

// Backoff is the time between try number tries and the next: none before the
// first, then 1 s, 2 s, 4 s … 5 min.
func Backoff(tries int) time.Duration {
	if tries <= 0 {
		return 0
	}
	if tries > 16 {
		return BackoffMax
	}
	return min(BackoffFirst<<(tries-1), BackoffMax)
}

// Reverse wishes to undo an authorization whose outcome is in doubt. It is a point
// of no return: an approval heard later is noted, not honoured.
type Reverse struct {
	Reference id.Reference // of the reversal
	Now       time.Time    // wall clock
}

// Decide refuses when no authorization is open, and before its time.
func (w Reverse) Decide(s State) ([]Event, *refusal.Refusal) {
	switch {
	case s.Open == nil || s.Open.Operation != acquirer.OperationAuthorize:
		return nil, refusal.New(refusal.OutcomeAlreadyKnown, "No authorization of this payment is in doubt.")
	case w.Now.Before(s.Open.Deadline.Add(ReverseAfter)):
		return nil, refusal.New(refusal.NotDue, "The authorization has not been in doubt for long enough.")
	}
	return []Event{ReversalRequested{Reference: w.Reference, Authorization: s.Authorization}}, nil
}
