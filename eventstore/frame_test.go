package eventstore_test

import (
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/paymint/paymint/eventstore"
)

func sample() eventstore.Event {
	return eventstore.Event{
		Stream: eventstore.Stream{Aggregate: "payment", ID: uuid.UUID{1, 15: 0x4f}}, Version: 2, ID: uuid.UUID{2}, Type: "payment.captured", Schema: 3,
		Merchant: uuid.UUID{3}, Livemode: true, RecordedAt: time.UnixMicro(5).UTC(), EffectiveAt: time.UnixMicro(4).UTC(),
		Meta: eventstore.Meta{Actor: "a", RequestID: "r", IdempotencyKey: "", Correlation: uuid.UUID{4}, Cause: uuid.UUID{5}},
		Body: []byte("{}"),
	}
}

// The bytes are hashed, signed and published: they must never come out otherwise.
func TestTheFrameOfAnEventIsForEver(t *testing.T) {
	t.Parallel()
	const want = "010f0003" + "0100000000000000000000000000004f" + "00000002" + "02000000000000000000000000000000" +
		"03000000000000000000000000000000" + "0000000000000005" + "0000000000000004" +
		"04000000000000000000000000000000" + "05000000000000000000000000000000" +
		"077061796d656e74" + "107061796d656e742e6361707475726564" + "0161" + "0172" + "00" + "000000027b7d"
	frame := sample().AppendFrame(nil)
	if got := hex.EncodeToString(frame); got != want {
		t.Errorf("frame\n%s, want\n%s", got, want)
	}
	const sum = "6cab8207858f0e91404814dc6362dc848489af87d2f18b1c3c2d1e45e599bac1"
	if got := eventstore.SumFrame(frame); hex.EncodeToString(got[:]) != sum {
		t.Errorf("hash %x, want %s", got, sum)
	}
}

func drawEvent(t *rapid.T) eventstore.Event {
	id := func(name string) (u uuid.UUID) {
		copy(u[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
		return u
	}
	instant := func(name string) time.Time {
		return time.UnixMicro(rapid.Int64Range(0, 32_503_680_000_000_000-1).Draw(t, name)).UTC()
	}
	text := func(name string) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 255).Draw(t, name)) }
	e := eventstore.Event{
		Stream: eventstore.Stream{Aggregate: text("aggregate"), ID: id("stream")}, Version: rapid.IntRange(1, 1<<31-1).Draw(t, "version"),
		ID: id("id"), Type: text("type"), Schema: rapid.IntRange(1, 1<<16-1).Draw(t, "schema"), Merchant: id("merchant"),
		Livemode: rapid.Bool().Draw(t, "livemode"), RecordedAt: instant("recorded"),
		Meta: eventstore.Meta{Actor: text("actor"), RequestID: text("request"), IdempotencyKey: text("key")},
		Body: rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
	}
	e.EffectiveAt = e.RecordedAt
	if rapid.Bool().Draw(t, "back-dated") {
		e.EffectiveAt = instant("effective")
	}
	if rapid.Bool().Draw(t, "linked") {
		e.Meta.Correlation, e.Meta.Cause = id("correlation"), id("cause")
	}
	return e
}

func TestAnEventComesBackFromItsFrame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawEvent(t)
		got, err := eventstore.ParseFrame(want.AppendFrame(nil))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v: %s", err, diff)
		}
		got.Hash = eventstore.SumFrame(want.AppendFrame(nil))
		if err := got.CheckHash(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAnyChangedFieldBreaksTheHash(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*eventstore.Event){
		"stream":      func(e *eventstore.Event) { e.Stream.ID[3]++ },
		"aggregate":   func(e *eventstore.Event) { e.Stream.Aggregate = "merchant" },
		"version":     func(e *eventstore.Event) { e.Version++ },
		"id":          func(e *eventstore.Event) { e.ID[0]++ },
		"type":        func(e *eventstore.Event) { e.Type = "payment.captureD" },
		"schema":      func(e *eventstore.Event) { e.Schema++ },
		"merchant":    func(e *eventstore.Event) { e.Merchant[1]++ },
		"livemode":    func(e *eventstore.Event) { e.Livemode = false },
		"recorded":    func(e *eventstore.Event) { e.RecordedAt = e.RecordedAt.Add(time.Microsecond) },
		"effective":   func(e *eventstore.Event) { e.EffectiveAt = e.RecordedAt },
		"actor":       func(e *eventstore.Event) { e.Meta.Actor = "" },
		"request":     func(e *eventstore.Event) { e.Meta.RequestID, e.Meta.IdempotencyKey = "", "r" },
		"correlation": func(e *eventstore.Event) { e.Meta.Correlation = uuid.Nil },
		"cause":       func(e *eventstore.Event) { e.Meta.Correlation, e.Meta.Cause = e.Meta.Cause, e.Meta.Correlation },
		"body":        func(e *eventstore.Event) { e.Body = []byte("{} ") },
	} {
		e := sample()
		e.Hash = eventstore.SumFrame(e.AppendFrame(nil))
		change(&e)
		if err := e.CheckHash(); !errors.Is(err, eventstore.ErrHash) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseFrameRefusesEveryOtherForm(t *testing.T) {
	t.Parallel()
	good := sample().AppendFrame(nil)
	for n := range good {
		if _, err := eventstore.ParseFrame(good[:n]); !errors.Is(err, eventstore.ErrFrame) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	change := func(at int, to ...byte) []byte { return slices.Replace(slices.Clone(good), at, at+len(to), to...) }
	for name, frame := range map[string][]byte{
		"more behind it":     append(slices.Clone(good), 0),
		"another version":    change(0, 2),
		"an unknown flag":    change(1, 0x1f),
		"effective repeated": change(64, 0, 0, 0, 0, 0, 0, 0, 5),
		"an empty cause":     change(88, make([]byte, 16)...),
	} {
		if _, err := eventstore.ParseFrame(frame); !errors.Is(err, eventstore.ErrFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add(sample().AppendFrame(nil))
	f.Add(eventstore.Event{Schema: 1}.AppendFrame(nil))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if e, err := eventstore.ParseFrame(frame); err == nil && string(e.AppendFrame(nil)) != string(frame) {
			t.Fatalf("an event has two frames: %x", frame)
		}
	})
}

func TestSubjectsNameLanePartitionAndAggregate(t *testing.T) {
	t.Parallel()
	e := sample()
	if got, want := eventstore.Subject(3, e), "paymint.3.15.payment"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	e.Stream.ID[15] = 0xc2
	if got, want := eventstore.Subject(12, e), "paymint.12.02.payment"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAKeyCountsWithinItsMerchantAndMode(t *testing.T) {
	t.Parallel()
	one, two := uuid.UUID{1}, uuid.UUID{2}
	keys := []eventstore.ClaimKey{
		eventstore.KeyOf(one, true, "k"), eventstore.KeyOf(one, false, "k"), eventstore.KeyOf(two, true, "k"), eventstore.KeyOf(one, true, "l"),
	}
	slices.SortFunc(keys, func(a, b eventstore.ClaimKey) int { return slices.Compare(a[:], b[:]) })
	if len(slices.Compact(keys)) != 4 {
		t.Error("two of four scopes share a key")
	}
}

func TestPositionsHaveOneSpelling(t *testing.T) {
	t.Parallel()
	if p, err := eventstore.ParsePosition("3.17"); err != nil || p != (eventstore.Position{Lane: 3, Number: 17}) || p.String() != "3.17" {
		t.Errorf("%v, %v", p, err)
	}
	for _, s := range []string{"", ".", "1", "1.", ".1", "01.1", "1.+1", "-1.1", "32768.1", "1.9223372036854775808", "1.1.1", " 1.1"} {
		if p, err := eventstore.ParsePosition(s); err == nil {
			t.Errorf("%q was read as %v", s, p)
		}
	}
}
