package projections_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/projectionstest"
)

// failover is a log that another, which did not get every commit, takes over from.
type failover struct{ atomic.Pointer[memory.Log] }

func (f *failover) ReadLog(ctx context.Context, lane int, after int64, limit int) ([]eventstore.Event, error) {
	return f.Load().ReadLog(ctx, lane, after, limit)
}

func (f *failover) ReadStream(ctx context.Context, stream uuid.UUID, after, limit int) ([]eventstore.Event, error) {
	return f.Load().ReadStream(ctx, stream, after, limit)
}

func (f *failover) Head(ctx context.Context, lane int) (int64, error) {
	return f.Load().Head(ctx, lane)
}

// silent is a live source that tells nothing.
type silent struct{}

func (silent) Open(context.Context, int64) (projections.Live, error) { return silent{}, nil }
func (silent) Close()                                                {}
func (silent) Next(ctx context.Context, _ int) ([]eventstore.Event, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestAReadModelThatIsAheadOfTheLogStandsStillAloud(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]projections.LiveSource{"polling": nil, "live": silent{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { aheadOfTheLog(t, live) })
		})
	}
}

func aheadOfTheLog(t *testing.T, live projections.LiveSource) {
	whole, short, log, storage := memory.New(), memory.New(), &failover{}, projections.NewMemory()
	log.Store(whole)
	lives := projectionstest.NewLives(50, 1)
	for n := range 20 {
		command := lives.Next().Command(0)
		for _, into := range []*memory.Log{whole, short} {
			if _, err := into.Append(t.Context(), 0, command); err != nil {
				t.Fatal(err)
			}
			if n >= 15 {
				break // the other database never got it
			}
		}
	}
	follow := func(then func()) string { // then runs once all is folded
		var said bytes.Buffer
		table := &projections.MemoryTable[payments.Resource]{}
		f := projections.NewFollower(projections.Config{
			Projections: []projections.Projection{payments.New(func(int) projections.Table[payments.Resource] { return table })},
			Decoders:    decoders(), Log: log, Storage: storage, Live: live, Logger: slog.New(slog.NewTextHandler(&said, nil)),
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan struct{})
		go func() { defer close(done); _ = f.Run(ctx) }()
		if then != nil {
			if err := (projections.Waiter{Followers: []*projections.Follower{f}}).Wait(ctx, eventstore.Position{Number: 20}); err != nil {
				t.Error(err)
			}
			then()
		}
		<-done
		return said.String()
	}
	if said := follow(func() { log.Store(short) }); !strings.Contains(said, projections.ErrAhead.Error()) {
		t.Errorf("the follower that ran said %q", said)
	}
	if said := follow(nil); !strings.Contains(said, projections.ErrAhead.Error()) {
		t.Errorf("a follower that begins said %q", said)
	}
	if progress, err := storage.Progress(t.Context(), 0, []string{payments.Name}); err != nil || progress[0].Position != 20 {
		t.Errorf("progress %+v: %v", progress, err)
	}
}
