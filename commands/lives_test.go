package commands_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
)

func ptr(n int64) *int64 { return &n }

func TestEachCommandWritesItsIntentThenItsOutcome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, reply := w.authorize("pm_test_visa", 5000)
	if reply.Status != 200 || reply.Position.Number == 0 || reply.Replayed {
		t.Errorf("authorize: %+v", reply)
	}
	for _, step := range []struct {
		do   func() (commands.Reply, error)
		want string
	}{
		{func() (commands.Reply, error) {
			return w.desk.Capture(t.Context(), w.call("", ""), commands.Capture{Payment: p, Amount: ptr(4000)})
		}, "captured held=5000 captured=4000 refunded=0"},
		{func() (commands.Reply, error) {
			return w.desk.Refund(t.Context(), w.call("", ""), commands.Refund{Payment: p, Amount: ptr(1500)})
		}, "captured held=5000 captured=4000 refunded=1500"},
		{func() (commands.Reply, error) {
			return w.desk.Refund(t.Context(), w.call("", ""), commands.Refund{Payment: p})
		}, "refunded held=5000 captured=4000 refunded=4000"},
	} {
		reply, err := step.do()
		if err != nil || reply.Status != 200 || !strings.Contains(string(reply.Body), step.want) {
			t.Errorf("%d %q, %v; want %q", reply.Status, reply.Body, err, step.want)
		}
	}
	want := []string{
		payment.TypeAuthorizationRequested, payment.TypeAuthorized, payment.TypeCaptureRequested, payment.TypeCaptured, payment.TypeAuthorizationReleased,
		payment.TypeRefundRequested, payment.TypeRefundSucceeded, payment.TypeRefundRequested, payment.TypeRefundSucceeded,
	}
	if got := w.types(p); !slices.Equal(got, want) {
		t.Errorf("history:\n got %v\nwant %v", got, want)
	}
	w.balanced()
}

func TestACancelReleasesTheHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.authorize("pm_test_visa", 5000)
	reply, err := w.desk.Cancel(t.Context(), w.call(newKey(), ""), commands.Cancel{Payment: p, Reason: "changed_mind"})
	if err != nil || !strings.Contains(string(reply.Body), "cancelled") {
		t.Errorf("%q, %v", reply.Body, err)
	}
	w.balanced()
}

func TestTheIssuersNoIsAnAnswerNotAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, reply := w.authorize("pm_test_insufficient_funds", 5000)
	if reply.Status != 402 || w.state(p).Status != payment.StatusFailed {
		t.Errorf("%+v, %s", reply, w.state(p).Status)
	}
	w.balanced()
}

func TestCaptureAtOnceIsOneMessageWhereTheGatewayCan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wish := card("pm_test_visa", 5000)
	wish.Capture = true
	reply, err := w.desk.Authorize(t.Context(), w.call(newKey(), ""), wish)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{payment.TypeAuthorizationRequested, payment.TypeAuthorized, payment.TypeCaptured}
	if got := w.types(paymentIn(t, reply)); !slices.Equal(got, want) || !strings.Contains(string(reply.Body), "captured") {
		t.Errorf("%q: %v, want %v", reply.Body, got, want)
	}
	w.balanced()
}

func TestCaptureAtOnceIsTwoMessagesWhereItCannot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *commands.Config) { c.Gateways[0] = twoMessages{c.Gateways[0]} })
	wish := card("pm_test_visa", 5000)
	wish.Capture = true
	reply, err := w.desk.Authorize(t.Context(), w.call(newKey(), ""), wish)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{payment.TypeAuthorizationRequested, payment.TypeAuthorized, payment.TypeCaptureRequested, payment.TypeCaptured}
	if got := w.types(paymentIn(t, reply)); !slices.Equal(got, want) || reply.Status != 200 || !strings.Contains(string(reply.Body), "captured held") {
		t.Errorf("%d %q: %v, want %v", reply.Status, reply.Body, got, want)
	}
	w.balanced()
}

func TestAChallengedCardholderCompletesOrFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		token     string
		succeeded bool
		want      payment.Status
	}{
		{"pm_test_3ds_required", true, payment.StatusAuthorized},
		{"pm_test_3ds_required", false, payment.StatusFailed},
		{"pm_test_3ds_then_decline", true, payment.StatusFailed},
	} {
		w := newWorld(t)
		p, _ := w.authorize(c.token, 5000)
		if s := w.state(p); s.Status != payment.StatusPending || !s.AwaitingAction {
			t.Fatalf("%s: %+v", c.token, s)
		}
		if _, err := w.desk.CompleteAction(t.Context(), w.call("", ""), commands.CompleteAction{Payment: p, Succeeded: c.succeeded}); err != nil {
			t.Fatal(err)
		}
		if s := w.state(p); s.Status != c.want {
			t.Errorf("%s, %v: %s, want %s", c.token, c.succeeded, s.Status, c.want)
		}
		again, err := w.desk.CompleteAction(t.Context(), w.call("", ""), commands.CompleteAction{Payment: p, Succeeded: true})
		if err != nil || string(again.Body) != string(refusal.PaymentNotAwaitingAction) {
			t.Errorf("again: %q, %v", again.Body, err)
		}
		w.balanced()
	}
}

func TestAWishThatBreaksARuleIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.authorize("pm_test_visa", 5000)
	done := w.captured(5000)
	before, _ := w.log.Head(t.Context(), 0)
	for want, do := range map[refusal.Code]func(commands.Call) (commands.Reply, error){
		refusal.AmountTooSmall: func(c commands.Call) (commands.Reply, error) {
			return w.desk.Authorize(t.Context(), c, card("pm_test_visa", 1))
		},
		refusal.PaymentMethodNotFound: func(c commands.Call) (commands.Reply, error) {
			return w.desk.Authorize(t.Context(), c, card("pm_none", 5000))
		},
		refusal.CaptureExceedsAuthorized: func(c commands.Call) (commands.Reply, error) {
			return w.desk.Capture(t.Context(), c, commands.Capture{Payment: p, Amount: ptr(5001)})
		},
		refusal.PaymentNotRefundable: func(c commands.Call) (commands.Reply, error) {
			return w.desk.Refund(t.Context(), c, commands.Refund{Payment: p})
		},
		refusal.PaymentNotCancellable: func(c commands.Call) (commands.Reply, error) {
			return w.desk.Cancel(t.Context(), c, commands.Cancel{Payment: done})
		},
		refusal.RefundExceedsCapture: func(c commands.Call) (commands.Reply, error) {
			return w.desk.Refund(t.Context(), c, commands.Refund{Payment: done, Amount: ptr(5001)})
		},
		refusal.PaymentNotCapturable: func(c commands.Call) (commands.Reply, error) {
			return w.desk.Capture(t.Context(), c, commands.Capture{Payment: done})
		},
	} {
		key := newKey()
		first, err := do(w.call(key, "body"))
		again, err2 := do(w.call(key, "body"))
		if err != nil || err2 != nil || first.Status != 422 || string(first.Body) != string(want) || first.Replayed {
			t.Errorf("%s: %d %q, %v, %v", want, first.Status, first.Body, err, err2)
		}
		if !again.Replayed || string(again.Body) != string(first.Body) || again.Status != first.Status {
			t.Errorf("%s again: %+v", want, again)
		}
	}
	if after, _ := w.log.Head(t.Context(), 0); after != before {
		t.Errorf("refusals wrote %d events", after-before)
	}
}

func TestAnInactiveMerchantTakesNoPayments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.desk.SuspendMerchant(t.Context(), commands.Call{}, w.principal.Merchant, suspension); err != nil {
		t.Fatal(err)
	}
	reply, err := w.desk.Authorize(t.Context(), w.call(newKey(), ""), card("pm_test_visa", 5000))
	if err != nil || string(reply.Body) != string(refusal.MerchantNotActive) {
		t.Errorf("%q, %v", reply.Body, err)
	}
}

func TestAnothersPaymentIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.authorize("pm_test_visa", 5000)
	stranger, live := w.call(newKey(), ""), w.call(newKey(), "")
	stranger.Principal.Merchant = id.From[id.Merchant](uuid.Must(uuid.NewV7()))
	live.Principal.Livemode = true
	for _, c := range []commands.Call{stranger, live} {
		_, err := w.desk.Capture(t.Context(), c, commands.Capture{Payment: p})
		if r, is := errors.AsType[*refusal.Refusal](err); !is || r.Code != refusal.NotFound {
			t.Errorf("capture by another: %v", err)
		}
	}
	_, err := w.desk.Capture(t.Context(), w.call("", ""), commands.Capture{Payment: id.From[id.Payment](uuid.Must(uuid.NewV7()))})
	if r, is := errors.AsType[*refusal.Refusal](err); !is || r.Code != refusal.NotFound {
		t.Errorf("capture of nothing: %v", err)
	}
}

func TestACorrectionNeedsASecondPairOfEyesAboveTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.captured(500_000)
	wish := payment.Correct{AmountCaptured: 100_000, Reason: "statement 17", Operator: "ann"}
	reply, err := w.desk.Correct(t.Context(), w.call("", ""), w.target(p), wish)
	if err != nil || string(reply.Body) != string(refusal.SecondApproverNeeded) {
		t.Errorf("alone: %q, %v", reply.Body, err)
	}
	wish.ApprovedBy = "bob"
	reply, err = w.desk.Correct(t.Context(), w.call("", ""), w.target(p), wish)
	if err != nil || !strings.Contains(string(reply.Body), "captured=100000") {
		t.Errorf("approved: %q, %v", reply.Body, err)
	}
}

func TestAnExpiredHoldCannotBeCapturedAndIsRecordedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p, _ := w.authorize("pm_test_expires_soon", 5000)
		if expired, err := w.desk.Expire(t.Context(), "reaction:deadline", w.target(p)); expired || err != nil {
			t.Errorf("too early: %v, %v", expired, err)
		}
		if _, err := w.desk.AdvanceTestClock(t.Context(), w.call("", ""), minute); err != nil {
			t.Fatal(err)
		}
		reply, err := w.desk.Capture(t.Context(), w.call("", ""), commands.Capture{Payment: p})
		if err != nil || string(reply.Body) != string(refusal.AuthorizationExpired) {
			t.Errorf("capture: %q, %v", reply.Body, err)
		}
		for _, want := range []bool{true, false} {
			if expired, err := w.desk.Expire(t.Context(), "reaction:deadline", w.target(p)); expired != want || err != nil {
				t.Errorf("expired %v, %v; want %v", expired, err, want)
			}
		}
		if s := w.state(p); s.Status != payment.StatusCancelled || !s.Expired {
			t.Errorf("%+v", s)
		}
		w.balanced()
	})
}
