package commands_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// newDurableWorld is newWorld on PostgreSQL: the log, and the acquirer's book.
func newDurableWorld(t *testing.T) *world {
	t.Helper()
	url := embeddedtest.Database(t, migrations.Up)
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 2
	eventstore.SetRole(&config.ConnConfig.Config, eventstore.RoleApp)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	store, err := eventstore.Open(t.Context(), eventstore.Config{Pool: pool, URL: url, Lanes: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := store.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	book, err := sandbox.OpenPostgres(t.Context(), sandbox.PostgresConfig{URL: url, Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { book.Close() })
	return newWorld(t, func(c *commands.Config) {
		c.Log, c.Lanes, c.Merchants = store, store, commands.NewMerchantCache(store, time.Now)
		c.Gateways = []commands.Gateway{sandbox.New(sandbox.Config{Book: book})}
	})
}

// histories reads what a store on PostgreSQL holds of payments.
func histories(t *testing.T, w *world) map[string]int {
	t.Helper()
	store, is := w.config.Log.(*eventstore.Store)
	if !is {
		t.Fatal("no store")
	}
	events, err := store.ReadLog(t.Context(), 0, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for i, e := range events {
		if e.Position != int64(i)+1 {
			t.Errorf("position %d after %d", e.Position, i)
		}
		counts[e.Type]++
	}
	return counts
}

func TestOnPostgreSQLOneKeyHasOneEffect(t *testing.T) {
	t.Parallel()
	w := newDurableWorld(t)
	key := newKey()
	bodies := make([]string, 50)
	crowd(len(bodies), func(i int) {
		reply, err := w.desk.Authorize(t.Context(), w.call(key, "body"), card("pm_test_visa", 5000))
		if err != nil {
			t.Errorf("authorize: %v", err)
		}
		bodies[i] = string(reply.Body)
	})
	for _, body := range bodies {
		if body != bodies[0] || body == "" {
			t.Errorf("%q and %q", body, bodies[0])
		}
	}
	if n := histories(t, w); n["payment.authorization_requested"] != 1 || n["payment.authorized"] != 1 {
		t.Errorf("%v", n)
	}
}

func TestOnPostgreSQLCapturesAndRefundsKeepTheirBounds(t *testing.T) {
	t.Parallel()
	w := newDurableWorld(t)
	p, _ := w.authorize("pm_test_visa", 5000)
	crowd(10, func(i int) {
		_, err := w.desk.Capture(t.Context(), w.call(newKey(), fmt.Sprint(i)), commands.Capture{Payment: p})
		if err != nil && !errors.Is(err, commands.ErrConcurrentChange) {
			t.Errorf("capture: %v", err)
		}
	})
	crowd(10, func(i int) {
		_, err := w.desk.Refund(t.Context(), w.call(newKey(), fmt.Sprint(i)), commands.Refund{Payment: p, Amount: ptr(1200)})
		if err != nil && !errors.Is(err, commands.ErrConcurrentChange) {
			t.Errorf("refund: %v", err)
		}
	})
	n := histories(t, w)
	if n["payment.captured"] != 1 || n["refund.succeeded"] < 1 || n["refund.succeeded"] > 4 || n["refund.requested"] != n["refund.succeeded"] {
		t.Errorf("%v", n)
	}
}

func TestOnPostgreSQLABatchIsTwoAppends(t *testing.T) {
	t.Parallel()
	w := newDurableWorld(t)
	items := make([]commands.Item, commands.BatchItemsMax)
	for i := range items {
		items[i] = w.item("pm_test_visa", 5000)
	}
	items[7].Wish.Amount = eur(1)
	for i, r := range w.desk.AuthorizeBatch(t.Context(), items) {
		if r.Err != nil || (r.Reply.Status == 422) != (i == 7) {
			t.Errorf("item %d: %+v, %v", i, r.Reply, r.Err)
		}
	}
	for i, r := range w.desk.AuthorizeBatch(t.Context(), items) {
		if r.Err != nil || !r.Reply.Replayed {
			t.Errorf("item %d again: %+v, %v", i, r.Reply, r.Err)
		}
	}
	if n := histories(t, w); n["payment.authorized"] != len(items)-1 {
		t.Errorf("%v", n)
	}
}
