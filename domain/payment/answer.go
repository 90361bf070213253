package payment

import (
	"slices"
	"strconv"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
)

// outcomesOf says which words an acquirer can say on an operation; any other is a
// mismatch.
func outcomesOf(op acquirer.Operation) []acquirer.Outcome {
	switch op {
	case acquirer.OperationAuthorize:
		return []acquirer.Outcome{acquirer.Approved, acquirer.Declined, acquirer.ActionRequired, acquirer.Pending, acquirer.Reversed, acquirer.NotFound}
	case acquirer.OperationCancel, acquirer.OperationReverse:
		return []acquirer.Outcome{acquirer.Approved, acquirer.Declined, acquirer.Pending, acquirer.Reversed, acquirer.NotFound}
	default:
		return []acquirer.Outcome{acquirer.Approved, acquirer.Declined, acquirer.Pending, acquirer.NotFound}
	}
}

// fits holds an answer against its question. Only an authorization may be approved
// for less than was asked; what a cancel gives back is the whole hold.
func fits(intent Intent, s State, answer acquirer.Answer) error {
	mismatch := func(field, want, got string) error {
		return &MismatchError{Operation: intent.Operation, Reference: intent.Reference, Field: field, Want: want, Got: got}
	}
	switch {
	case answer.Reference != intent.Reference:
		return mismatch("reference", intent.Reference.String(), answer.Reference.String())
	case !slices.Contains(outcomesOf(intent.Operation), answer.Outcome):
		return mismatch("outcome", "one that "+string(intent.Operation)+" can have", string(answer.Outcome))
	case answer.Outcome == acquirer.ActionRequired && answer.NextAction == nil:
		return mismatch("next_action", "an action", "none")
	case answer.Outcome != acquirer.Approved:
		return nil
	case intent.Operation == acquirer.OperationCancel || intent.Operation == acquirer.OperationReverse:
		return nil
	case answer.Amount.Currency != s.Currency:
		return mismatch("currency", string(s.Currency), string(answer.Amount.Currency))
	case !amountFits(intent, answer.Amount.Minor):
		return mismatch("amount", strconv.FormatInt(intent.Amount, 10), strconv.FormatInt(answer.Amount.Minor, 10))
	case answer.Captured && intent.Operation == acquirer.OperationAuthorize && !s.CaptureAtOnce:
		return mismatch("captured", "false", "true")
	}
	return nil
}

func amountFits(intent Intent, approved int64) bool {
	if intent.Operation == acquirer.OperationAuthorize {
		return approved > 0 && approved <= intent.Amount
	}
	return approved == intent.Amount
}

// concludeLate judges a word on an act whose outcome is recorded. It changes
// something in two cases: a refund that succeeded may fail, and an approval that
// arrives during a reversal is noted. An approval after the books were closed
// without it is a contradiction.
func (s State) concludeLate(op acquirer.Operation, reference id.Reference, answer acquirer.Answer) ([]Event, error) {
	if answer.Reference != reference {
		return nil, &MismatchError{Operation: op, Reference: reference, Field: "reference", Want: reference.String(), Got: answer.Reference.String()}
	}
	if i := s.refundByReference(reference); i >= 0 {
		return s.concludeLateRefund(s.Refunds[i], answer)
	}
	if answer.Outcome != acquirer.Approved || reference.IsZero() {
		return nil, nil
	}
	reversing := s.Open != nil && s.Open.Operation == acquirer.OperationReverse
	switch {
	case reference == s.Authorization && reversing && !s.LateApproval:
		return []Event{LateApprovalNoted{Authorization: reference, Amount: answer.Amount.Minor}}, nil
	case reference == s.Authorization && s.Status == StatusFailed,
		reference == s.Capture && s.Captured == 0 && s.Capture != s.Authorization:
		return nil, &ContradictionError{Operation: op, Reference: reference, Status: s.Status}
	}
	return nil, nil
}

func (s State) concludeLateRefund(refund Refund, answer acquirer.Answer) ([]Event, error) {
	switch {
	case refund.Status == RefundStatusSucceeded && answer.Outcome == acquirer.Declined:
		return concludeRefund(refund.intent(), answer), nil
	case refund.Status == RefundStatusFailed && answer.Outcome == acquirer.Approved:
		return nil, &ContradictionError{Operation: acquirer.OperationRefund, Reference: refund.Reference, Status: s.Status}
	}
	return nil, nil
}

// failureOf words every outcome that is not an approval.
func failureOf(answer acquirer.Answer) acquirer.Decline {
	switch {
	case answer.Outcome == acquirer.NotFound:
		return acquirer.Decline{Code: CodeNeverArrived, Advice: acquirer.RetryLater, Message: "The request never reached the card network. Nothing was charged."}
	case answer.Outcome == acquirer.Reversed:
		return acquirer.Decline{Code: CodeReversed, Advice: acquirer.RetryLater, Message: "The card network has undone the authorization. Nothing was charged."}
	case answer.Decline.Code == "":
		return acquirer.DeclineOf(answer.Decline.Raw)
	}
	return answer.Decline
}

// NotSent concludes the call made under reference as one that certainly never
// reached the acquirer: the act did not happen and may be wished again. It is for
// the first call alone: after the intent's deadline, or once the outcome is in
// doubt, an earlier call may have arrived, and NotSent gives no events. A reversal
// stays open, to be repeated.
func (s State) NotSent(_ acquirer.Operation, reference id.Reference, now time.Time) []Event {
	intent, open := s.Intent(reference)
	if !open || intent.Unknown || now.After(intent.Deadline) {
		return nil
	}
	const code, message = CodeAcquirerUnavailable, "The card network could not be reached. Nothing was charged; try again later."
	switch intent.Operation {
	case acquirer.OperationAuthorize:
		return []Event{Failed{Reference: reference, Code: code, RetryAdvice: acquirer.RetryLater, Message: message}}
	case acquirer.OperationCapture:
		return []Event{CaptureFailed{Reference: reference, Code: code, Message: message}}
	case acquirer.OperationCancel:
		return []Event{CancellationFailed{Reference: reference, Code: code, Message: message}}
	case acquirer.OperationRefund:
		return []Event{RefundFailed{Refund: intent.Refund, Reference: reference, Code: code, Message: message}}
	default:
		return nil
	}
}

// Doubt records, once per intent, that the call made under reference brought no
// outcome. It gives no events when the outcome is known or the doubt recorded.
func (s State) Doubt(_ acquirer.Operation, reference id.Reference, reason string) []Event {
	intent, open := s.Intent(reference)
	if !open || intent.Unknown {
		return nil
	}
	return []Event{OutcomeUnknown{Reference: reference, Operation: intent.Operation, Refund: intent.Refund, Reason: reason}}
}
