package eventstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func TestPostgresKeepsTheContract(t *testing.T) {
	t.Parallel()
	eventstoretest.Contract(t, func(t *testing.T) eventstoretest.Log {
		return open(t, embeddedtest.Database(t, migrations.Up), eventstore.Config{Lanes: []int{0, 1}})
	})
}

// open gives a store on url with lane 0 unless config says otherwise, at the
// contract's time, closed when the test ends.
func open(t testing.TB, url string, config eventstore.Config) *eventstore.Store {
	t.Helper()
	if config.Lanes == nil {
		config.Lanes = []int{0}
	}
	if config.Now == nil {
		config.Now = eventstoretest.ClaimTime
	}
	config.Pool, config.URL = pool(t, url), url
	store, err := eventstore.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := store.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return store
}

func pool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
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
	return pool
}

// connect gives a connection of the cluster's superuser.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// run executes statements that must work.
func run(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
