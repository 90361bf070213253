package eventstoretest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
)

func eventComesBack(t *testing.T, log Log) {
	stream := Payment()
	full := eventstore.Event{
		ID: NewID(), Type: "payment.captured", Schema: 3, Merchant: NewID(), Livemode: true,
		RecordedAt:  time.Date(2026, 3, 14, 15, 9, 26, 535_897_932, time.FixedZone("CET", 3600)),
		EffectiveAt: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		Meta:        eventstore.Meta{Actor: "reaction:inquiry", RequestID: "req_1", IdempotencyKey: "k", Correlation: NewID(), Cause: NewID()},
		Body:        []byte("{\"a\":\"\x00\xff not JSON at all\"}"),
	}
	bare := eventstore.Event{ID: NewID(), Type: "t", Schema: 1, RecordedAt: time.Unix(1, 0)}
	command := eventstore.Command{Writes: []eventstore.Write{{Stream: stream, Events: []eventstore.Event{full, bare}}}}
	receipt := mustAppend(t, log, command)
	if want := (eventstore.Position{Lane: 0, Number: 2}); receipt.Last != want {
		t.Fatalf("receipt %v, want %v", receipt.Last, want)
	}
	if command.Writes[0].Events[0].Version != 0 {
		t.Fatal("the caller's command was changed")
	}
	full.Stream, full.Version, full.Position = stream, 1, 1
	full.RecordedAt = time.Date(2026, 3, 14, 14, 9, 26, 535_897_000, time.UTC)
	bare.Stream, bare.Version, bare.Position = stream, 2, 2
	bare.RecordedAt = bare.RecordedAt.UTC()
	bare.EffectiveAt, bare.Body = bare.RecordedAt, []byte{}
	want := []eventstore.Event{full, bare}
	for i := range want {
		want[i].Hash = eventstore.SumFrame(want[i].AppendFrame(nil))
	}
	for reader, got := range map[string][]eventstore.Event{"ReadLog": mustReadLog(t, log, 0), "ReadStream": mustReadStream(t, log, stream)} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", reader, diff)
		}
	}
}

func noGaps(t *testing.T, log Log) {
	one, two := Payment(), Payment()
	for i, c := range []eventstore.Command{Write(one, 0, 2), Write(two, 0, 1), Write(one, 2, 3), Write(two, 1, eventstore.EventsPerCommandMax)} {
		receipt := mustAppend(t, log, c)
		if head, err := log.Head(t.Context(), 0); err != nil || receipt.Last.Number != head {
			t.Fatalf("command %d ends at %v, head %d: %v", i, receipt.Last, head, err)
		}
	}
	events := mustReadLog(t, log, 0)
	CheckLog(t, 0, 0, events)
	if want := 6 + eventstore.EventsPerCommandMax; len(events) != want {
		t.Fatalf("%d events, want %d", len(events), want)
	}
}

func noGapsUnderConcurrency(t *testing.T, log Log) {
	const callers, each = 32, 12
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			stream := Payment()
			for version := range each {
				if _, err := log.Append(t.Context(), 0, Write(stream, version, 1)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	wait.Wait()
	events := mustReadLog(t, log, 0)
	CheckLog(t, 0, 0, events)
	if len(events) != callers*each {
		t.Fatalf("%d events, want %d", len(events), callers*each)
	}
}

func wrongVersionConflicts(t *testing.T, log Log) {
	stream, absent := Payment(), Payment()
	mustAppend(t, log, Write(stream, 0, 3))
	for _, try := range []struct {
		stream           eventstore.Stream
		expected, actual int
	}{{stream, 0, 3}, {stream, 2, 3}, {stream, 4, 3}, {absent, 1, 0}} {
		_, err := log.Append(t.Context(), 0, Write(try.stream, try.expected, 1))
		want := eventstore.ConflictError{Stream: try.stream, Expected: try.expected, Actual: try.actual}
		if conflict, ok := errors.AsType[*eventstore.ConflictError](err); !ok || *conflict != want {
			t.Errorf("expected %d: %v, want %v", try.expected, err, &want)
		}
	}
	if head, err := log.Head(t.Context(), 0); head != 3 || err != nil {
		t.Fatalf("head %d, %v after refusals", head, err)
	}
}

func oneRacerWins(t *testing.T, log Log) {
	stream := Payment()
	for version := range 5 {
		var wait sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range 16 {
			wait.Go(func() {
				_, err := log.Append(t.Context(), 0, Write(stream, version, 1))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if _, ok := errors.AsType[*eventstore.ConflictError](err); !ok {
					t.Errorf("loser: %v", err)
				}
			})
		}
		wait.Wait()
		if won != 1 {
			t.Fatalf("%d of 16 wrote version %d", won, version+1)
		}
	}
	CheckLog(t, 0, 0, mustReadLog(t, log, 0))
}

func manyWritesAtomic(t *testing.T, log Log) {
	one, two, three := Payment(), Payment(), Payment()
	mustAppend(t, log, Write(two, 0, 1))
	both := eventstore.Command{Writes: []eventstore.Write{
		{Stream: one, Expected: 0, Events: Events(2)},
		{Stream: two, Expected: 1, Events: Events(1)},
		{Stream: three, Expected: 0, Events: Events(1)},
	}}
	stale := both
	stale.Writes = append([]eventstore.Write(nil), both.Writes...)
	stale.Writes[1].Expected = 0
	_, err := log.Append(t.Context(), 0, stale)
	if conflict, ok := errors.AsType[*eventstore.ConflictError](err); !ok || conflict.Stream != two {
		t.Fatalf("stale second write: %v", err)
	}
	if n := len(mustReadLog(t, log, 0)); n != 1 {
		t.Fatalf("a refused command left %d events", n-1)
	}
	if receipt := mustAppend(t, log, both); receipt.Last.Number != 5 {
		t.Fatalf("receipt %v, want 0.5", receipt.Last)
	}
	CheckLog(t, 0, 0, mustReadLog(t, log, 0))
}

func refusedDoesNotDisturb(t *testing.T, log Log) {
	taken := Payment()
	claimed := Write(taken, 0, 1)
	claimed.Claim = Claim(taken)
	mustAppend(t, log, claimed)
	var batch []eventstore.Command
	for i := range 30 {
		switch i % 3 {
		case 0:
			batch = append(batch, Write(Payment(), 0, 2))
		case 1:
			batch = append(batch, Write(taken, 7, 1))
		default:
			again := Write(Payment(), 0, 1)
			again.Claim = claimed.Claim
			batch = append(batch, again)
		}
	}
	for i, result := range log.AppendAll(t.Context(), 0, batch) {
		conflict, isConflict := errors.AsType[*eventstore.ConflictError](result.Err)
		claim, isClaim := errors.AsType[*eventstore.ClaimedError](result.Err)
		switch i % 3 {
		case 0:
			if result.Err != nil {
				t.Errorf("command %d: %v", i, result.Err)
			}
		case 1:
			if !isConflict || conflict.Actual != 1 {
				t.Errorf("command %d: %v", i, result.Err)
			}
		default:
			if !isClaim || claim.Claimed.Key != claimed.Claim.Key {
				t.Errorf("command %d: %v", i, result.Err)
			}
		}
	}
	events := mustReadLog(t, log, 0)
	CheckLog(t, 0, 0, events)
	if len(events) != 21 {
		t.Fatalf("%d events, want 21", len(events))
	}
}

func submissionKeepsOrder(t *testing.T, log Log) {
	batch := make([]eventstore.Command, eventstore.BatchMax)
	for i := range batch {
		batch[i] = Write(Payment(), 0, 1)
	}
	for i, result := range log.AppendAll(t.Context(), 0, batch) {
		if result.Err != nil || result.Receipt.Last.Number != int64(i)+1 {
			t.Fatalf("command %d: %v, %v", i, result.Receipt.Last, result.Err)
		}
	}
	for i, e := range mustReadLog(t, log, 0) {
		if e.ID != batch[i].Writes[0].Events[0].ID {
			t.Fatalf("position %d holds another command's event", i+1)
		}
	}
}

func chainInOneSubmission(t *testing.T, log Log) {
	stream, aside := Payment(), Payment()
	batch := []eventstore.Command{Write(stream, 0, 1), Write(aside, 0, 1), Write(stream, 1, 2), Write(stream, 3, 1), Write(stream, 3, 1), Write(aside, 1, 1)}
	for i, result := range log.AppendAll(t.Context(), 0, batch) {
		_, conflict := errors.AsType[*eventstore.ConflictError](result.Err)
		if conflict != (i == 4) || !conflict && result.Err != nil {
			t.Errorf("command %d: %v", i, result.Err)
		}
	}
	CheckLog(t, 0, 0, mustReadLog(t, log, 0))
	if n := len(mustReadStream(t, log, stream)); n != 4 {
		t.Fatalf("%d events in the stream, want 4", n)
	}
}

func lanesCountApart(t *testing.T, log Log) {
	for lane := range 2 {
		for i := range 3 {
			receipt, err := log.Append(t.Context(), lane, Write(Payment(), 0, 1))
			if want := (eventstore.Position{Lane: lane, Number: int64(i) + 1}); err != nil || receipt.Last != want {
				t.Fatalf("%v, %v, want %v", receipt.Last, err, want)
			}
		}
		CheckLog(t, lane, 0, mustReadLog(t, log, lane))
	}
	if head, err := log.Head(t.Context(), 7); head != 0 || err != nil {
		t.Fatalf("head of a lane without events: %d, %v", head, err)
	}
}

func streamStays(t *testing.T, log Log) {
	stream := Payment()
	mustAppend(t, log, Write(stream, 0, 1))
	for _, expected := range []int{0, 1, 2} {
		if _, err := log.Append(t.Context(), 1, Write(stream, expected, 1)); !errors.Is(err, eventstore.ErrMalformed) {
			t.Errorf("in another lane, expecting version %d: %v", expected, err)
		}
	}
	mustAppend(t, log, Write(stream, 1, 1))
}

func merchantStays(t *testing.T, log Log) {
	merchant := NewID()
	if _, err := log.LaneOf(t.Context(), merchant); !errors.Is(err, eventstore.ErrUnassigned) {
		t.Fatalf("unknown merchant: %v", err)
	}
	for _, wish := range []int{1, 0, 1} {
		if lane, err := log.AssignLane(t.Context(), merchant, wish); lane != 1 || err != nil {
			t.Fatalf("assigned to %d, %v", lane, err)
		}
	}
	if lane, err := log.LaneOf(t.Context(), merchant); lane != 1 || err != nil {
		t.Fatalf("lane %d, %v", lane, err)
	}
}

func unknownLane(t *testing.T, log Log) {
	if _, err := log.Append(t.Context(), 7, Write(Payment(), 0, 1)); !errors.Is(err, eventstore.ErrNoLane) {
		t.Fatalf("lane 7: %v", err)
	}
	if _, err := log.Tail(7).Next(t.Context()); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("tail of lane 7: %v", err)
	}
}

func limits(t *testing.T, log Log) {
	stream := Payment()
	long := string(make([]byte, 300))
	malformed := map[string]func(*eventstore.Command){
		"nothing in it":       func(c *eventstore.Command) { *c = eventstore.Command{} },
		"too many events":     func(c *eventstore.Command) { c.Writes[0].Events = Events(eventstore.EventsPerCommandMax + 1) },
		"a write of nothing":  func(c *eventstore.Command) { c.Writes[0].Events = nil },
		"a stream twice":      func(c *eventstore.Command) { c.Writes = append(c.Writes, c.Writes[0]) },
		"no stream":           func(c *eventstore.Command) { c.Writes[0].Stream.ID = uuid.Nil },
		"no aggregate":        func(c *eventstore.Command) { c.Writes[0].Stream.Aggregate = "" },
		"a negative version":  func(c *eventstore.Command) { c.Writes[0].Expected = -1 },
		"another's event":     func(c *eventstore.Command) { c.Writes[0].Events[0].Stream = Payment() },
		"no event id":         func(c *eventstore.Command) { c.Writes[0].Events[0].ID = uuid.Nil },
		"no type":             func(c *eventstore.Command) { c.Writes[0].Events[0].Type = "" },
		"no schema":           func(c *eventstore.Command) { c.Writes[0].Events[0].Schema = 0 },
		"no time":             func(c *eventstore.Command) { c.Writes[0].Events[0].RecordedAt = time.Time{} },
		"a long actor":        func(c *eventstore.Command) { c.Writes[0].Events[0].Meta.Actor = long },
		"a big body":          func(c *eventstore.Command) { c.Writes[0].Events[0].Body = make([]byte, eventstore.BodyMax+1) },
		"a claim at no time":  func(c *eventstore.Command) { c.Claim = &eventstore.Claim{} },
		"an odd status":       func(c *eventstore.Command) { c.Answer = AnswerTo(Claim(stream), 99, "") },
		"an answer elsewhere": func(c *eventstore.Command) { c.Claim, c.Answer = Claim(stream), AnswerTo(Claim(stream), 200, "") },
	}
	for name, spoil := range malformed {
		command := Write(stream, 0, 1)
		spoil(&command)
		if _, err := log.Append(t.Context(), 0, command); !errors.Is(err, eventstore.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tooMany := make([]eventstore.Command, eventstore.BatchMax+1)
	for i, result := range log.AppendAll(t.Context(), 0, tooMany) {
		if !errors.Is(result.Err, eventstore.ErrMalformed) {
			t.Fatalf("command %d of too many: %v", i, result.Err)
		}
	}
	if head, err := log.Head(t.Context(), 0); head != 0 || err != nil {
		t.Fatal(fmt.Errorf("head %d after malformed commands: %w", head, err))
	}
}
