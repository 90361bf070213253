package payment_test

import (
	"testing"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/payment"
)

func TestCompleteAction(t *testing.T) {
	t.Parallel()
	succeeded := payment.CompleteAction{Reference: netID(3), Succeeded: true, Deadline: deadline}
	gaveUp := payment.CompleteAction{Reference: netID(3), Deadline: deadline}
	holdRules(t, map[string]rule{
		"asks the network again under a new reference": {
			given: awaitingAction(), when: succeeded,
			then: []payment.Event{payment.ActionCompleted{Reference: netID(3), Succeeded: true, Deadline: deadline}},
		},
		"a cardholder who failed fails the payment at once": {
			given: awaitingAction(), when: gaveUp,
			then: []payment.Event{
				payment.ActionCompleted{Reference: netID(3), Deadline: deadline},
				payment.Failed{
					Reference: netID(3), Code: "authentication_failed", DeclineCode: "authentication_required",
					RetryAdvice: "retry_with_other_method", Message: "The cardholder could not be authenticated.",
				},
			},
		},
		"no payment":   {when: succeeded, refused: "payment_not_awaiting_action"},
		"pending":      {given: []payment.Event{requested()}, when: succeeded, refused: "payment_not_awaiting_action"},
		"authorized":   {given: authorized(), when: succeeded, refused: "payment_not_awaiting_action"},
		"failed":       {given: failed(), when: gaveUp, refused: "payment_not_awaiting_action"},
		"second time":  {given: and(awaitingAction(), payment.ActionCompleted{Reference: netID(3), Succeeded: true}), when: succeeded, refused: "payment_not_awaiting_action"},
		"after a fail": {given: and(awaitingAction(), payment.ActionCompleted{Reference: netID(3)}, payment.Failed{Reference: netID(3)}), when: succeeded, refused: "payment_not_awaiting_action"},
	})
}

func TestCapture(t *testing.T) {
	t.Parallel()
	capture := func(minor *int64) payment.Capture {
		return payment.Capture{Reference: netID(2), Amount: minor, Now: noon, Deadline: deadline}
	}
	takes := func(minor int64) []payment.Event {
		return []payment.Event{payment.CaptureRequested{Reference: netID(2), Amount: minor, Deadline: deadline}}
	}
	partly := []payment.Event{requested(), payment.Authorized{Reference: netID(1), Amount: 5_000, ExpiresAt: holdEnds}}
	late := payment.Capture{Reference: netID(2), Now: holdEnds, Deadline: deadline}
	holdRules(t, map[string]rule{
		"takes all by default":                {given: authorized(), when: capture(nil), then: takes(10_000)},
		"takes a part":                        {given: authorized(), when: capture(amount(1)), then: takes(1)},
		"takes what was partially approved":   {given: partly, when: capture(nil), then: takes(5_000)},
		"of a partial approval, more":         {given: partly, when: capture(amount(5_001)), refused: "capture_exceeds_authorized/amount"},
		"more than the hold":                  {given: authorized(), when: capture(amount(10_001)), refused: "capture_exceeds_authorized/amount"},
		"nothing":                             {given: authorized(), when: capture(amount(0)), refused: "amount_too_small/amount"},
		"less than nothing":                   {given: authorized(), when: capture(amount(-5)), refused: "amount_too_small/amount"},
		"no payment":                          {when: capture(nil), refused: "payment_not_capturable"},
		"pending":                             {given: []payment.Event{requested()}, when: capture(nil), refused: "payment_not_capturable"},
		"awaiting action":                     {given: awaitingAction(), when: capture(nil), refused: "payment_not_capturable"},
		"failed":                              {given: failed(), when: capture(nil), refused: "payment_not_capturable"},
		"captured":                            {given: captured(), when: capture(nil), refused: "payment_not_capturable"},
		"while another capture is under way":  {given: capturing(), when: capture(amount(1)), refused: "payment_not_capturable"},
		"while a cancel is under way":         {given: cancelling(), when: capture(nil), refused: "payment_not_capturable"},
		"cancelled":                           {given: and(cancelling(), payment.Cancelled{Reference: netID(5)}), when: capture(nil), refused: "payment_not_capturable"},
		"at the hold's end":                   {given: authorized(), when: late, refused: "authorization_expired"},
		"after the expiry was recorded":       {given: expired(), when: capture(nil), refused: "authorization_expired"},
		"captured, long after":                {given: captured(), when: late, refused: "payment_not_capturable"},
		"again after a capture failed":        {given: and(capturing(), payment.CaptureFailed{Reference: netID(2)}), when: capture(nil), then: takes(10_000)},
		"again after a cancel failed":         {given: and(cancelling(), payment.CancellationFailed{Reference: netID(5)}), when: capture(nil), then: takes(10_000)},
		"while a capture with doubt is open":  {given: and(capturing(), payment.OutcomeUnknown{Reference: netID(2)}), when: capture(nil), refused: "payment_not_capturable"},
		"the last moment before the hold end": {given: authorized(), when: payment.Capture{Reference: netID(2), Now: holdEnds.Add(-1), Deadline: deadline}, then: takes(10_000)},
	})
}

func TestCancel(t *testing.T) {
	t.Parallel()
	cancel := payment.Cancel{Reference: netID(5), Reason: "no stock", Deadline: deadline}
	wanted := []payment.Event{payment.CancellationRequested{Reference: netID(5), Reason: "no stock", Deadline: deadline}}
	holdRules(t, map[string]rule{
		"gives the hold back":          {given: authorized(), when: cancel, then: wanted},
		"again after a failed cancel":  {given: and(cancelling(), payment.CancellationFailed{Reference: netID(5)}), when: cancel, then: wanted},
		"no payment":                   {when: cancel, refused: "payment_not_cancellable"},
		"pending":                      {given: []payment.Event{requested()}, when: cancel, refused: "payment_not_cancellable"},
		"awaiting action":              {given: awaitingAction(), when: cancel, refused: "payment_not_cancellable"},
		"captured":                     {given: captured(), when: cancel, refused: "payment_not_cancellable"},
		"while a capture is under way": {given: capturing(), when: cancel, refused: "payment_not_cancellable"},
		"while a cancel is under way":  {given: cancelling(), when: cancel, refused: "payment_not_cancellable"},
		"failed":                       {given: failed(), when: cancel, refused: "payment_not_cancellable"},
		"expired":                      {given: expired(), when: cancel, refused: "payment_not_cancellable"},
	})
}

func TestExpire(t *testing.T) {
	t.Parallel()
	due := payment.Expire{Now: holdEnds}
	holdRules(t, map[string]rule{
		"at the hold's end":            {given: authorized(), when: due, then: []payment.Event{payment.AuthorizationExpired{Amount: 10_000}}},
		"a moment before":              {given: authorized(), when: payment.Expire{Now: holdEnds.Add(-1)}, refused: "not_due"},
		"while a capture is under way": {given: capturing(), when: due, refused: "not_due"},
		"captured":                     {given: captured(), when: due, refused: "not_due"},
		"twice":                        {given: expired(), when: due, refused: "not_due"},
		"no payment":                   {when: due, refused: "not_due"},
	})
}

func TestRefund(t *testing.T) {
	t.Parallel()
	refund := func(minor *int64) payment.RequestRefund {
		return payment.RequestRefund{Refund: refID(9), Reference: netID(109), Amount: minor, Reason: "duplicate", Metadata: map[string]string{"k": "v"}, Deadline: deadline}
	}
	returns := func(minor int64) []payment.Event {
		return []payment.Event{payment.RefundRequested{Refund: refID(9), Reference: netID(109), Amount: minor, Reason: "duplicate", Metadata: map[string]string{"k": "v"}, Deadline: deadline}}
	}
	partly := and(authorized(), payment.CaptureRequested{Reference: netID(2), Amount: 4_000}, payment.Captured{Reference: netID(2), Amount: 4_000}, payment.AuthorizationReleased{Amount: 6_000})
	holdRules(t, map[string]rule{
		"returns all by default":             {given: captured(), when: refund(nil), then: returns(10_000)},
		"returns a part":                     {given: captured(), when: refund(amount(1)), then: returns(1)},
		"what is left after a refund":        {given: and(captured(), refunding(1, 3_000), refundSucceeded(1)), when: refund(nil), then: returns(7_000)},
		"what is left beside a pending one":  {given: and(captured(), refunding(1, 3_000)), when: refund(nil), then: returns(7_000)},
		"a failed refund does not count":     {given: and(captured(), refunding(1, 10_000), refundFailed(1)), when: refund(nil), then: returns(10_000)},
		"a refund that failed after success": {given: and(captured(), refunding(1, 10_000), refundSucceeded(1), refundFailed(1)), when: refund(nil), then: returns(10_000)},
		"only what was captured":             {given: partly, when: refund(amount(4_001)), refused: "refund_exceeds_capture/amount"},
		"more than is left":                  {given: and(captured(), refunding(1, 3_000), refundSucceeded(1)), when: refund(amount(7_001)), refused: "refund_exceeds_capture/amount"},
		"a duplicate beside a pending one":   {given: and(captured(), refunding(1, 10_000)), when: refund(amount(10_000)), refused: "refund_exceeds_capture/amount"},
		"one more of a full refund":          {given: and(captured(), refunding(1, 10_000), refundSucceeded(1)), when: refund(amount(1)), refused: "refund_exceeds_capture/amount"},
		"all of nothing left":                {given: and(captured(), refunding(1, 10_000)), when: refund(nil), refused: "payment_not_refundable"},
		"nothing":                            {given: captured(), when: refund(amount(0)), refused: "amount_too_small/amount"},
		"less than nothing":                  {given: captured(), when: refund(amount(-1 << 63)), refused: "amount_too_small/amount"},
		"more than any number":               {given: captured(), when: refund(amount(1<<63 - 1)), refused: "refund_exceeds_capture/amount"},
		"no payment":                         {when: refund(nil), refused: "payment_not_refundable"},
		"authorized":                         {given: authorized(), when: refund(nil), refused: "payment_not_refundable"},
		"while the capture is under way":     {given: capturing(), when: refund(nil), refused: "payment_not_refundable"},
		"failed":                             {given: failed(), when: refund(nil), refused: "payment_not_refundable"},
		"expired":                            {given: expired(), when: refund(nil), refused: "payment_not_refundable"},
	})
}

func TestADisputedPaymentIsNotRefunded(t *testing.T) {
	t.Parallel()
	s := given(captured()...)
	s.Disputed = true
	if _, refused := (payment.RequestRefund{Refund: refID(1), Reference: netID(101)}).Decide(s); codesOf(refused) != "payment_disputed" {
		t.Errorf("refused with %v", refused)
	}
}

func TestAPaymentHasSoManyRefundsAndNoMore(t *testing.T) {
	t.Parallel()
	s := given(captured()...)
	for range payment.RefundsMax {
		s = payment.Evolve(s, refunding(1, 1))
	}
	if _, refused := (payment.RequestRefund{Refund: refID(2), Reference: netID(102), Amount: amount(1)}).Decide(s); codesOf(refused) != "payment_not_refundable" {
		t.Errorf("refused with %v", refused)
	}
}

func TestCorrect(t *testing.T) {
	t.Parallel()
	correct := func(captured, refunded int64, by string) payment.Correct {
		return payment.Correct{AmountCaptured: captured, AmountRefunded: refunded, Reason: "statement 8", Operator: "ada", ApprovedBy: by}
	}
	says := func(captured, refunded int64, by string) []payment.Event {
		return []payment.Event{payment.Corrected{AmountCaptured: captured, AmountRefunded: refunded, Reason: "statement 8", ApprovedBy: by}}
	}
	const large = 30_000_00
	big := []payment.Event{
		payment.AuthorizationRequested{Payment: payID(1), Reference: netID(1), Amount: large, Currency: "eur"},
		payment.Authorized{Reference: netID(1), Amount: large, ExpiresAt: holdEnds}, payment.Captured{Reference: netID(2), Amount: large},
	}
	unreasoned := correct(-1, 10_001, "")
	unreasoned.Reason = ""
	holdRules(t, map[string]rule{
		"captured less":                  {given: captured(), when: correct(9_000, 0, ""), then: says(9_000, 0, "")},
		"refunded although not by us":    {given: captured(), when: correct(10_000, 10_000, ""), then: says(10_000, 10_000, "")},
		"captured although we saw none":  {given: expired(), when: correct(10_000, 0, ""), then: says(10_000, 0, "")},
		"at the limit, alone":            {given: big, when: correct(large-1_000_00, 0, ""), then: says(large-1_000_00, 0, "")},
		"above the limit, alone":         {given: big, when: correct(large-1_000_01, 0, ""), refused: "second_approver_needed/approved_by"},
		"above the limit, self-approved": {given: big, when: correct(large, 1_000_01, "ada"), refused: "second_approver_needed/approved_by"},
		"above the limit, two people":    {given: big, when: correct(0, 0, "grace"), then: says(0, 0, "grace")},
		"more than was held":             {given: captured(), when: correct(10_001, 0, ""), refused: "capture_exceeds_authorized/amount_captured"},
		"refunded more than captured":    {given: captured(), when: correct(500, 501, ""), refused: "refund_exceeds_capture/amount_refunded"},
		"all fields wrong": {
			given: captured(), when: unreasoned,
			refused: "payment_not_correctable/reason capture_exceeds_authorized/amount_captured refund_exceeds_capture/amount_refunded",
		},
		"to where it stands":          {given: captured(), when: correct(10_000, 0, ""), refused: "payment_not_correctable"},
		"never authorized":            {given: failed(), when: correct(1, 0, ""), refused: "payment_not_correctable"},
		"while a capture is open":     {given: capturing(), when: correct(1, 0, ""), refused: "payment_not_correctable"},
		"while a refund is under way": {given: and(captured(), refunding(1, 5)), when: correct(1, 0, ""), refused: "payment_not_correctable"},
		"no payment":                  {when: correct(1, 0, ""), refused: "payment_not_correctable"},
	})
}

func TestACorrectedPaymentGoesOnFromWhatWasProven(t *testing.T) {
	t.Parallel()
	history := and(captured(), refunding(1, 2_000), refundSucceeded(1), payment.Corrected{AmountCaptured: 9_000, AmountRefunded: 4_000, Reason: "statement"})
	s := given(history...)
	if s.AmountRefundable() != 5_000 || s.Released != 1_000 || s.Status != payment.StatusCaptured {
		t.Errorf("refundable %d, released %d, %s", s.AmountRefundable(), s.Released, s.Status)
	}
	s = given(and(history, refundFailed(1))...)
	if s.AmountRefunded() != 2_000 || s.AmountRefundable() != 7_000 {
		t.Errorf("after a late failure: refunded %d, refundable %d", s.AmountRefunded(), s.AmountRefundable())
	}
	s = given(and(captured(), refunding(1, 2_000), refundSucceeded(1), refunding(2, 3_000), refundSucceeded(2),
		payment.Corrected{AmountCaptured: 10_000, AmountRefunded: 3_000, Reason: "the first never left"}, refundFailed(1))...)
	if s.AmountRefunded() != 3_000 || s.AmountRefundable() != 7_000 {
		t.Errorf("a failure that a correction knew of: refunded %d, refundable %d", s.AmountRefunded(), s.AmountRefundable())
	}
	s = given(and(captured(), payment.Corrected{Reason: "nothing was taken"})...)
	if s.Status != payment.StatusCancelled || s.Released != 10_000 || s.AmountRefundable() != 0 {
		t.Errorf("nothing taken: %s, released %d, refundable %d", s.Status, s.Released, s.AmountRefundable())
	}
	s = given(and(expired(), payment.Corrected{AmountCaptured: 10_000, AmountRefunded: 10_000, Reason: "taken and returned"})...)
	if s.Status != payment.StatusRefunded || s.Released != 0 || s.Capture != netID(1) {
		t.Errorf("taken and returned: %s, released %d, capture %s", s.Status, s.Released, s.Capture)
	}
}

func TestReverse(t *testing.T) {
	t.Parallel()
	due := deadline.Add(payment.ReverseAfter)
	reverse := payment.Reverse{Reference: netID(4), Now: due}
	again := and(awaitingAction(), payment.ActionCompleted{Reference: netID(3), Succeeded: true, Deadline: deadline})
	reversing := []payment.Event{requested(), payment.ReversalRequested{Reference: netID(4), Authorization: netID(1)}}
	holdRules(t, map[string]rule{
		"a minute after the deadline": {given: []payment.Event{requested()}, when: reverse, then: reversing[1:]},
		"of the call after an action": {given: again, when: reverse, then: []payment.Event{payment.ReversalRequested{Reference: netID(4), Authorization: netID(3)}}},
		"a moment too early":          {given: []payment.Event{requested()}, when: payment.Reverse{Reference: netID(4), Now: due.Add(-1)}, refused: "not_due"},
		"when the outcome is known":   {given: authorized(), when: reverse, refused: "outcome_already_known"},
		"when a capture is in doubt":  {given: capturing(), when: reverse, refused: "outcome_already_known"},
		"while reversing":             {given: reversing, when: reverse, refused: "outcome_already_known"},
		"while awaiting action":       {given: awaitingAction(), when: reverse, refused: "outcome_already_known"},
		"no payment":                  {when: reverse, refused: "outcome_already_known"},
	})
}

func TestIntentsListWhatHasNoOutcome(t *testing.T) {
	t.Parallel()
	s := given(and(captured(), refunding(1, 1), refunding(2, 2), refundSucceeded(1))...)
	if got := s.Intents(); len(got) != 1 || got[0].Refund != refID(2) || got[0].Operation != acquirer.OperationRefund {
		t.Errorf("open are %+v", got)
	}
	if got := given(capturing()...).Intents(); len(got) != 1 || got[0].Reference != netID(2) || !got[0].Deadline.Equal(noon.Add(3*time.Second)) {
		t.Errorf("open are %+v", got)
	}
	if r, ok := s.RefundOf(refID(1)); !ok || r.Status != payment.RefundStatusSucceeded {
		t.Errorf("refund 1 is %+v", r)
	}
	if _, ok := s.RefundOf(refID(7)); ok {
		t.Error("a refund was found that nobody made")
	}
}
