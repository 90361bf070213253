package eventstoretest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paymint/paymint/eventstore"
)

func mustBeClaimed(t *testing.T, log Log, claim *eventstore.Claim, answer *eventstore.Answer) {
	t.Helper()
	want := eventstore.Claimed{Claim: *claim, Answer: answer}
	got, found, err := log.Claimed(t.Context(), claim.Key, claim.At)
	if diff := cmp.Diff(want, got); !found || err != nil || diff != "" {
		t.Fatalf("Claimed: found %t, %v: %s", found, err, diff)
	}
	_, err = log.Append(t.Context(), 0, eventstore.Command{Claim: claim})
	refused, ok := errors.AsType[*eventstore.ClaimedError](err)
	if !ok {
		t.Fatalf("second claim: %v", err)
	}
	if diff := cmp.Diff(want, refused.Claimed); diff != "" {
		t.Fatalf("second claim: %s", diff)
	}
}

func mustBeFree(t *testing.T, log Log, claim *eventstore.Claim) {
	t.Helper()
	if got, found, err := log.Claimed(t.Context(), claim.Key, claim.At); found || err != nil {
		t.Fatalf("key is claimed: %v, %v", got, err)
	}
}

func claimedKeyRefused(t *testing.T, log Log) {
	stream := Payment()
	claim := Claim(stream)
	mustBeFree(t, log, claim)
	first := Write(stream, 0, 1)
	first.Claim = claim
	mustAppend(t, log, first)
	mustBeClaimed(t, log, claim, nil)

	another := Write(Payment(), 0, 1)
	another.Claim = &eventstore.Claim{Key: claim.Key, Fingerprint: [32]byte{9}, Stream: another.Writes[0].Stream.ID, At: claim.At.Add(time.Minute)}
	_, err := log.Append(t.Context(), 0, another)
	refused, ok := errors.AsType[*eventstore.ClaimedError](err)
	if !ok || refused.Claimed.Fingerprint != claim.Fingerprint || refused.Claimed.Stream != stream.ID {
		t.Fatalf("another request under the key: %v", err)
	}
	if n := len(mustReadLog(t, log, 0)); n != 1 {
		t.Fatalf("%d events, want 1", n)
	}
}

func oneClaimWins(t *testing.T, log Log) {
	claim := Claim(Payment())
	var wait sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 32 {
		wait.Go(func() {
			command := Write(Payment(), 0, 1)
			command.Claim = claim
			_, err := log.Append(t.Context(), 0, command)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if _, ok := errors.AsType[*eventstore.ClaimedError](err); !ok {
				t.Errorf("loser: %v", err)
			}
		})
	}
	wait.Wait()
	if n := len(mustReadLog(t, log, 0)); won != 1 || n != 1 {
		t.Fatalf("%d of 32 claimed the key, %d events", won, n)
	}
}

func claimTwiceInOneSubmission(t *testing.T, log Log) {
	first, second, answer := Write(Payment(), 0, 1), Write(Payment(), 0, 1), Write(Payment(), 0, 1)
	first.Claim = Claim(first.Writes[0].Stream)
	second.Claim = first.Claim
	answer.Answer = AnswerTo(first.Claim, 201, "made")
	results := log.AppendAll(t.Context(), 0, []eventstore.Command{first, second, answer})
	if _, ok := errors.AsType[*eventstore.ClaimedError](results[1].Err); results[0].Err != nil || !ok || results[2].Err != nil {
		t.Fatalf("%v", results)
	}
	mustBeClaimed(t, log, first.Claim, answer.Answer)
}

func firstAnswerStays(t *testing.T, log Log) {
	stream := Payment()
	claim := Claim(stream)
	intent, outcome := Write(stream, 0, 1), Write(stream, 1, 1)
	intent.Claim, outcome.Answer = claim, AnswerTo(claim, 201, `{"id":"pay_1"}`)
	mustAppend(t, log, intent)
	mustAppend(t, log, outcome)
	mustBeClaimed(t, log, claim, outcome.Answer)

	late := Write(stream, 2, 1)
	late.Answer = AnswerTo(claim, 500, "late")
	mustAppend(t, log, late)
	mustAppend(t, log, eventstore.Command{Answer: AnswerTo(claim, 204, "")})
	mustBeClaimed(t, log, claim, outcome.Answer)
	if n := len(mustReadStream(t, log, stream)); n != 3 {
		t.Fatalf("%d events, want 3", n)
	}
}

func claimWithAnswer(t *testing.T, log Log) {
	mustAppend(t, log, Write(Payment(), 0, 4))
	claim := Claim(Payment())
	receipt := mustAppend(t, log, eventstore.Command{Claim: claim, Answer: AnswerTo(claim, 422, "")})
	if want := (eventstore.Position{Number: 4}); receipt.Last != want {
		t.Fatalf("a command without writes ends at %v, want the head %v", receipt.Last, want)
	}
	empty := AnswerTo(claim, 422, "")
	mustBeClaimed(t, log, claim, empty)
}

func answerToNothing(t *testing.T, log Log) {
	claim := Claim(Payment())
	elsewhen := AnswerTo(claim, 200, "ok")
	elsewhen.ClaimedAt = claim.At.Add(-time.Second)
	mustAppend(t, log, eventstore.Command{Answer: elsewhen})
	mustBeFree(t, log, claim)
	mustAppend(t, log, eventstore.Command{Claim: claim})
	mustAppend(t, log, eventstore.Command{Answer: elsewhen})
	mustBeClaimed(t, log, claim, nil)
}

func refusedLeavesKeyFree(t *testing.T, log Log) {
	claim := Claim(Payment())
	stale := Write(Payment(), 5, 1)
	stale.Claim, stale.Answer = claim, AnswerTo(claim, 200, "never")
	if _, err := log.Append(t.Context(), 0, stale); err == nil {
		t.Fatal("the stale command was accepted")
	}
	mustBeFree(t, log, claim)
	mustAppend(t, log, eventstore.Command{Claim: claim})
	mustBeClaimed(t, log, claim, nil)
}

func claimBeforeVersions(t *testing.T, log Log) {
	first := Write(Payment(), 0, 1)
	first.Claim = Claim(first.Writes[0].Stream)
	mustAppend(t, log, first)
	_, err := log.Append(t.Context(), 0, first)
	if _, ok := errors.AsType[*eventstore.ClaimedError](err); !ok {
		t.Fatalf("the same command again: %v", err)
	}
}

func heldForTwoDays(t *testing.T, log Log) {
	const day = 24 * time.Hour
	claim := Claim(Payment())
	mustAppend(t, log, eventstore.Command{Claim: claim})
	for after, held := range map[time.Duration]bool{-day: true, time.Second: true, day: true, 2 * day: true, 2*day + time.Microsecond: false, 3 * day: false} {
		got, found, err := log.Claimed(t.Context(), claim.Key, claim.At.Add(after))
		if found != held || err != nil || found && got.Key != claim.Key {
			t.Errorf("after %s: found %t, %v", after, found, err)
		}
	}
	held, free := *claim, *claim
	held.At, free.At = claim.At.Add(2*day), claim.At.Add(3*day)
	results := log.AppendAll(t.Context(), 0, []eventstore.Command{{Claim: &held}, {Claim: &free}})
	if _, ok := errors.AsType[*eventstore.ClaimedError](results[0].Err); !ok || results[1].Err != nil {
		t.Fatalf("two days later: %v, three days later: %v", results[0].Err, results[1].Err)
	}
	if got, _, err := log.Claimed(t.Context(), claim.Key, free.At); err != nil || !got.At.Equal(free.At) {
		t.Fatalf("of two claims that count the younger one answers, got that of %s, %v", got.At, err)
	}
}
