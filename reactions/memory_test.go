package reactions_test

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/reactions"
)

// memoryNotes is reactions.Notes without a database.
type memoryNotes struct {
	mu    sync.Mutex
	notes map[id.Payment]reactions.Note
	next  map[id.Payment]time.Time
}

func (m *memoryNotes) Waiting(_ context.Context, ids []id.Payment, now time.Time) (map[id.Payment]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting := map[id.Payment]bool{}
	for _, p := range ids {
		waiting[p] = m.next[p].After(now)
	}
	return waiting, nil
}

func (m *memoryNotes) Lease(_ context.Context, target commands.Target, now, until time.Time) (reactions.Note, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.next[target.Payment].After(now) {
		return reactions.Note{}, false, nil
	}
	m.next[target.Payment] = until
	note := m.notes[target.Payment]
	note.Target, note.Attempts = target, maps.Clone(note.Attempts)
	if note.Attempts == nil {
		note.Attempts = map[id.Reference]reactions.Attempt{}
	}
	return note, true, nil
}

func (m *memoryNotes) Save(_ context.Context, note reactions.Note, next time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.next[note.Target.Payment]; there {
		m.notes[note.Target.Payment], m.next[note.Target.Payment] = note, next
	}
	return nil
}

func (m *memoryNotes) Drop(_ context.Context, target commands.Target) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.notes, target.Payment)
	delete(m.next, target.Payment)
	return nil
}

// memoryModel folds the log whenever it is asked, and remembers moved clocks.
type memoryModel struct {
	log       *memory.Log
	notes     *memoryNotes
	merchants commands.Merchants
	wake      func()

	mu    sync.Mutex
	moved map[id.Merchant]time.Time
}

func (m *memoryModel) states(ctx context.Context) (all []payment.State) {
	events, _ := m.log.ReadLog(ctx, 0, 0, 100_000)
	histories := map[uuid.UUID][]payment.Recorded{}
	for _, e := range events {
		if e.Stream.Aggregate == "payment" {
			fact, err := payment.Decode(e.Type, e.Schema, e.Body)
			if err != nil {
				panic(err)
			}
			histories[e.Stream.ID] = append(histories[e.Stream.ID], payment.Recorded{Version: e.Version, Event: fact})
		}
	}
	for _, history := range histories {
		all = append(all, payment.Fold(payment.State{}, history))
	}
	slices.SortFunc(all, func(a, b payment.State) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	return all
}

func dueAt(s payment.State) (due time.Time) {
	for _, intent := range s.Intents() {
		if due.IsZero() || intent.Deadline.Before(due) {
			due = intent.Deadline
		}
	}
	if due.IsZero() && s.Status == payment.StatusAuthorized {
		due = s.ExpiresAt
	}
	return due
}

func (m *memoryModel) between(ctx context.Context, from, to time.Time) (due []payments.Due) {
	for _, s := range m.states(ctx) {
		if at := dueAt(s); at.After(from) && !at.After(to) {
			due = append(due, payments.Due{DueAt: at, Payment: s.ID, Merchant: s.Merchant, Livemode: s.Livemode})
		}
	}
	slices.SortFunc(due, func(a, b payments.Due) int { return a.DueAt.Compare(b.DueAt) })
	return due
}

func (m *memoryModel) DueAfter(ctx context.Context, _ int, now time.Time, after payments.Due, limit int) ([]payments.Due, error) {
	due := m.between(ctx, after.DueAt, now)
	return due[:min(limit, len(due))], nil
}

func (m *memoryModel) DueOf(ctx context.Context, _ int, _ id.Merchant, from, to time.Time, limit int) ([]payments.Due, error) {
	due := m.between(ctx, from, to)
	return due[:min(limit, len(due))], nil
}

func (m *memoryModel) Forget(_ context.Context, merchant id.Merchant) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.moved, merchant)
	return nil
}

func (m *memoryModel) Moved(_ context.Context, _ int, _ id.Merchant, _ int) (all []reactions.Moved, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for merchant, until := range m.moved {
		all = append(all, reactions.Moved{Merchant: merchant, Recheck: until.After(time.Now())})
	}
	return all, nil
}

func (m *memoryModel) Refunded(ctx context.Context, _ id.Merchant, _ int) (found []id.Payment, _ error) {
	for _, s := range m.states(ctx) {
		if s.AmountRefunded() > 0 {
			found = append(found, s.ID)
		}
	}
	return found, nil
}

func (m *memoryModel) Offset(ctx context.Context, merchant id.Merchant) (time.Duration, error) {
	state, err := m.merchants.Find(ctx, merchant)
	return state.ClockOffset, err
}

// movedClocks is commands.Clocks over the same memory.
type movedClocks struct{ *memoryModel }

func (m movedClocks) Moving(_ context.Context, _ int, merchant id.Merchant) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.moved[merchant] = time.Time{}
	return nil
}

func (m movedClocks) Moved(_ context.Context, merchant id.Merchant) error {
	m.mu.Lock()
	m.moved[merchant] = time.Now().Add(reactions.RecheckFor)
	m.mu.Unlock()
	m.notes.mu.Lock()
	clear(m.notes.notes)
	clear(m.notes.next)
	m.notes.mu.Unlock()
	m.wake()
	return nil
}

// world is a desk and its reactions, all in memory, on the clock of a bubble.
type world struct {
	t         *testing.T
	log       *memory.Log
	book      *sandbox.Memory
	faults    *sandbox.FaultPlan
	desk      *commands.Desk
	model     *memoryModel
	metrics   *prometheus.Registry
	principal access.Principal
	stop      context.CancelFunc
}

// newWorld opens it for one merchant; the reactions run until the test ends.
func newWorld(t *testing.T, reactors int, change ...func(commands.Gateway) commands.Gateway) *world {
	t.Helper()
	w := &world{t: t, log: memory.New(), book: sandbox.NewMemory(), faults: &sandbox.FaultPlan{}, metrics: prometheus.NewRegistry()}
	acquiring := sandbox.New(sandbox.Config{Book: w.book, Faults: w.faults.Fault})
	var gateway commands.Gateway = acquiring
	for _, f := range change {
		gateway = f(gateway)
	}
	cache := commands.NewMerchantCache(w.log, time.Now)
	notes := &memoryNotes{notes: map[id.Payment]reactions.Note{}, next: map[id.Payment]time.Time{}}
	w.model = &memoryModel{log: w.log, notes: notes, merchants: cache, moved: map[id.Merchant]time.Time{}}
	var err error
	w.desk, err = commands.New(commands.Config{
		Log: w.log, Gateways: []commands.Gateway{gateway}, Router: commands.FixedRoutes{Test: []string{sandbox.Name}},
		Instruments: sandbox.NewInstruments(bytes.Repeat([]byte{7}, 32)), Merchants: cache, Lanes: w.log,
		Clocks: movedClocks{w.model}, Metrics: w.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.openMerchant()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	w.stop = func() { stop(); running.Wait() }
	var watches []*reactions.Watch
	for range reactors {
		watch := reactions.New(reactions.Config{Desk: w.desk, Payments: w.model, Notes: notes, Ahead: w.model, Lanes: []int{0}})
		watches = append(watches, watch)
		running.Go(func() { watch.Run(ctx) })
	}
	w.model.wake = func() {
		for _, watch := range watches {
			watch.Wake()
		}
	}
	t.Cleanup(acquiring.Wait)
	t.Cleanup(w.stop)
	return w
}

// longLived is a network on which a request can be under way for five minutes.
func longLived(g commands.Gateway) commands.Gateway { return longLife{g} }

type longLife struct{ commands.Gateway }

func (g longLife) Traits() acquirer.Traits {
	traits := g.Gateway.Traits()
	traits.LongestLife = 5 * time.Minute
	return traits
}

func (w *world) openMerchant() {
	w.t.Helper()
	created, err := w.desk.CreateMerchant(w.t.Context(), commands.Call{}, merchant.Create{
		BusinessName: "Tea House", MCC: "5499", Country: "DE", SettlementCurrency: "eur", APIVersion: "2026-04-01",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.desk.ActivateMerchant(w.t.Context(), commands.Call{}, created.State.ID); err != nil {
		w.t.Fatal(err)
	}
	w.principal = access.Principal{Merchant: created.State.ID, Key: id.From[id.Key](uuid.Must(uuid.NewV7()))}
}

func (w *world) call() commands.Call {
	return commands.Call{Principal: w.principal, IdempotencyKey: uuid.NewString(), Render: func(r commands.Result) commands.Answer {
		if r.Refusal != nil {
			return commands.Answer{Status: 422, Body: []byte(r.Refusal.Code)}
		}
		return commands.Answer{Status: 200, Body: []byte(r.State.ID.String())}
	}}
}

func (w *world) authorize(token string, capture bool) id.Payment {
	w.t.Helper()
	reply, err := w.desk.Authorize(w.t.Context(), w.call(), commands.Authorize{Amount: money.Of(5000, "eur"), PaymentMethod: token, Capture: capture})
	if err != nil {
		w.t.Fatalf("authorize %s: %v", token, err)
	}
	p, err := id.Parse[id.Payment](string(reply.Body))
	if err != nil {
		w.t.Fatalf("answer %q: %v", reply.Body, err)
	}
	return p
}

func (w *world) state(p id.Payment) payment.State {
	w.t.Helper()
	for _, s := range w.model.states(context.Background()) {
		if s.ID == p {
			return s
		}
	}
	w.t.Fatalf("no payment %s", p)
	return payment.State{}
}

// types counts a payment's events by type.
func (w *world) types(p id.Payment) map[string]int {
	w.t.Helper()
	events, err := w.log.ReadStream(context.Background(), p.UUID(), 0, 4096)
	if err != nil {
		w.t.Fatal(err)
	}
	counts := map[string]int{}
	for _, e := range events {
		counts[e.Type]++
	}
	return counts
}

// balanced holds the acquirer's book against ours (I10).
func (w *world) balanced() {
	w.t.Helper()
	theirs := map[id.Payment]sandbox.Total{}
	for total, err := range w.book.Totals(context.Background()) {
		if err != nil {
			w.t.Fatal(err)
		}
		theirs[total.Payment] = total
	}
	for _, s := range w.model.states(context.Background()) {
		total, held := theirs[s.ID], s.Authorized-s.Captured-s.Released
		if s.Expired {
			total.Held = 0
		}
		if len(s.Intents()) > 0 || total.Held != held || total.Captured != s.Captured || total.Refunded != s.AmountRefunded() {
			w.t.Errorf("%s is %s, %d in doubt; acquirer %+v, ours held %d captured %d refunded %d",
				s.ID, s.Status, len(s.Intents()), total, held, s.Captured, s.AmountRefunded())
		}
	}
}

// alarms reads the counter of one kind of alarm.
func (w *world) alarms(kind commands.Alarm) int {
	w.t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "paymint_alarms_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == string(kind) {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return 0
}
