package invariants_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/paymint/paymint/cmd/invariants"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/relay"
)

func TestWhatPaymintDoesHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lives()
	report := w.check()
	if !report.Passed {
		t.Fatalf("violations in what the product did: %s", told(report))
	}
	if report.InDoubt != 0 || len(report.Notes) != 0 {
		t.Errorf("in doubt %d, notes %q", report.InDoubt, report.Notes)
	}
	for _, i := range report.Invariants {
		if i.Checked == 0 || i.NotChecked != "" {
			t.Errorf("%s looked at nothing (%s)", i.ID, i.NotChecked)
		}
	}
	if report.Positions["0"] == 0 || report.Streams == 0 {
		t.Errorf("positions %v, %d streams", report.Positions, report.Streams)
	}
}

func TestAnEmptyLogHolds(t *testing.T) {
	t.Parallel()
	report, err := invariants.Checker{Log: &invariants.Memory{}, Streams: &invariants.Memory{}}.Check(t.Context())
	if err != nil || !report.Passed {
		t.Fatalf("%v: %s", err, told(report))
	}
}

// Each harm is done to a world that holds, and must be found by the invariants named,
// and by no other.
var harms = map[string]struct {
	found []string
	harm  func(w *world, lives []id.Payment)
}{
	"a flipped bit in a body": {[]string{"I11", "I7"}, func(w *world, lives []id.Payment) {
		w.unlock()
		const at = `position('"fingerprint":"'::bytea IN frame) + 20` // shown nowhere
		w.sql(`UPDATE events SET frame = set_byte(frame, `+at+`, get_byte(frame, `+at+`) # 1) WHERE stream_id = $1 AND version = 1`, lives[3].UUID())
	}},
	"a whole event changed, its hash with it": {[]string{"I7"}, func(w *world, lives []id.Payment) {
		w.unlock()
		// The actor: no fold shows it, and the hash is made anew. JetStream still has the truth.
		w.sql(`UPDATE events SET frame = overlay(frame PLACING '\x78' FROM position('key_'::bytea IN frame)), hash = sha256(overlay(frame PLACING '\x78' FROM position('key_'::bytea IN frame))) WHERE stream_id = $1 AND version = 2`, lives[3].UUID())
	}},
	"an event deleted": {[]string{"I11", "I7", "I6"}, func(w *world, lives []id.Payment) {
		w.unlock()
		w.sql(`DELETE FROM events WHERE stream_id = $1 AND version = 2`, lives[3].UUID())
	}},
	"the newest event deleted": {[]string{"I11", "I6"}, func(w *world, lives []id.Payment) {
		w.unlock()
		w.sql(`DELETE FROM events WHERE position = (SELECT max(position) FROM events)`)
	}},
	"a version twice": {[]string{"I11"}, func(w *world, lives []id.Payment) {
		w.unlock()
		w.sql(`DROP INDEX events_0_0_stream`)
		w.sql(`UPDATE events SET version = 1 WHERE stream_id = $1 AND version = 2`, lives[3].UUID())
	}},
	"an event behind the head of its lane": {[]string{"I11"}, func(w *world, lives []id.Payment) {
		w.sql(`INSERT INTO events SELECT lane, (SELECT position + 1 FROM lanes), stream_id, version + 1, hash, frame FROM events WHERE stream_id = $1 AND version = 2`, lives[3].UUID())
	}},
	"a stream without a head": {[]string{"I11", "I6", "I10"}, func(w *world, lives []id.Payment) {
		w.sql(`DELETE FROM stream_heads WHERE stream_id = $1`, lives[7].UUID())
	}},
	"a head that lies": {[]string{"I11"}, func(w *world, lives []id.Payment) {
		w.sql(`UPDATE stream_heads SET version = version + 1 WHERE stream_id = $1`, lives[3].UUID())
	}},
	"a column of a payment's row changed": {[]string{"I6"}, func(w *world, lives []id.Payment) {
		w.sql(`UPDATE payments_v1 SET amount = amount + 1 WHERE payment_id = $1`, lives[0].UUID())
	}},
	"the state in a payment's row changed": {[]string{"I6"}, func(w *world, lives []id.Payment) {
		w.sql(`UPDATE payments_v1 SET state = set_byte(state, octet_length(state) - 3, get_byte(state, octet_length(state) - 3) # 1) WHERE payment_id = $1`, lives[0].UUID())
	}},
	"a payment's row deleted": {[]string{"I6"}, func(w *world, lives []id.Payment) {
		w.sql(`DELETE FROM payments_v1 WHERE payment_id = $1`, lives[0].UUID())
	}},
	"a total changed": {[]string{"I6"}, func(w *world, _ []id.Payment) {
		w.sql(`UPDATE payments_totals_v1 SET total = total + 1 WHERE status = 4`)
	}},
	"a refund's row changed": {[]string{"I6"}, func(w *world, _ []id.Payment) {
		w.sql(`UPDATE refunds_v1 SET amount = amount - 1`)
	}},
	"a refund's row deleted": {[]string{"I6"}, func(w *world, _ []id.Payment) {
		w.sql(`DELETE FROM refunds_v1`)
	}},
	"a key un-revoked": {[]string{"I6"}, func(w *world, _ []id.Payment) {
		w.sql(`UPDATE api_keys_v1 SET revoked = NOT revoked`)
	}},
	"a row of nobody": {[]string{"I6"}, func(w *world, _ []id.Payment) {
		w.sql(`INSERT INTO merchants_v1 SELECT (jsonb_populate_record(m, jsonb_build_object('merchant_id', gen_random_uuid()))).* FROM merchants_v1 m`)
	}},
	"a JetStream message deleted": {[]string{"I7"}, func(w *world, _ []id.Payment) {
		stream, err := w.js.Stream(w.t.Context(), relay.StreamName(0))
		w.must(err)
		w.must(stream.DeleteMsg(w.t.Context(), 4))
	}},
	"a JetStream message that is no event": {[]string{"I7"}, func(w *world, _ []id.Payment) {
		_, err := w.js.Publish(w.t.Context(), "paymint.0.00.payment", []byte("not an event"))
		w.must(err)
	}},
	"an entry of the book deleted": {[]string{"I10"}, func(w *world, lives []id.Payment) {
		w.sql(`DELETE FROM sandbox_book WHERE payment = $1 AND operation = 'authorize'`, lives[7].UUID())
	}},
	"a hold that we know nothing of": {[]string{"I10"}, func(w *world, lives []id.Payment) {
		w.sql(`INSERT INTO sandbox_book SELECT (jsonb_populate_record(b, jsonb_build_object('reference', gen_random_uuid(), 'payment', gen_random_uuid()))).* FROM sandbox_book b WHERE payment = $1 AND operation = 'authorize'`, lives[7].UUID())
	}},
	"a second hold for one payment": {[]string{"I10"}, func(w *world, lives []id.Payment) {
		w.sql(`INSERT INTO sandbox_book SELECT (jsonb_populate_record(b, jsonb_build_object('reference', gen_random_uuid()))).* FROM sandbox_book b WHERE payment = $1 AND operation = 'authorize'`, lives[7].UUID())
	}},
}

func TestEveryHarmIsFoundByItsInvariant(t *testing.T) {
	t.Parallel()
	for name, h := range harms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			lives := w.lives()
			if report := w.check(); !report.Passed {
				t.Fatalf("before the harm: %s", told(report))
			}
			w.halt()
			h.harm(w, lives)
			report := w.check()
			t.Log(told(report))
			wantViolated(t, report, h.found...)
		})
	}
}

func TestTooMuchMoneyIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	over := w.authorize("pm_test_visa", false)
	w.append(over, 2, eventOf(t, payment.CaptureRequested{Reference: id.From[id.Reference](newID()), Amount: 1001}))
	twice := w.authorize("pm_test_visa", true)
	w.append(twice, 3, eventOf(t, payment.RefundRequested{Refund: id.From[id.Refund](newID()), Reference: id.From[id.Reference](newID()), Amount: 600}),
		eventOf(t, payment.RefundRequested{Refund: id.From[id.Refund](newID()), Reference: id.From[id.Reference](newID()), Amount: 600}))
	report := w.check()
	t.Log(told(report))
	wantViolated(t, report, "I3", "I4")
	if report.InDoubt != 3 {
		t.Errorf("%d acts in doubt, want the 3 that have no outcome", report.InDoubt)
	}
}

func TestAKeyThatBeganTwoActsIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.authorize("pm_test_visa", true)
	for version := range 2 {
		e := eventOf(t, payment.RefundRequested{Refund: id.From[id.Refund](newID()), Reference: id.From[id.Reference](newID()), Amount: 100})
		e.Meta.IdempotencyKey = "the same key"
		w.append(p, 3+version, e)
	}
	report := w.check()
	t.Log(told(report))
	wantViolated(t, report, "I2")
}

func TestWhoIsBehindIsToldFromWhoIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lives()
	w.check()
	w.halt()
	w.authorize("pm_test_visa", false)
	checker := w.checker()
	checker.Idle = true
	report, err := checker.Check(t.Context())
	if err != nil || !report.Passed || len(report.Notes) == 0 {
		t.Errorf("nobody works, so being behind is no violation: %v, notes %q, %s", err, report.Notes, told(report))
	}
	checker.Idle, checker.Patience = false, 1
	report, err = checker.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantViolated(t, report, "I6", "I7")
}

func TestAMissingStreamIsNeverTakenForAWholeOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lives()
	w.check()
	w.halt()
	w.must(w.js.DeleteStream(w.t.Context(), relay.StreamName(0)))
	checker := w.checker()
	checker.Patience = 1
	report, err := checker.Check(t.Context())
	w.must(err)
	wantViolated(t, report, "I7")
	checker.Idle = true // a relay will make it anew, from the log
	report, err = checker.Check(t.Context())
	w.must(err)
	for _, i := range report.Invariants {
		if i.ID == "I7" && i.NotChecked == "" {
			t.Errorf("I7 was checked without a message: %+v", i)
		}
	}
}

// vanishing is a Broker whose stream is there for the first look only.
type vanishing struct {
	invariants.Broker
	looks int
}

func (v *vanishing) Bounds(ctx context.Context, lane int) (first, last int64, err error) {
	if v.looks++; v.looks > 1 {
		return 0, 0, nil
	}
	return v.Broker.Bounds(ctx, lane)
}

func TestAStreamThatIsLostWhileWeLookIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lives()
	w.check()
	w.halt()
	checker := w.checker()
	checker.Broker = &vanishing{Broker: checker.Broker}
	report, err := checker.Check(t.Context())
	w.must(err)
	wantViolated(t, report, "I7")
}

// unlock lets a superuser change what happened: the guards stand even for them.
func (w *world) unlock() {
	w.sql(`ALTER TABLE events_0_0 DISABLE TRIGGER refuse_change`)
	w.sql(`ALTER TABLE events_0 DISABLE TRIGGER refuse_change`)
	w.sql(`ALTER TABLE events DISABLE TRIGGER refuse_change`)
}

func eventOf(t *testing.T, fact payment.Event) eventstore.Event {
	t.Helper()
	typ, schema, body, err := payment.Encode(fact)
	if err != nil {
		t.Fatal(err)
	}
	return eventstore.Event{Type: typ, Schema: schema, Body: body, ID: uuid.Nil}
}
