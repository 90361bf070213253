package projections_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/projectionstest"
	"github.com/paymint/paymint/projections/refunds"
)

func rebuilder(w *projectionstest.World) projections.Rebuilder {
	return projections.Rebuilder{
		URL: w.URL, Log: w.Store, Lanes: []int{0}, Projections: readModels(), Decoders: decoders(),
	}
}

func superuser(w *projectionstest.World) *pgx.Conn {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), w.URL)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// traffic appends until it is stopped, which gives what it appended.
func traffic(w *projectionstest.World, lives *projectionstest.Lives) (stop func() []projectionstest.Life) {
	var all []projectionstest.Life
	var running sync.WaitGroup
	stopped := make(chan struct{})
	running.Go(func() {
		for {
			select {
			case <-stopped:
				return
			default:
				all = append(all, w.AppendAll(lives, 10)...)
			}
		}
	})
	return func() []projectionstest.Life { close(stopped); running.Wait(); return all }
}

func TestARebuildBesideTrafficGivesTheSameRows(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	f := w.Follow(projections.Config{Projections: readModels(), Decoders: decoders(), BatchMax: 50})
	all := w.AppendAll(projectionstest.NewLives(20, 3), 400)
	stop := traffic(w, projectionstest.NewLives(21, 3))
	r := rebuilder(w)
	var told int64
	r.Progress = func(done, total int64) {
		if done > total || done < told {
			t.Errorf("progress of %d of %d after %d", done, total, told)
		}
		told = done
	}
	for version := 2; version <= 3; version++ {
		told = 0
		if err := r.Rebuild(t.Context(), []string{payments.Name, refunds.Name}); err != nil {
			t.Fatal(err)
		}
		told = 0
		r := rebuilder(w)
		if differences, err := r.Verify(t.Context(), []string{payments.Name, refunds.Name}); err != nil || len(differences) > 0 {
			t.Fatalf("version %d: %v, %v", version, differences, err)
		}
	}
	all = append(all, stop()...)
	w.CaughtUp(f)
	equalsTheFold(w, all)
	var tables string
	err := superuser(w).QueryRow(t.Context(), `SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
		WHERE relkind = 'r' AND relname ~ '^(payments|refunds).*_v[0-9]+$'`).Scan(&tables)
	if want := "payments_labels_v3 payments_totals_v3 payments_v3 refunds_totals_v3 refunds_v3"; err != nil || tables != want {
		t.Fatalf("tables %s, want %s: %v", tables, want, err)
	}
}

// hidden is more events than a follower is ever behind the traffic of these tests.
const hidden = 1000

// nearsighted is a log that hides its last events from who asks how far it goes: a
// rebuild always finds some left for its switch.
type nearsighted struct{ projections.Log }

func (n nearsighted) Head(ctx context.Context, lane int) (int64, error) {
	head, err := n.Log.Head(ctx, lane)
	return max(0, head-hidden), err
}

// secondSwitch waits until a rebuild has given up waiting for a lock on the view
// payments, and waits for it in its next transaction.
func secondSwitch(w *projectionstest.World) {
	conn, waiting := superuser(w), map[string]bool{}
	w.Eventually("the switch was tried twice", func() bool {
		rows, err := conn.Query(w.Context(), `SELECT virtualtransaction FROM pg_locks WHERE NOT granted AND relation = 'payments'::regclass
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		if err != nil {
			w.Fatal(err)
		}
		transactions, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			w.Fatal(err)
		}
		for _, transaction := range transactions {
			waiting[transaction] = true
		}
		return len(waiting) > 1
	})
}

func TestARebuildThatWaitsForASlowReaderLosesNothing(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	f := w.Follow(projections.Config{Projections: readModels(), Decoders: decoders()})
	all := w.AppendAll(projectionstest.NewLives(25, 3), hidden)
	w.CaughtUp(f)
	reader := superuser(w)
	if _, err := reader.Exec(t.Context(), `BEGIN; SELECT FROM payments LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	stop := traffic(w, projectionstest.NewLives(26, 3))
	rebuilt := make(chan error, 1)
	go func() {
		r := rebuilder(w)
		r.Log = nearsighted{w.Store}
		rebuilt <- r.Rebuild(t.Context(), []string{payments.Name, refunds.Name})
	}()
	secondSwitch(w)
	if _, err := reader.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := <-rebuilt; err != nil {
		t.Fatal(err)
	}
	all = append(all, stop()...)
	w.CaughtUp(f)
	if differences, err := rebuilder(w).Verify(t.Context(), []string{payments.Name, refunds.Name}); err != nil || len(differences) > 0 {
		t.Fatalf("%d differences: %v, %v", len(differences), differences[:min(3, len(differences))], err)
	}
	equalsTheFold(w, all)
}

func TestVerifyNamesEveryRowThatIsNotWhatTheLogGives(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	f := w.Follow(projections.Config{Projections: readModels(), Decoders: decoders()})
	lives := w.AppendAll(projectionstest.NewLives(22, 2), 100)
	w.CaughtUp(f)
	conn := superuser(w)
	for _, damage := range []string{
		`UPDATE payments_v1 SET amount = amount + 1 WHERE payment_id = $1`,
		`UPDATE payments_totals_v1 SET total = total + 1 WHERE group_id = (SELECT group_id FROM payments_v1 WHERE payment_id = $1)`,
		`UPDATE payments_v1 SET state = state || '\x00' WHERE payment_id = $1`,
		`DELETE FROM payments_v1 WHERE payment_id = $1`,
	} {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), "CREATE TABLE IF NOT EXISTS kept AS TABLE payments_v1; CREATE TABLE IF NOT EXISTS kept_totals AS TABLE payments_totals_v1"); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), damage, lives[7].Payment.UUID()); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		differences, err := rebuilder(w).Verify(t.Context(), []string{payments.Name})
		if err != nil || len(differences) == 0 || len(differences) > 2 {
			t.Fatalf("%s: %v, %v", damage, differences, err)
		}
		restore := `TRUNCATE payments_v1; INSERT INTO payments_v1 SELECT * FROM kept;
			UPDATE payments_totals_v1 t SET total = k.total FROM kept_totals k WHERE k.group_id = t.group_id`
		if _, err := conn.Exec(t.Context(), restore); err != nil {
			t.Fatal(err)
		}
	}
	if differences, err := rebuilder(w).Verify(t.Context(), []string{payments.Name, refunds.Name}); err != nil || len(differences) > 0 {
		t.Fatalf("after the restore: %v, %v", differences, err)
	}
}

func TestARebuildThatFailsLeavesTheOldTablesInUse(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	f := w.Follow(projections.Config{Projections: readModels(), Decoders: decoders()})
	lives := w.AppendAll(projectionstest.NewLives(23, 2), 50)
	w.CaughtUp(f)
	ctx, cancel := context.WithCancel(t.Context())
	r := rebuilder(w)
	r.Progress = func(int64, int64) { cancel() }
	if err := r.Rebuild(ctx, []string{payments.Name}); err == nil {
		t.Fatal("a cancelled rebuild succeeded")
	}
	if err := r.Rebuild(t.Context(), []string{"no such"}); err == nil || !strings.Contains(err.Error(), "no such") {
		t.Fatalf("an unknown projection: %v", err)
	}
	lives = append(lives, w.AppendAll(projectionstest.NewLives(24, 2), 20)...)
	w.CaughtUp(f)
	equalsTheFold(w, lives)
}

// BenchmarkRebuild needs a log in PostgreSQL: PAYMINT_BENCH_PAYMENTS payments of two
// events, 100,000 when unset.
func BenchmarkRebuild(b *testing.B) {
	w := projectionstest.Open(b)
	n := 100_000
	if text := os.Getenv("PAYMINT_BENCH_PAYMENTS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	lives := projectionstest.NewLives(1, 100)
	for range n / 500 {
		w.AppendAll(lives, 500)
	}
	head, err := w.Store.Head(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for b.Loop() {
		if err := rebuilder(w).Rebuild(b.Context(), []string{payments.Name, refunds.Name}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(head)*float64(b.N)/time.Since(began).Seconds(), "events/s")
}
