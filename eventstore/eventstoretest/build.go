package eventstoretest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
)

// NewID makes a UUIDv7, as the product's ids are.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// Payment names a new stream.
func Payment() eventstore.Stream { return eventstore.Stream{Aggregate: "payment", ID: NewID()} }

// Events makes n facts fit to append anywhere.
func Events(n int) []eventstore.Event {
	events := make([]eventstore.Event, n)
	for i := range events {
		events[i] = eventstore.Event{
			ID: NewID(), Type: "payment.authorized", Schema: 1, Merchant: NewID(),
			RecordedAt: time.Now(), Body: []byte(`{"amount":1250,"currency":"EUR"}`),
			Meta: eventstore.Meta{Actor: "key_01h455vb4pex5vsknk084sn02q", RequestID: "req_01h455vb4pex5vsknk084sn02q"},
		}
	}
	return events
}

// Write is a command that appends n events to stream at a version.
func Write(stream eventstore.Stream, expected, n int) eventstore.Command {
	return eventstore.Command{Writes: []eventstore.Write{{Stream: stream, Expected: expected, Events: Events(n)}}}
}

// Claim takes a new key at ClaimTime for stream.
func Claim(stream eventstore.Stream) *eventstore.Claim {
	return &eventstore.Claim{
		Key: eventstore.KeyOf(NewID(), true, "key"), Fingerprint: [32]byte{1, 2, 3},
		Stream: stream.ID, Intent: NewID(), At: ClaimTime(),
	}
}

// AnswerTo answers a claim.
func AnswerTo(claim *eventstore.Claim, status int, body string) *eventstore.Answer {
	return &eventstore.Answer{Key: claim.Key, ClaimedAt: claim.At, Status: status, Body: []byte(body)}
}

func mustAppend(t *testing.T, log Log, c eventstore.Command) eventstore.Receipt {
	t.Helper()
	receipt, err := log.Append(t.Context(), 0, c)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	return receipt
}

func mustReadLog(t *testing.T, log Log, lane int) []eventstore.Event {
	t.Helper()
	events, err := log.ReadLog(t.Context(), lane, 0, eventstore.ReadMax)
	if err != nil {
		t.Fatalf("read the log: %v", err)
	}
	return events
}

func mustReadStream(t *testing.T, log Log, stream eventstore.Stream) []eventstore.Event {
	t.Helper()
	events, err := log.ReadStream(t.Context(), stream.ID, 0, eventstore.ReadMax)
	if err != nil {
		t.Fatalf("read stream %s: %v", stream.ID, err)
	}
	return events
}

// CheckLog fails t unless events are positions from+1, from+2 … of a lane with
// versions without gaps and true hashes. It is also for stores' own tests.
func CheckLog(t testing.TB, lane int, from int64, events []eventstore.Event) {
	t.Helper()
	versions := map[uuid.UUID]int{}
	for i, e := range events {
		if want := from + int64(i) + 1; e.Lane != lane || e.Position != want {
			t.Fatalf("event %d stands at %d.%d, want %d.%d", i, e.Lane, e.Position, lane, want)
		}
		if seen, ok := versions[e.Stream.ID]; (ok || from == 0) && e.Version != seen+1 {
			t.Fatalf("stream %s: version %d follows %d", e.Stream.ID, e.Version, seen)
		}
		versions[e.Stream.ID] = e.Version
		if err := e.CheckHash(); err != nil {
			t.Fatal(err)
		}
	}
}
