package projectionstest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/migrations"
	"github.com/paymint/paymint/projections"
)

// Patience is how long a condition may take on a busy machine.
const Patience = 30 * time.Second

// World is a fresh database with a log in it.
type World struct {
	testing.TB
	URL   string
	Store *eventstore.Store
	Pool  *pgxpool.Pool // of readers
}

// Open makes a World that ends with the test.
func Open(t testing.TB) *World {
	t.Helper()
	url := embeddedtest.Database(t, migrations.Up)
	w := &World{TB: t, URL: url, Pool: pool(t, url)}
	store, err := eventstore.Open(t.Context(), eventstore.Config{Pool: w.Pool, URL: url, Lanes: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	w.Store = store
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := store.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

func pool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range projections.ReaderSettings() {
		config.ConnConfig.RuntimeParams[name] = value
	}
	eventstore.SetRole(&config.ConnConfig.Config, eventstore.RoleApp)
	config.MaxConns = 4
	readers, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(readers.Close)
	return readers
}

// Storage is the follower's side of the database.
func (w *World) Storage() *projections.Postgres {
	w.Helper()
	storage, err := projections.OpenPostgres(w.Context(), w.URL, "paymint_projector")
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(storage.Close)
	return storage
}

// Append appends one command to lane 0.
func (w *World) Append(c eventstore.Command) eventstore.Position {
	w.Helper()
	receipt, err := w.Store.Append(w.Context(), 0, c)
	if err != nil {
		w.Fatal(err)
	}
	return receipt.Last
}

// AppendAll appends n lives, the steps of all of them interleaved, and returns them.
func (w *World) AppendAll(lives *Lives, n int) []Life {
	w.Helper()
	all := make([]Life, n)
	for i := range all {
		all[i] = lives.Next()
	}
	for step, more := 0, true; more; step++ {
		more = false
		var commands []eventstore.Command
		for _, life := range all {
			if step < len(life.Steps) {
				commands, more = append(commands, life.Command(step)), true
			}
		}
		lives.Random.Shuffle(len(commands), func(i, j int) { commands[i], commands[j] = commands[j], commands[i] })
		for len(commands) > 0 {
			few := commands[:min(len(commands), eventstore.BatchMax)]
			commands = commands[len(few):]
			for _, result := range w.Store.AppendAll(w.Context(), 0, few) {
				if result.Err != nil {
					w.Fatal(result.Err)
				}
			}
		}
	}
	return all
}

// Follow runs a follower until the test ends.
func (w *World) Follow(c projections.Config) *projections.Follower {
	w.Helper()
	if c.Log == nil {
		c.Log = w.Store
	}
	if c.Storage == nil {
		c.Storage = w.Storage()
	}
	f := projections.NewFollower(c)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Run(ctx) // ends with the test
	}()
	w.Cleanup(func() { cancel(); <-done })
	return f
}

// CaughtUp waits until the follower has folded all that is in the log.
func (w *World) CaughtUp(f *projections.Follower) {
	w.Helper()
	head, err := w.Store.Head(w.Context(), 0)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(w.Context(), Patience)
	defer cancel()
	waiter := projections.Waiter{Followers: []*projections.Follower{f}}
	if err := waiter.Wait(ctx, eventstore.Position{Lane: 0, Number: head}); err != nil {
		w.Fatalf("the follower reached %d of %d: %v", f.Reached(), head, err)
	}
}

// Eventually waits for a condition.
func (w *World) Eventually(what string, holds func() bool) {
	w.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			w.Fatal("never happened: " + what)
		}
	}
}
