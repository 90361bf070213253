package payment_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
)

// word is one given-when-then of the outcome side: the acquirer says something
// about the call under a reference, and that happens.
type word struct {
	given  []payment.Event
	op     acquirer.Operation
	on     id.Reference
	says   acquirer.Answer
	at     time.Time // noon by default
	traits *acquirer.Traits
	then   []payment.Event
	alarm  any // *payment.MismatchError or *payment.ContradictionError, when one comes
}

func holdWords(t *testing.T, words map[string]word) {
	t.Helper()
	for name, w := range words {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if w.at.IsZero() {
				w.at = noon
			}
			if w.traits == nil {
				w.traits = &traits
			}
			if w.says.Reference.IsZero() {
				w.says.Reference = w.on
			}
			got, err := given(w.given...).Conclude(w.op, w.on, w.says, *w.traits, w.at)
			if diff := cmp.Diff(w.then, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if !alarms(err, w.alarm) {
				t.Errorf("alarm %v, want %T", err, w.alarm)
			}
		})
	}
}

func alarms(err error, want any) bool {
	switch want.(type) {
	case *payment.MismatchError:
		_, ok := errors.AsType[*payment.MismatchError](err)
		return ok && err.Error() != ""
	case *payment.ContradictionError:
		_, ok := errors.AsType[*payment.ContradictionError](err)
		return ok && err.Error() != ""
	}
	return err == nil
}

func approves(minor int64) acquirer.Answer {
	return acquirer.Answer{Outcome: acquirer.Approved, Amount: euros(minor), NetworkTransactionID: "ntx_1", ExpiresAt: holdEnds}
}

func says(outcome acquirer.Outcome) acquirer.Answer { return acquirer.Answer{Outcome: outcome} }

func declines(code string) acquirer.Answer {
	return acquirer.Answer{Outcome: acquirer.Declined, Decline: acquirer.DeclineOf(code)}
}

func hold(minor int64) payment.Event {
	return payment.Authorized{Reference: netID(1), Amount: minor, NetworkTransactionID: "ntx_1", ExpiresAt: holdEnds}
}

func events(es ...payment.Event) []payment.Event { return es }

var (
	gone     = deadline.Add(2 * time.Minute) // no request of the deadline can be under way any more
	mismatch = &payment.MismatchError{}
)

func TestTheWordOnAnAuthorization(t *testing.T) {
	t.Parallel()
	const op = acquirer.OperationAuthorize
	open, toCapture := events(requested()), events(requestedWithCapture())
	took := approves(10_000)
	took.Captured, took.FundsAtOnce = true, true
	tookHalf := approves(5_000)
	tookHalf.Captured = true
	endless := approves(10_000)
	endless.ExpiresAt = time.Time{}
	dollars := approves(10_000)
	dollars.Amount = money.Of(10_000, "usd")
	other := approves(10_000)
	other.Reference = netID(99)
	acs := acquirer.NextAction{Type: "redirect_to_url", URL: "https://acs.example"}
	action := acquirer.Answer{Outcome: acquirer.ActionRequired, NextAction: &acs}
	doubt := events(payment.OutcomeUnknown{Reference: netID(1), Operation: op, Reason: payment.ReasonAnswerMismatch})
	plain := acquirer.DeclineOf("insufficient_funds")
	never := payment.Failed{Reference: netID(1), Code: "never_arrived", RetryAdvice: "retry_later", Message: "The request never reached the card network. Nothing was charged."}
	holdWords(t, map[string]word{
		"approved":          {given: open, op: op, on: netID(1), says: approves(10_000), then: events(hold(10_000))},
		"approved in part":  {given: open, op: op, on: netID(1), says: approves(5_000), then: events(hold(5_000))},
		"approved for ever": {given: open, op: op, on: netID(1), says: endless, then: events(payment.Authorized{Reference: netID(1), Amount: 10_000, NetworkTransactionID: "ntx_1", ExpiresAt: noon.Add(payment.HoldLife)})},
		"approved after an action": {
			given: and(awaitingAction(), payment.ActionCompleted{Reference: netID(3), Succeeded: true, Deadline: deadline}), op: op, on: netID(3), says: approves(10_000),
			then: events(payment.Authorized{Reference: netID(3), Amount: 10_000, NetworkTransactionID: "ntx_1", ExpiresAt: holdEnds}),
		},
		"captured in one message": {
			given: toCapture, op: op, on: netID(1), says: took,
			then: events(hold(10_000), payment.Captured{Reference: netID(2), Amount: 10_000, FundsAtOnce: true}),
		},
		"captured in one message, in part": {
			given: toCapture, op: op, on: netID(1), says: tookHalf, then: events(hold(5_000), payment.Captured{Reference: netID(2), Amount: 5_000}),
		},
		"to be captured in a second message": {
			given: toCapture, op: op, on: netID(1), says: approves(10_000),
			then: events(hold(10_000), payment.CaptureRequested{Reference: netID(2), Amount: 10_000, Deadline: deadline}),
		},
		"declined": {
			given: open, op: op, on: netID(1), says: declines("insufficient_funds"),
			then: events(payment.Failed{Reference: netID(1), Code: "card_declined", DeclineCode: "insufficient_funds", RawCode: "insufficient_funds", RetryAdvice: plain.Advice, Message: plain.Message}),
		},
		"declined without a reason": {
			given: open, op: op, on: netID(1), says: acquirer.Answer{Outcome: acquirer.Declined, Decline: acquirer.Decline{Raw: "51"}},
			then: events(payment.Failed{Reference: netID(1), Code: "card_declined", DeclineCode: "generic_decline", RawCode: "51", RetryAdvice: "retry_with_other_method", Message: "The card was declined."}),
		},
		"action required":           {given: open, op: op, on: netID(1), says: action, then: events(payment.ActionRequired{Reference: netID(1), Action: acs})},
		"pending":                   {given: open, op: op, on: netID(1), says: says(acquirer.Pending)},
		"not found, still en route": {given: open, op: op, on: netID(1), says: says(acquirer.NotFound), at: gone.Add(-1)},
		"not found, for good":       {given: open, op: op, on: netID(1), says: says(acquirer.NotFound), at: gone, then: events(never)},
		"undone by the network":     {given: open, op: op, on: netID(1), says: says(acquirer.Reversed), then: events(payment.Failed{Reference: netID(1), Code: "authorization_reversed", RetryAdvice: "retry_later", Message: "The card network has undone the authorization. Nothing was charged."})},
		"approved for too much":     {given: open, op: op, on: netID(1), says: approves(10_001), then: doubt, alarm: mismatch},
		"approved for nothing":      {given: open, op: op, on: netID(1), says: approves(0), then: doubt, alarm: mismatch},
		"in another currency":       {given: open, op: op, on: netID(1), says: dollars, then: doubt, alarm: mismatch},
		"for another reference":     {given: open, op: op, on: netID(1), says: other, then: doubt, alarm: mismatch},
		"captured unasked":          {given: open, op: op, on: netID(1), says: took, then: doubt, alarm: mismatch},
		"action without a name":     {given: open, op: op, on: netID(1), says: says(acquirer.ActionRequired), then: doubt, alarm: mismatch},
		"a word nobody knows":       {given: open, op: op, on: netID(1), says: says("maybe"), then: doubt, alarm: mismatch},
		"no word":                   {given: open, op: op, on: netID(1), then: doubt, alarm: mismatch},
		"a second mismatch":         {given: and(open, doubt...), op: op, on: netID(1), says: approves(10_001), alarm: mismatch},
		"approved after doubt":      {given: and(open, doubt...), op: op, on: netID(1), says: approves(10_000), then: events(hold(10_000))},
	})
}

func TestTheWordOnACapture(t *testing.T) {
	t.Parallel()
	const op = acquirer.OperationCapture
	partly := and(authorized(), payment.CaptureRequested{Reference: netID(2), Amount: 4_000, Deadline: deadline})
	doubt := events(payment.OutcomeUnknown{Reference: netID(2), Operation: op, Reason: payment.ReasonAnswerMismatch})
	holdWords(t, map[string]word{
		"approved":                  {given: capturing(), op: op, on: netID(2), says: approves(10_000), then: events(payment.Captured{Reference: netID(2), Amount: 10_000})},
		"the rest is released":      {given: partly, op: op, on: netID(2), says: approves(4_000), then: events(payment.Captured{Reference: netID(2), Amount: 4_000}, payment.AuthorizationReleased{Amount: 6_000})},
		"declined":                  {given: capturing(), op: op, on: netID(2), says: declines("processing_error"), then: events(payment.CaptureFailed{Reference: netID(2), Code: "processing_error", Message: acquirer.DeclineOf("processing_error").Message})},
		"pending":                   {given: capturing(), op: op, on: netID(2), says: says(acquirer.Pending)},
		"not found, still en route": {given: capturing(), op: op, on: netID(2), says: says(acquirer.NotFound)},
		"not found, for good":       {given: capturing(), op: op, on: netID(2), says: says(acquirer.NotFound), at: gone, then: events(payment.CaptureFailed{Reference: netID(2), Code: "never_arrived", Message: "The request never reached the card network. Nothing was charged."})},
		"approved in part":          {given: capturing(), op: op, on: netID(2), says: approves(9_999), then: doubt, alarm: mismatch},
		"action required":           {given: capturing(), op: op, on: netID(2), says: says(acquirer.ActionRequired), then: doubt, alarm: mismatch},
	})
}

func TestTheWordOnACancel(t *testing.T) {
	t.Parallel()
	const op = acquirer.OperationCancel
	done := events(payment.Cancelled{Reference: netID(5), Reason: "no stock"})
	holdWords(t, map[string]word{
		"approved":            {given: cancelling(), op: op, on: netID(5), says: says(acquirer.Approved), then: done},
		"reversed":            {given: cancelling(), op: op, on: netID(5), says: says(acquirer.Reversed), then: done},
		"declined":            {given: cancelling(), op: op, on: netID(5), says: declines("processing_error"), then: events(payment.CancellationFailed{Reference: netID(5), Code: "processing_error", Message: acquirer.DeclineOf("processing_error").Message})},
		"not found, en route": {given: cancelling(), op: op, on: netID(5), says: says(acquirer.NotFound)},
		"not found, for good": {given: cancelling(), op: op, on: netID(5), says: says(acquirer.NotFound), at: gone, then: events(payment.CancellationFailed{Reference: netID(5), Code: "never_arrived", Message: "The request never reached the card network. Nothing was charged."})},
	})
}

func TestTheWordOnARefund(t *testing.T) {
	t.Parallel()
	const op = acquirer.OperationRefund
	open := and(captured(), refunding(1, 3_000))
	succeeded := and(open, refundSucceeded(1))
	lost := payment.RefundFailed{Refund: refID(1), Reference: netID(101), Code: "card_declined", Message: acquirer.DeclineOf("invalid_account").Message}
	doubt := events(payment.OutcomeUnknown{Reference: netID(101), Operation: op, Refund: refID(1), Reason: payment.ReasonAnswerMismatch})
	holdWords(t, map[string]word{
		"approved":               {given: open, op: op, on: netID(101), says: approves(3_000), then: events(refundSucceeded(1))},
		"declined":               {given: open, op: op, on: netID(101), says: declines("invalid_account"), then: events(lost)},
		"pending":                {given: open, op: op, on: netID(101), says: says(acquirer.Pending), at: gone},
		"not found, en route":    {given: open, op: op, on: netID(101), says: says(acquirer.NotFound)},
		"not found, for good":    {given: open, op: op, on: netID(101), says: says(acquirer.NotFound), at: gone, then: events(payment.RefundFailed{Refund: refID(1), Reference: netID(101), Code: "never_arrived", Message: "The request never reached the card network. Nothing was charged."})},
		"approved for less":      {given: open, op: op, on: netID(101), says: approves(2_999), then: doubt, alarm: mismatch},
		"failed days after":      {given: succeeded, op: op, on: netID(101), says: declines("invalid_account"), then: events(lost)},
		"approved twice":         {given: succeeded, op: op, on: netID(101), says: approves(3_000)},
		"failed twice":           {given: and(succeeded, refundFailed(1)), op: op, on: netID(101), says: declines("invalid_account")},
		"lost after it arrived":  {given: succeeded, op: op, on: netID(101), says: says(acquirer.NotFound), at: gone},
		"approved after failing": {given: and(open, refundFailed(1)), op: op, on: netID(101), says: approves(3_000), alarm: &payment.ContradictionError{}},
	})
}

func TestTheWordOnAReversal(t *testing.T) {
	t.Parallel()
	const op = acquirer.OperationReverse
	open := events(requested(), payment.ReversalRequested{Reference: netID(4), Authorization: netID(1)})
	done := events(payment.Reversed{Reference: netID(4)})
	forgetful := traits
	forgetful.StickyReversal = false
	noted := payment.LateApprovalNoted{Authorization: netID(1), Amount: 10_000}
	holdWords(t, map[string]word{
		"acknowledged and remembered":        {given: open, op: op, on: netID(4), says: says(acquirer.Approved), then: done},
		"nothing there, and remembered":      {given: open, op: op, on: netID(4), says: says(acquirer.NotFound), then: done},
		"acknowledged, not remembered":       {given: open, op: op, on: netID(4), says: says(acquirer.Approved), traits: &forgetful, at: gone.Add(-1)},
		"acknowledged when nothing can come": {given: open, op: op, on: netID(4), says: says(acquirer.Reversed), traits: &forgetful, at: gone, then: done},
		"declined":                           {given: open, op: op, on: netID(4), says: declines("processing_error")},
		"pending":                            {given: open, op: op, on: netID(4), says: says(acquirer.Pending)},
		"the authorization was approved":     {given: open, op: acquirer.OperationAuthorize, on: netID(1), says: approves(10_000), then: events(noted)},
		"approved, noted already":            {given: and(open, noted), op: acquirer.OperationAuthorize, on: netID(1), says: approves(10_000)},
		"the authorization was declined":     {given: open, op: acquirer.OperationAuthorize, on: netID(1), says: declines("do_not_honor")},
		"reversed after a late approval":     {given: and(open, noted), op: op, on: netID(4), says: says(acquirer.Reversed), then: done},
		"approved after all was reversed":    {given: and(open, done...), op: acquirer.OperationAuthorize, on: netID(1), says: approves(10_000), alarm: &payment.ContradictionError{}},
	})
}

func TestAWordOnWhatIsSettledChangesNothing(t *testing.T) {
	t.Parallel()
	const auth = acquirer.OperationAuthorize
	never := and(capturing(), payment.CaptureFailed{Reference: netID(2), Code: payment.CodeNeverArrived})
	liar := approves(10_000)
	liar.Reference = netID(98)
	holdWords(t, map[string]word{
		"approved twice":                 {given: authorized(), op: auth, on: netID(1), says: approves(10_000)},
		"declined after approval":        {given: authorized(), op: auth, on: netID(1), says: declines("do_not_honor")},
		"captured twice":                 {given: captured(), op: acquirer.OperationCapture, on: netID(2), says: approves(10_000)},
		"a reference nobody knows":       {given: authorized(), op: auth, on: netID(77), says: approves(10_000)},
		"no payment":                     {op: auth, on: netID(1), says: approves(10_000)},
		"approved after failing":         {given: failed(), op: auth, on: netID(1), says: approves(10_000), alarm: &payment.ContradictionError{}},
		"captured after failing":         {given: never, op: acquirer.OperationCapture, on: netID(2), says: approves(10_000), alarm: &payment.ContradictionError{}},
		"approved once action is needed": {given: awaitingAction(), op: auth, on: netID(1), says: approves(10_000)},
		"about another reference":        {given: authorized(), op: auth, on: netID(1), says: liar, alarm: mismatch},
	})
}

func TestACallThatNeverLeftDidNotHappen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given []payment.Event
		on    id.Reference
		at    time.Time
		want  string
	}{
		"authorization":            {events(requested()), netID(1), noon, payment.TypeFailed},
		"capture":                  {capturing(), netID(2), noon, payment.TypeCaptureFailed},
		"cancel":                   {cancelling(), netID(5), noon, payment.TypeCancellationFailed},
		"refund":                   {and(captured(), refunding(1, 1)), netID(101), noon, payment.TypeRefundFailed},
		"a reversal is repeated":   {events(requested(), payment.ReversalRequested{Reference: netID(4)}), netID(4), noon, ""},
		"settled":                  {authorized(), netID(1), noon, ""},
		"an earlier call was lost": {and(capturing(), payment.OutcomeUnknown{Reference: netID(2)}), netID(2), noon, ""},
		"a repetition":             {capturing(), netID(2), deadline.Add(1), ""},
	} {
		got := ""
		for _, e := range given(c.given...).NotSent("", c.on, c.at) {
			got += e.Type()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestDoubtIsRecordedOnce(t *testing.T) {
	t.Parallel()
	s := given(and(captured(), refunding(1, 5))...)
	want := events(payment.OutcomeUnknown{Reference: netID(101), Operation: acquirer.OperationRefund, Refund: refID(1), Reason: payment.ReasonTimeout})
	got := s.Doubt(acquirer.OperationRefund, netID(101), payment.ReasonTimeout)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if again := payment.Evolve(s, got[0]).Doubt(acquirer.OperationRefund, netID(101), payment.ReasonTimeout); again != nil {
		t.Errorf("again: %v", again)
	}
	if settled := s.Doubt(acquirer.OperationCapture, netID(2), payment.ReasonTimeout); settled != nil {
		t.Errorf("settled: %v", settled)
	}
}
