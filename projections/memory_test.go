package projections_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/projectionstest"
)

func TestTheSameFollowerRunsOnMemoryInASimulation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, storage, table := memory.New(), projections.NewMemory(), &projections.MemoryTable[payments.Resource]{}
		random := rand.New(rand.NewPCG(1, 2))
		storage.FailCommit = func(projections.Step) (before, after error) {
			switch random.IntN(5) {
			case 0:
				return errors.New("never arrived"), nil
			case 1:
				return nil, errors.New("done, and nobody heard")
			}
			return nil, nil
		}
		f := projections.NewFollower(projections.Config{
			Projections: []projections.Projection{payments.New(func(int) projections.Table[payments.Resource] { return table })},
			Decoders:    decoders(), Log: log, Storage: storage, BatchMax: 7,
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = f.Run(ctx) }()
		lives := projectionstest.NewLives(30, 2)
		var all []projectionstest.Life
		for range 60 {
			life := lives.Next()
			all = append(all, life)
			for n := range life.Steps {
				if _, err := log.Append(ctx, 0, life.Command(n)); err != nil {
					t.Fatal(err)
				}
			}
		}
		head, _ := log.Head(ctx, 0)
		waiter := projections.Waiter{Followers: []*projections.Follower{f}}
		if err := waiter.Wait(ctx, eventstore.Position{Lane: 0, Number: head}); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-done
		for _, life := range all {
			events, _ := log.ReadStream(t.Context(), life.Payment.UUID(), 0, 1000)
			history, err := projections.PaymentHistory(events)
			if err != nil {
				t.Fatal(err)
			}
			row := table.Rows[life.Payment.UUID()]
			want := payments.FoldAll(history)
			if diff := cmp.Diff(string(payments.AppendJSON(nil, want)), string(payments.AppendJSON(nil, row))); diff != "" || row.Version != want.Version {
				t.Fatal(diff)
			}
		}
	})
}
