package invariants_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/paymint/paymint/cmd/invariants"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
)

// A simulation has no database: the same judges look at a log, a storage, a bus and a
// book in memory.
func TestTheCheckerWorksOnMemoryAlone(t *testing.T) {
	t.Parallel()
	log := memory.New(0)
	for range 5 {
		approved(t, log)
	}
	storage := projections.NewMemory()
	tables := &projections.MemoryTable[payments.Resource]{}
	table := func(int) projections.Table[payments.Resource] { return tables }
	project(t, log, storage, payments.New(table))
	bus := busOf(t, log)

	check := func() invariants.Report {
		events, err := invariants.Snapshot(t.Context(), log, 0)
		if err != nil {
			t.Fatal(err)
		}
		view := invariants.ViewOf(storage, []int{0}, payments.New(table), invariants.PaymentContent)
		report, err := invariants.Checker{
			Log: events, Streams: events, Views: []invariants.View{view}, Broker: bus, Book: noBook{}, Gateway: "another", Patience: time.Second,
		}.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if report := check(); !report.Passed || report.Positions["0"] != 10 || report.Streams != 5 {
		t.Fatalf("%d streams up to %v: %s", report.Streams, report.Positions, told(report))
	}
	for stream, row := range tables.Rows {
		row.Amount++
		tables.Rows[stream] = row
		break
	}
	bus[3].Sequence = 99
	wantViolated(t, check(), "I6", "I7")
}

// approved is a payment's first two events.
func approved(t *testing.T, log *memory.Log) {
	t.Helper()
	p, reference, now := id.From[id.Payment](newID()), id.From[id.Reference](newID()), time.Now().UTC()
	events := []eventstore.Event{
		eventOf(t, payment.AuthorizationRequested{Payment: p, Merchant: id.From[id.Merchant](newID()), Reference: reference, Gateway: "sandbox", Amount: 500, Currency: "eur", Deadline: now}),
		eventOf(t, payment.Authorized{Reference: reference, Amount: 500, ExpiresAt: now}),
	}
	for i := range events {
		events[i].ID, events[i].Merchant, events[i].RecordedAt = newID(), newID(), now
	}
	_, err := log.Append(t.Context(), 0, eventstore.Command{Writes: []eventstore.Write{{
		Stream: eventstore.Stream{Aggregate: "payment", ID: p.UUID()}, Events: events,
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

func project(t *testing.T, log *memory.Log, storage projections.Storage, of projections.Projection) {
	t.Helper()
	f := projections.NewFollower(projections.Config{
		Projections: []projections.Projection{of}, Decoders: projections.Decoders{projections.AggregatePayment: projections.DecodePayment},
		Log: log, Storage: storage,
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { _ = f.Run(ctx); close(done) }()
	head, err := log.Head(ctx, 0)
	if err == nil {
		err = projections.Waiter{Followers: []*projections.Follower{f}}.Wait(ctx, eventstore.Position{Number: head})
	}
	stop()
	<-done
	if err != nil {
		t.Fatal(err)
	}
}

// bus is what a simulation has in JetStream's place.
type bus []invariants.Message

func busOf(t *testing.T, log *memory.Log) bus {
	t.Helper()
	events, err := log.ReadLog(t.Context(), 0, 0, eventstore.ReadMax)
	if err != nil {
		t.Fatal(err)
	}
	var b bus
	for _, e := range events {
		b = append(b, invariants.Message{Sequence: e.Position, Subject: eventstore.Subject(0, e), Data: e.AppendFrame(nil)})
	}
	return b
}

func (b bus) Bounds(context.Context, int) (first, last int64, err error) {
	return 1, int64(len(b)), nil
}

func (b bus) Read(_ context.Context, _ int, from int64, limit int) ([]invariants.Message, error) {
	return b[from-1 : min(int(from)-1+limit, len(b))], nil
}

type noBook struct{}

func (noBook) Totals(context.Context, ...id.Payment) iter.Seq2[sandbox.Total, error] {
	return func(func(sandbox.Total, error) bool) {}
}
