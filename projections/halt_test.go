package projections_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/projectionstest"
)

// tally counts all events of a lane: a projection over many streams.
type tally struct {
	counted, pending atomic.Int64
}

func (*tally) Name() string                                 { return "tally" }
func (*tally) Tables(int) []projections.Content             { return nil }
func (*tally) Whole() bool                                  { return true }
func (t *tally) Open(int) projections.Stage                 { return t }
func (*tally) Load(*projections.Trip, []*projections.Event) {}
func (*tally) Prepare(*projections.Trip)                    {}
func (*tally) Save(*projections.Trip)                       {}
func (t *tally) Pending() int                               { return int(t.pending.Load()) }

func (t *tally) Fold(_ context.Context, events []*projections.Event, _ projections.Past) error {
	t.pending.Add(int64(len(events)))
	return nil
}

func (t *tally) Settle(committed bool) {
	if n := t.pending.Swap(0); committed {
		t.counted.Add(n)
	}
}

func TestAProjectionOverManyStreamsHaltsBeforePoisonAndOthersGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, storage, whole, table := memory.New(), projections.NewMemory(), &tally{}, &projections.MemoryTable[payments.Resource]{}
		lives := projectionstest.NewLives(40, 1)
		write := func(poison bool) {
			command := lives.Next().Command(0)
			if poison {
				command.Writes[0].Events[0].Type = "payment.of_tomorrow"
			}
			if _, err := log.Append(t.Context(), 0, command); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 20 {
			write(n == 11)
		}
		registry := prometheus.NewRegistry()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		f := projections.NewFollower(projections.Config{
			Projections: []projections.Projection{whole, payments.New(func(int) projections.Table[payments.Resource] { return table })},
			Decoders:    decoders(), Log: log, Storage: storage, Metrics: registry,
		})
		go func() { defer close(done); _ = f.Run(ctx) }()
		waiter := projections.Waiter{Followers: []*projections.Follower{f}}
		if err := waiter.Wait(ctx, eventstore.Position{Lane: 0, Number: 20}); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-done
		if halted := f.Halted(); len(halted) != 1 || halted[0] != "tally" {
			t.Errorf("%v halted, want the tally", halted)
		}
		if n := whole.counted.Load(); n != 11 {
			t.Errorf("%d events were counted, want the 11 before the poison", n)
		}
		if len(table.Rows) != 19 {
			t.Errorf("%d payments are projected, want all but the poisoned one", len(table.Rows))
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "paymint_projection_halted" && family.GetMetric()[0].GetGauge().GetValue() != 1 {
				t.Error("no metric says that it halted")
			}
		}
		progress, err := storage.Progress(t.Context(), 0, []string{"tally", payments.Name})
		if err != nil || progress[0].Position != 11 || progress[1].Position != 20 {
			t.Errorf("progress %+v: %v", progress, err)
		}
	})
}

func TestAFoldThatPanicsParksItsStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, storage, table := memory.New(), projections.NewMemory(), &projections.MemoryTable[int]{}
		lives := projectionstest.NewLives(41, 1)
		var victim eventstore.Stream
		for n := range 10 {
			command := lives.Next().Command(0)
			if n == 4 {
				victim = command.Writes[0].Stream
			}
			if _, err := log.Append(t.Context(), 0, command); err != nil {
				t.Fatal(err)
			}
		}
		counting := &projections.Rows[int]{
			ProjectionName: "counting", Aggregate: projections.AggregatePayment,
			Table: func(int) projections.Table[int] { return table },
			Fold: func(row *int, e *projections.Event) error {
				if e.Stream == victim {
					panic("a bug")
				}
				*row++
				return nil
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		f := projections.NewFollower(projections.Config{Projections: []projections.Projection{counting}, Decoders: decoders(), Log: log, Storage: storage})
		go func() { defer close(done); _ = f.Run(ctx) }()
		if err := (projections.Waiter{Followers: []*projections.Follower{f}}).Wait(ctx, eventstore.Position{Lane: 0, Number: 10}); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-done
		parked, err := storage.Parked(t.Context(), 0, 10)
		if err != nil || len(parked) != 1 || parked[0].Stream != victim.ID || len(table.Rows) != 9 {
			t.Fatalf("parked %+v, %d rows: %v", parked, len(table.Rows), err)
		}
	})
}
