package commands_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/gateways/sandbox"
)

// world is a desk with everything around it in memory.
type world struct {
	t         testing.TB
	log       *memory.Log
	book      *sandbox.Memory
	faults    *sandbox.FaultPlan
	gateway   *sandbox.Gateway
	desk      *commands.Desk
	principal access.Principal
	config    commands.Config
}

// newWorld opens a desk for one active merchant. Change is applied to its config.
func newWorld(t testing.TB, change ...func(*commands.Config)) *world {
	t.Helper()
	w := &world{t: t, log: memory.New(), book: sandbox.NewMemory(), faults: &sandbox.FaultPlan{}}
	w.gateway = sandbox.New(sandbox.Config{Book: w.book, BaseURL: "http://sandbox.test", Faults: w.faults.Fault})
	w.config = commands.Config{
		Log: w.log, Gateways: []commands.Gateway{w.gateway}, Router: commands.FixedRoutes{Test: []string{sandbox.Name}},
		Instruments: sandbox.NewInstruments(bytes.Repeat([]byte{7}, 32)), Merchants: commands.NewMerchantCache(w.log, time.Now),
		Lanes: w.log, Pepper: bytes.Repeat([]byte{9}, 32),
	}
	for _, f := range change {
		f(&w.config)
	}
	w.reopen()
	created, err := w.desk.CreateMerchant(t.Context(), commands.Call{}, merchant.Create{
		BusinessName: "Tea House", MCC: "5499", Country: "DE", SettlementCurrency: "eur", APIVersion: "2026-04-01",
	})
	if err != nil {
		t.Fatalf("create merchant: %v", err)
	}
	w.principal = access.Principal{Merchant: created.State.ID, Key: id.From[id.Key](uuid.Must(uuid.NewV7()))}
	if _, err := w.desk.ActivateMerchant(t.Context(), commands.Call{}, created.State.ID); err != nil {
		t.Fatalf("activate merchant: %v", err)
	}
	return w
}

// reopen starts a new desk over the same world, as a new process would.
func (w *world) reopen() {
	w.t.Helper()
	var err error
	if w.desk, err = commands.New(w.config); err != nil {
		w.t.Fatalf("open the desk: %v", err)
	}
}

// call is a request of the merchant; its fingerprint is told by body.
func (w *world) call(key, body string) commands.Call {
	c := commands.Call{
		Principal: w.principal, RequestID: id.From[id.Request](uuid.Must(uuid.NewV7())), IdempotencyKey: key, Render: render,
	}
	copy(c.Fingerprint[:], body)
	return c
}

// render words a result in one line, with the statuses of the API.
func render(r commands.Result) commands.Answer {
	if r.Refusal != nil {
		return commands.Answer{Status: 422, Body: []byte(r.Refusal.Code)}
	}
	status := 200
	switch r.Outcome.(type) {
	case payment.Failed, payment.CaptureFailed, payment.CancellationFailed, payment.RefundFailed:
		status = 402
	}
	s := r.State
	return commands.Answer{Status: status, Body: fmt.Appendf(nil, "%s %s held=%d captured=%d refunded=%d v%d", s.ID, s.Status, s.Authorized, s.Captured, s.AmountRefunded(), s.Version)}
}

func eur(minor int64) money.Money { return money.Of(minor, "eur") }

func card(token string, minor int64) commands.Authorize {
	return commands.Authorize{Amount: eur(minor), PaymentMethod: token}
}

func newKey() string { return uuid.NewString() }

// authorize makes a payment and must get an answer.
func (w *world) authorize(token string, minor int64) (id.Payment, commands.Reply) {
	w.t.Helper()
	reply, err := w.desk.Authorize(w.t.Context(), w.call(newKey(), token), card(token, minor))
	if err != nil {
		w.t.Fatalf("authorize %s: %v", token, err)
	}
	return paymentIn(w.t, reply), reply
}

// captured makes a payment that is captured.
func (w *world) captured(minor int64) id.Payment {
	w.t.Helper()
	p, _ := w.authorize("pm_test_visa", minor)
	if _, err := w.desk.Capture(w.t.Context(), w.call("", ""), commands.Capture{Payment: p}); err != nil {
		w.t.Fatalf("capture: %v", err)
	}
	return p
}

func paymentIn(t testing.TB, r commands.Reply) id.Payment {
	t.Helper()
	word, _, _ := bytes.Cut(r.Body, []byte(" "))
	p, err := id.Parse[id.Payment](string(word))
	if err != nil {
		t.Fatalf("answer %q names no payment: %v", r.Body, err)
	}
	return p
}

func (w *world) target(p id.Payment) commands.Target {
	return commands.Target{Lane: w.principal.Lane, Merchant: w.principal.Merchant, Livemode: w.principal.Livemode, Payment: p}
}

// state folds a payment's stream.
func (w *world) state(p id.Payment) payment.State {
	w.t.Helper()
	return payment.Fold(payment.State{}, w.history(p))
}

func (w *world) history(p id.Payment) (history []payment.Recorded) {
	w.t.Helper()
	events, err := w.log.ReadStream(context.WithoutCancel(w.t.Context()), p.UUID(), 0, 4096)
	if err != nil {
		w.t.Fatalf("read %s: %v", p, err)
	}
	for _, e := range events {
		fact, err := payment.Decode(e.Type, e.Schema, e.Body)
		if err != nil {
			w.t.Fatalf("decode %s: %v", e.Type, err)
		}
		history = append(history, payment.Recorded{ID: id.From[id.Event](e.ID), Version: e.Version, RecordedAt: e.RecordedAt, Event: fact})
	}
	return history
}

// types lists a payment's events in short: authorization_requested authorized …
func (w *world) types(p id.Payment) (types []string) {
	w.t.Helper()
	for _, r := range w.history(p) {
		types = append(types, r.Event.Type())
	}
	return types
}

// payments lists every payment in the log.
func (w *world) payments() (all []id.Payment) {
	w.t.Helper()
	events, err := w.log.ReadLog(context.WithoutCancel(w.t.Context()), 0, 0, 100_000)
	if err != nil {
		w.t.Fatalf("read the log: %v", err)
	}
	for _, e := range events {
		if e.Stream.Aggregate == "payment" && e.Version == 1 {
			all = append(all, id.From[id.Payment](e.Stream.ID))
		}
	}
	return all
}

// balanced holds the acquirer's book against ours (I10), once nothing is in doubt.
func (w *world) balanced() {
	w.t.Helper()
	theirs := map[id.Payment]sandbox.Total{}
	for total, err := range w.book.Totals(context.WithoutCancel(w.t.Context())) {
		if err != nil {
			w.t.Fatalf("read the acquirer's book: %v", err)
		}
		theirs[total.Payment] = total
	}
	for _, p := range w.payments() {
		s, total := w.state(p), theirs[p]
		if len(s.Intents()) > 0 {
			w.t.Errorf("%s is still in doubt: %+v", p, s.Intents())
		}
		held := s.Authorized - s.Captured - s.Released
		if s.Expired {
			total.Held = 0 // the issuer let go by itself
		}
		if total.Held != held || total.Captured != s.Captured || total.Refunded != s.AmountRefunded() || total.Holds > 1 {
			w.t.Errorf("%s (%s): acquirer holds %d in %d, took %d, returned %d; our books say %d, %d, %d",
				p, s.Status, total.Held, total.Holds, total.Captured, total.Refunded, held, s.Captured, s.AmountRefunded())
		}
		delete(theirs, p)
	}
	for p, total := range theirs {
		if total.Held+total.Captured > 0 {
			w.t.Errorf("the acquirer has %+v of %s, which we do not know", total, p)
		}
	}
}

// crowd runs n calls at the same time.
func crowd(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}
