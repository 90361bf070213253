package payment_test

import (
	"testing"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/payment"
)

func TestTheNextStepOfAnActInDoubt(t *testing.T) {
	t.Parallel()
	mute, simple := traits, traits
	mute.Inquiry, mute.IdempotentReference = false, false
	simple.IdempotentReference = false
	inDoubt := payment.OutcomeUnknown{Reference: netID(1)}
	pending := events(requested())
	reversing := and(pending, payment.ReversalRequested{Reference: netID(4), Authorization: netID(1)})
	due := deadline.Add(payment.ReverseAfter)
	tried := func(tries, failures int, last time.Time) payment.Tried {
		return payment.Tried{Tries: tries, Failures: failures, Last: last}
	}
	wait := func(at time.Time) payment.Step { return payment.Step{Do: payment.ActWait, At: at} }
	for name, c := range map[string]struct {
		given  []payment.Event
		tried  payment.Tried
		traits acquirer.Traits
		now    time.Time
		want   payment.Step
	}{
		"the caller still waits":                  {pending, payment.Tried{}, traits, deadline.Add(-1), wait(deadline)},
		"the caller has gone":                     {pending, payment.Tried{}, traits, deadline, payment.Step{Do: payment.ActInquire}},
		"the caller said it is in doubt":          {and(pending, inDoubt), payment.Tried{}, traits, noon, payment.Step{Do: payment.ActInquire}},
		"an inquiry a moment ago":                 {and(pending, inDoubt), tried(1, 1, deadline), traits, deadline, wait(deadline.Add(time.Second))},
		"the third inquiry":                       {pending, tried(2, 2, deadline), traits, deadline.Add(2 * time.Second), payment.Step{Do: payment.ActInquire}},
		"never later than the reversal":           {pending, tried(6, 0, due.Add(-time.Second)), traits, due.Add(-1), wait(due)},
		"a minute in doubt":                       {pending, tried(6, 5, due), traits, due, payment.Step{Do: payment.ActReverse}},
		"a minute in doubt, six failures":         {pending, tried(6, 6, due), traits, due, payment.Step{Do: payment.ActReverse, Alarm: true}},
		"no inquiry there: wait for the reversal": {pending, payment.Tried{}, mute, deadline, wait(due)},
		"a reversal is sent at once":              {reversing, payment.Tried{}, mute, due, payment.Step{Do: payment.ActResend}},
		"and repeated":                            {reversing, tried(3, 3, due), traits, due.Add(4 * time.Second), payment.Step{Do: payment.ActResend}},
		"at intervals":                            {reversing, tried(3, 3, due), traits, due.Add(3 * time.Second), wait(due.Add(4 * time.Second))},
		"five minutes apart at most":              {reversing, tried(90, 0, due), traits, due, wait(due.Add(5 * time.Minute))},
		"with an alarm after six failures":        {reversing, tried(6, 6, due), traits, due.Add(time.Hour), payment.Step{Do: payment.ActResend, Alarm: true}},
		"a capture goes forward":                  {capturing(), payment.Tried{}, traits, deadline, payment.Step{Do: payment.ActResend}},
		"a capture is never reversed":             {capturing(), tried(9, 6, deadline), traits, deadline.Add(time.Hour), payment.Step{Do: payment.ActResend, Alarm: true}},
		"a capture is asked about":                {capturing(), payment.Tried{}, simple, deadline, payment.Step{Do: payment.ActInquire}},
		"a cancel goes forward":                   {cancelling(), payment.Tried{}, traits, deadline, payment.Step{Do: payment.ActResend}},
		"a refund goes forward":                   {and(captured(), refunding(1, 1)), payment.Tried{}, traits, deadline, payment.Step{Do: payment.ActResend}},
		"a capture nobody can ask about":          {capturing(), payment.Tried{}, mute, deadline, payment.Step{Do: payment.ActWait, Alarm: true}},
	} {
		s := given(c.given...)
		if got := s.NextStep(s.Intents()[0], c.tried, c.traits, c.now); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestTriesAreOneSecondToFiveMinutesApart(t *testing.T) {
	t.Parallel()
	before := time.Duration(-1)
	for tries := range 100 {
		pause := payment.Backoff(tries)
		if pause < before || pause > 5*time.Minute || tries == 1 && pause != time.Second {
			t.Errorf("after %d tries: %s", tries, pause)
		}
		before = pause
	}
	if payment.Backoff(-1) != 0 || payment.Backoff(1<<40) != 5*time.Minute {
		t.Error("the ends of the scale are off")
	}
}
