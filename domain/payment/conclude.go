package payment

import (
	"fmt"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
)

// HoldLife is how long a hold is taken to stand when the acquirer names no end: the
// shortest that the card schemes give.
const HoldLife = 5 * 24 * time.Hour

// Failure codes that are ours, beside the acquirer's (see acquirer/declines.go).
const (
	CodeAcquirerUnavailable  = "acquirer_unavailable"   // the network certainly never got the request
	CodeNeverArrived         = "never_arrived"          // the network knows nothing of it, and it can no longer arrive
	CodeReversed             = "authorization_reversed" // the network has undone it
	CodeAuthenticationFailed = "authentication_failed"  // the cardholder's action failed
)

// Reasons of an OutcomeUnknown.
const (
	ReasonTimeout        = "timeout"
	ReasonConnectionLost = "connection_lost"
	ReasonAnswerMismatch = "answer_mismatch"
)

// MismatchError is an answer that does not fit its question: another reference,
// amount or currency, or an outcome that the operation cannot have. The outcome is
// in doubt; append the events that came with the error, and raise an alarm.
type MismatchError struct {
	Operation acquirer.Operation
	Reference id.Reference
	Field     string
	Want, Got string
}

// Error implements error.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("acquirer's answer to %s %s: %s is %q, want %q", e.Operation, e.Reference, e.Field, e.Got, e.Want)
}

// ContradictionError is an approval that came after the books were closed without
// it: money may be held at the acquirer that nobody counts on. Raise an alarm.
type ContradictionError struct {
	Operation acquirer.Operation
	Reference id.Reference
	Status    Status
}

// Error implements error.
func (e *ContradictionError) Error() string {
	return fmt.Sprintf("acquirer approves %s %s of a payment that is %s", e.Operation, e.Reference, e.Status)
}

// Conclude turns the acquirer's word on the call made under reference into
// outcome events, at most one outcome per intent. The word may be the answer to
// the call, to a repetition of it, or to an inquiry about it. No events, no error:
// the word changes nothing (the outcome is recorded already, is still pending, or
// "not found" proves nothing yet). Now is wall time, as in the intent's deadline.
//
// An authorization with capture at once that was approved without Captured gives
// Authorized and, in the same breath, CaptureRequested: the second network message
// is then Open, and whoever holds the new State makes that call (after a crash, the
// inquiry reaction does).
//
// Events may come with a *MismatchError; a *ContradictionError comes alone.
func (s State) Conclude(op acquirer.Operation, reference id.Reference, answer acquirer.Answer, traits acquirer.Traits, now time.Time) ([]Event, error) {
	intent, open := s.Intent(reference)
	if !open {
		return s.concludeLate(op, reference, answer)
	}
	if err := fits(intent, s, answer); err != nil {
		return s.Doubt(op, reference, ReasonAnswerMismatch), err
	}
	gone := !now.Before(intent.Deadline.Add(traits.LongestLife))
	switch {
	case intent.Operation == acquirer.OperationReverse:
		return concludeReversal(intent, answer, traits.StickyReversal || gone), nil
	case answer.Outcome == acquirer.Pending, answer.Outcome == acquirer.NotFound && !gone:
		return nil, nil
	}
	switch intent.Operation {
	case acquirer.OperationAuthorize:
		return s.concludeAuthorization(intent, answer, now), nil
	case acquirer.OperationCapture:
		return s.concludeCapture(intent, answer), nil
	case acquirer.OperationCancel:
		return concludeCancellation(intent, answer), nil
	default:
		return concludeRefund(intent, answer), nil
	}
}

func (s State) concludeAuthorization(intent Intent, answer acquirer.Answer, now time.Time) []Event {
	switch answer.Outcome {
	case acquirer.Approved:
		return s.authorized(intent, answer, now)
	case acquirer.ActionRequired:
		return []Event{ActionRequired{Reference: intent.Reference, Action: *answer.NextAction}}
	default:
		f := failureOf(answer)
		return []Event{Failed{
			Reference: intent.Reference, Code: f.Code, DeclineCode: f.Decline, RawCode: f.Raw, RetryAdvice: f.Advice, Message: f.Message,
		}}
	}
}

func (s State) authorized(intent Intent, answer acquirer.Answer, now time.Time) []Event {
	events := []Event{Authorized{
		Reference: intent.Reference, Amount: answer.Amount.Minor,
		NetworkTransactionID: answer.NetworkTransactionID, ExpiresAt: holdEnd(answer, now),
	}}
	switch {
	case answer.Captured:
		return append(events, Captured{Reference: s.CaptureReference, Amount: answer.Amount.Minor, FundsAtOnce: answer.FundsAtOnce})
	case s.CaptureAtOnce:
		return append(events, CaptureRequested{Reference: s.CaptureReference, Amount: answer.Amount.Minor, Deadline: instant(now.Add(CallTimeout))})
	}
	return events
}

func holdEnd(answer acquirer.Answer, now time.Time) time.Time {
	if answer.ExpiresAt.IsZero() {
		return instant(now.Add(HoldLife))
	}
	return instant(answer.ExpiresAt)
}

func (s State) concludeCapture(intent Intent, answer acquirer.Answer) []Event {
	if answer.Outcome != acquirer.Approved {
		f := failureOf(answer)
		return []Event{CaptureFailed{Reference: intent.Reference, Code: f.Code, Message: f.Message}}
	}
	events := []Event{Captured{Reference: intent.Reference, Amount: intent.Amount, FundsAtOnce: answer.FundsAtOnce}}
	if rest := s.Authorized - s.Released - intent.Amount; rest > 0 {
		events = append(events, AuthorizationReleased{Amount: rest})
	}
	return events
}

func concludeCancellation(intent Intent, answer acquirer.Answer) []Event {
	if answer.Outcome == acquirer.Approved || answer.Outcome == acquirer.Reversed {
		return []Event{Cancelled{Reference: intent.Reference, Reason: intent.Reason}}
	}
	f := failureOf(answer)
	return []Event{CancellationFailed{Reference: intent.Reference, Code: f.Code, Message: f.Message}}
}

func concludeRefund(intent Intent, answer acquirer.Answer) []Event {
	if answer.Outcome == acquirer.Approved {
		return []Event{RefundSucceeded{Refund: intent.Refund, Reference: intent.Reference}}
	}
	f := failureOf(answer)
	return []Event{RefundFailed{Refund: intent.Refund, Reference: intent.Reference, Code: f.Code, Message: f.Message}}
}

// concludeReversal believes an acknowledgement only when it is final: the acquirer
// remembers it, or the authorization can no longer arrive.
func concludeReversal(intent Intent, answer acquirer.Answer, final bool) []Event {
	acknowledged := answer.Outcome == acquirer.Approved || answer.Outcome == acquirer.Reversed || answer.Outcome == acquirer.NotFound
	if !acknowledged || !final {
		return nil
	}
	return []Event{Reversed{Reference: intent.Reference}}
}
