package payments

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/projectionstest"
)

func TestARowDecodesToWhatWasEncodedAtEveryStepOfALife(t *testing.T) {
	t.Parallel()
	lives := projectionstest.NewLives(1, 2)
	for range 300 {
		var r Resource
		for _, e := range lives.Next().History() {
			r = Fold(r, e)
			back, err := decode(r.encode(nil))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r, back, cmp.AllowUnexported(Resource{}), cmp.Comparer(sameID)); diff != "" {
				t.Fatalf("after %s: %s", e.Event.Type(), diff)
			}
			if string(back.encode(nil)) != string(r.encode(nil)) {
				t.Fatal("the same resource has two encodings")
			}
		}
	}
}

func sameID(a, b uuid.UUID) bool { return a == b }

func TestFoldOfAnyEventsInAnyOrderNeverPanics(t *testing.T) {
	t.Parallel()
	lives := projectionstest.NewLives(2, 1)
	var events []payment.Recorded
	for range 60 {
		events = append(events, lives.Next().History()...)
	}
	rapid.Check(t, func(t *rapid.T) {
		var r Resource
		for range rapid.IntRange(0, 12).Draw(t, "length") {
			r = Fold(r, events[rapid.IntRange(0, len(events)-1).Draw(t, "event")])
		}
		if !json.Valid(AppendJSON(nil, r)) {
			t.Fatalf("no JSON: %s", AppendJSON(nil, r))
		}
		if _, err := decode(r.encode(nil)); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	lives := projectionstest.NewLives(3, 1)
	for range 20 {
		r := FoldAll(lives.Next().History())
		f.Add(r.encode(nil))
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		if r, err := decode(b); err == nil {
			_ = AppendJSON(nil, r)
		}
	})
}

// TestEveryFieldIsThere reads the answer as a client does and lists the fields of
// api.md in their order.
func TestEveryFieldIsThere(t *testing.T) {
	t.Parallel()
	want := strings.Fields(`object id merchant_id amount amount_capturable amount_captured amount_released amount_refunded currency
		status pending_reason payment_method_id customer_id capture description statement_descriptor metadata idempotency_key
		failure_code failure_message decline_code network_transaction_id next_action cancellation_reason disputed dispute_id risk
		authorized_at captured_at cancelled_at expires_at livemode created_at`)
	lives := projectionstest.NewLives(4, 1)
	for range 50 {
		history := lives.Next().History()
		for n := 1; n <= len(history); n++ {
			body := AppendJSON(nil, FoldAll(history[:n]))
			decoder := json.NewDecoder(strings.NewReader(string(body)))
			if diff := cmp.Diff(want, fieldsOf(t, decoder)); diff != "" {
				t.Fatal(diff)
			}
		}
	}
}

func fieldsOf(t *testing.T, decoder *json.Decoder) (names []string) {
	t.Helper()
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		text, _ := name.(string)
		names = append(names, text)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestTextsThatABrowserCouldTakeForMarkupLeaveEscaped(t *testing.T) {
	t.Parallel()
	text := "<b>&\u2028\u2029\"\\\n\x01\x7fé€😀\xff"
	got := string(projections.AppendString(nil, text))
	if want := `"\u003cb\u003e\u0026\u2028\u2029\"\\\n\u0001\u007fé€😀\ufffd"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		var back string
		if err := json.Unmarshal(projections.AppendString(nil, text), &back); err != nil || back != text {
			t.Fatalf("%q came back as %q: %v", text, back, err)
		}
	})
}

func TestTimesAreISO8601InUTC(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]time.Time{
		"2026-04-11T14:30:00Z":     time.Date(2026, 4, 11, 16, 30, 0, 999_999, time.FixedZone("CEST", 7200)),
		"2026-04-11T14:30:00.007Z": time.Date(2026, 4, 11, 14, 30, 0, 7_000_000, time.UTC),
	} {
		if got := string(projections.AppendTime(nil, at)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestCreatedAtIsTheIDsMillisecondOnTheMerchantsClock(t *testing.T) {
	t.Parallel()
	u := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	recorded := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	got := projections.CreatedAt(u, recorded, recorded.Add(48*time.Hour))
	if want := time.UnixMilli(0x01890a5dac96).UTC().Add(48 * time.Hour); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPendingSaysWhy(t *testing.T) {
	t.Parallel()
	intent := payment.AuthorizationRequested{Payment: id.From[id.Payment](projectionstest.NewID()), Reference: id.From[id.Reference](projectionstest.NewID()), Amount: 100, Currency: "usd"}
	at := func(facts ...payment.Event) string {
		var r Resource
		for i, fact := range append([]payment.Event{intent}, facts...) {
			r = Fold(r, payment.Recorded{Version: i + 1, Event: fact})
		}
		return r.PendingReason
	}
	unknown := payment.OutcomeUnknown{Reference: intent.Reference, Operation: acquirer.OperationAuthorize, Reason: "timeout"}
	for want, got := range map[string]string{
		"network":         at(),
		"network_unknown": at(unknown),
		"action_required": at(payment.ActionRequired{Reference: intent.Reference}),
		"":                at(payment.Failed{Reference: intent.Reference}),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func BenchmarkResource(b *testing.B) {
	lives := projectionstest.NewLives(5, 1)
	var history []payment.Recorded
	for len(history) != 2 {
		history = lives.Next().History()
	}
	r := FoldAll(history)
	state := r.encode(nil)
	buffer := make([]byte, 0, 4096)
	b.Run("FoldTwoEvents", func(b *testing.B) {
		for b.Loop() {
			_ = FoldAll(history)
		}
	})
	b.Run("AppendJSON", func(b *testing.B) {
		b.ReportMetric(float64(len(AppendJSON(nil, r))), "bytes")
		for b.Loop() {
			buffer = r.appendJSON(buffer[:0])
		}
	})
	b.Run("Encode", func(b *testing.B) {
		b.ReportMetric(float64(len(state)), "bytes")
		for b.Loop() {
			buffer = r.encode(buffer[:0])
		}
	})
	b.Run("Decode", func(b *testing.B) {
		for b.Loop() {
			if _, err := decode(state); err != nil {
				b.Fatal(err)
			}
		}
	})
}
