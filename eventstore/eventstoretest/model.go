package eventstoretest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
)

// followsTheModel sends drawn submissions to the store and to a log in memory:
// every answer, and every stream at the end, must be the same. Positions need not:
// a command that must wait for another on its stream lets independent ones pass.
// One store serves all draws, each has streams and keys of its own.
func followsTheModel(t *testing.T, log Log) {
	model := memory.New(0)
	rapid.Check(t, func(rt *rapid.T) {
		streams, keys := make([]eventstore.Stream, 5), make([]eventstore.ClaimKey, 4)
		for i := range streams {
			streams[i] = Payment()
		}
		for i := range keys {
			keys[i] = eventstore.ClaimKey(NewID())
		}
		for range rapid.IntRange(1, 3).Draw(rt, "submissions") {
			batch := drawBatch(rt, model, streams, keys)
			got := log.AppendAll(t.Context(), 0, batch)
			for i, want := range model.AppendAll(t.Context(), 0, batch) {
				compareResults(rt, i, want, got[i])
			}
		}
	})
	events := mustReadLog(t, log, 0)
	CheckLog(t, 0, 0, events)
	for _, want := range mustReadLog(t, model, 0) {
		history, err := log.ReadStream(t.Context(), want.Stream.ID, want.Version-1, 1)
		if err != nil || len(history) != 1 || history[0].Hash != want.Hash {
			t.Fatalf("version %d of %s: %v, %v, the model has %v", want.Version, want.Stream.ID, history, err, want)
		}
	}
	if head, err := model.Head(t.Context(), 0); err != nil || int64(len(events)) != head {
		t.Fatalf("%d events, the model has %d: %v", len(events), head, err)
	}
}

func drawBatch(rt *rapid.T, model Log, streams []eventstore.Stream, keys []eventstore.ClaimKey) []eventstore.Command {
	batch := make([]eventstore.Command, rapid.IntRange(1, 8).Draw(rt, "commands"))
	for i := range batch {
		shuffled := rapid.Permutation(streams).Draw(rt, "streams")
		for _, stream := range shuffled[:rapid.IntRange(0, 3).Draw(rt, "writes")] {
			history, _ := model.ReadStream(rt.Context(), stream.ID, 0, eventstore.ReadMax)
			expected := max(0, len(history)+rapid.SampledFrom([]int{0, 0, 0, 1, -1, 2}).Draw(rt, "off"))
			write := Write(stream, expected, rapid.IntRange(1, 3).Draw(rt, "events"))
			batch[i].Writes = append(batch[i].Writes, write.Writes...)
		}
		if rapid.Bool().Draw(rt, "claims") || len(batch[i].Writes) == 0 {
			batch[i].Claim = &eventstore.Claim{Key: rapid.SampledFrom(keys).Draw(rt, "key"), Stream: uuid.Max, At: ClaimTime()}
		}
		if rapid.Bool().Draw(rt, "answers") {
			key := rapid.SampledFrom(keys).Draw(rt, "answered")
			if batch[i].Claim != nil {
				key = batch[i].Claim.Key
			}
			batch[i].Answer = &eventstore.Answer{Key: key, ClaimedAt: ClaimTime(), Status: 200 + rapid.IntRange(0, 99).Draw(rt, "status"), Body: []byte("body")}
		}
	}
	return batch
}

func compareResults(rt *rapid.T, i int, want, got eventstore.Result) {
	if (want.Err == nil) != (got.Err == nil) || want.Err != nil && want.Err.Error() != got.Err.Error() {
		rt.Errorf("command %d: %v, want %v", i, got.Err, want.Err)
	}
	refused, ok := errors.AsType[*eventstore.ClaimedError](want.Err)
	if again, _ := errors.AsType[*eventstore.ClaimedError](got.Err); ok && cmp.Diff(refused.Claimed, again.Claimed) != "" {
		rt.Errorf("command %d: %s", i, cmp.Diff(refused.Claimed, again.Claimed))
	}
}
