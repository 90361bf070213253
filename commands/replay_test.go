package commands_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
)

// clockCall is a request to move the clock; it renders what the clock is ahead.
func (w *world) clockCall(key, body string) commands.Call {
	call := w.call(key, body)
	call.Render = func(r commands.Result) commands.Answer {
		if r.Refusal != nil {
			return commands.Answer{Status: 422, Body: []byte(r.Refusal.Code)}
		}
		return commands.Answer{Status: 200, Body: fmt.Append(nil, r.Merchant.ClockOffset)}
	}
	return call
}

func TestATestClockMovesOnceUnderOneKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newKey()
	lost := false
	w.log.SetFault(func(_ int, c eventstore.Command) memory.Fault {
		if c.Claim == nil || lost {
			return memory.None
		}
		lost = true
		return memory.Doubt // it is written, and the client is told that nobody knows
	})
	if _, err := w.desk.AdvanceTestClock(t.Context(), w.clockCall(key, "hour"), time.Hour); !errors.Is(err, commands.ErrUnavailable) {
		t.Fatalf("first: %v", err)
	}
	for range 2 {
		reply, err := w.desk.AdvanceTestClock(t.Context(), w.clockCall(key, "hour"), time.Hour)
		if err != nil || !reply.Replayed || reply.State.ClockOffset != time.Hour || string(reply.Answer.Body) != "1h0m0s" {
			t.Errorf("again: %+v, %v", reply, err)
		}
	}
	if _, err := w.desk.AdvanceTestClock(t.Context(), w.clockCall(key, "day"), 24*time.Hour); !errors.Is(err, commands.ErrKeyReused) {
		t.Errorf("another body: %v", err)
	}
	reply, err := w.desk.AdvanceTestClock(t.Context(), w.clockCall(newKey(), "hour"), time.Hour)
	if err != nil || reply.Replayed || string(reply.Answer.Body) != "2h0m0s" {
		t.Errorf("another key: %+v, %v", reply, err)
	}
}

func TestARefusalAboutAMerchantIsTheAnswerToItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newKey()
	_, err := w.desk.AdvanceTestClock(t.Context(), w.clockCall(key, "back"), -time.Hour)
	refused, is := errors.AsType[*refusal.Refusal](err)
	if !is {
		t.Fatalf("%v, want a refusal", err)
	}
	again, err := w.desk.AdvanceTestClock(t.Context(), w.clockCall(key, "back"), -time.Hour)
	if err != nil || !again.Replayed || again.Answer.Status != 422 || string(again.Answer.Body) != string(refused.Code) {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestARepeatedSuspensionIsARepeatAndNoRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := newKey()
	for i := range 2 {
		reply, err := w.desk.SuspendMerchant(t.Context(), w.clockCall(key, "suspend"), w.principal.Merchant, suspension)
		if err != nil || reply.Replayed != (i == 1) || reply.State.Status != merchant.StatusSuspended {
			t.Errorf("%d: %+v, %v", i, reply, err)
		}
	}
}

func TestARepeatedKeyIsToldWithoutItsSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wish, key := commands.IssueKey{Merchant: w.principal.Merchant, Kind: access.KindSecret}, newKey()
	first, err := w.desk.IssueKey(t.Context(), w.call(key, "key"), wish)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.desk.IssueKey(t.Context(), w.call(key, "key"), wish)
	if err != nil || !again.Replayed || again.Key.ID != first.Key.ID || again.Secret.Reveal() != "" {
		t.Errorf("%+v, %v; first %+v", again, err, first)
	}
}
