package embeddedtest_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

var migrations atomic.Int64

func migrate(ctx context.Context, url string) error {
	migrations.Add(1)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, `CREATE TABLE things (name text NOT NULL)`)
	return err
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestEachTestHasItsOwnMigratedDatabase(t *testing.T) {
	t.Parallel()
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			conn := connect(t, embeddedtest.Database(t, migrate))
			t.Logf("database in %s", time.Since(begin))
			if _, err := conn.Exec(t.Context(), `INSERT INTO things VALUES ('mine')`); err != nil {
				t.Fatal(err)
			}
			var count int
			if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM things`).Scan(&count); err != nil {
				t.Fatal(err)
			}
			if count != 1 {
				t.Errorf("%d rows, want only this test's own", count)
			}
			if made := migrations.Load(); made != 1 {
				t.Errorf("migrated %d times, want once per binary", made)
			}
		})
	}
}

func TestWithoutMigrationTheDatabaseIsEmpty(t *testing.T) {
	t.Parallel()
	conn := connect(t, embeddedtest.Database(t, nil))
	var count int
	err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&count)
	if err != nil || count != 0 {
		t.Errorf("%d tables, error %v; want none", count, err)
	}
}

func TestEachTestHasItsOwnJetStream(t *testing.T) {
	t.Parallel()
	for range 2 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			conn, err := embeddedtest.NATS(t).Connect()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			js, err := jetstream.New(conn)
			if err != nil {
				t.Fatal(err)
			}
			_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}})
			if err != nil {
				t.Fatal(err)
			}
			ack, err := js.Publish(t.Context(), "s.one", nil)
			if err != nil || ack.Sequence != 1 {
				t.Errorf("sequence %v, error %v; want 1", ack, err)
			}
		})
	}
}
