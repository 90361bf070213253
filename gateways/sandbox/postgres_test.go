package sandbox_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// database gives a fresh database with a pool on it.
func database(t testing.TB) (string, *pgxpool.Pool) {
	t.Helper()
	url := embeddedtest.Database(t, migrations.Up)
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return url, pool
}

func openBook(t testing.TB, url string, pool *pgxpool.Pool) *sandbox.Postgres {
	t.Helper()
	book, err := sandbox.OpenPostgres(t.Context(), sandbox.PostgresConfig{URL: url, Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(book.Close)
	return book
}

// The tests log in as the superuser.
func TestTheWriterActsAsTheApplicationAndSaysWhoItIs(t *testing.T) {
	t.Parallel()
	url, pool := database(t)
	gateway := sandbox.New(sandbox.Config{Book: openBook(t, url, pool)})
	answered(t, gateway.Authorize, authorization("pm_test_visa"), acquirer.Approved)
	var sessions int
	err := pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'paymint sandbox book'`).Scan(&sessions)
	if err != nil || sessions != 1 {
		t.Errorf("%d sessions under the book's name: %v", sessions, err)
	}
	if _, err := pool.Exec(t.Context(), `REVOKE INSERT, UPDATE ON sandbox_book FROM paymint_app`); err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.Authorize(t.Context(), authorization("pm_test_visa")); err == nil {
		t.Error("the writer wrote what paymint_app may not write")
	}
}

func TestAStatementNeedsNoMoreThanReading(t *testing.T) {
	t.Parallel()
	url, pool := database(t)
	gateway := sandbox.New(sandbox.Config{Book: openBook(t, url, pool)})
	a := authorization("pm_test_visa")
	answered(t, gateway.Authorize, a, acquirer.Approved)
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["role"] = "paymint_auditor"
	config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
	auditor, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer auditor.Close()
	statement := sandbox.OpenStatement(auditor)
	wantTotal(t, statement, a.Payment, 1001, 0, 0)
	if entries, err := statement.Entries(t.Context(), id.Reference{}, 10); err != nil || len(entries) != 1 || entries[0].Reference != a.Reference {
		t.Errorf("listed %+v: %v", entries, err)
	}
}

// sides is one book kept by several processes: each call goes to the next of them.
type sides struct {
	books []*sandbox.Postgres
	next  atomic.Int64
}

func (s *sides) side() *sandbox.Postgres { return s.books[int(s.next.Add(1))%len(s.books)] }

func (s *sides) Enter(ctx context.Context, request sandbox.Entry) (sandbox.Entry, error) {
	return s.side().Enter(ctx, request)
}

func (s *sides) Find(ctx context.Context, reference id.Reference, at time.Time) (sandbox.Entry, bool, error) {
	return s.side().Find(ctx, reference, at)
}

func twoSides(t *testing.T) *sides {
	t.Helper()
	url, pool := database(t)
	return &sides{books: []*sandbox.Postgres{openBook(t, url, pool), openBook(t, url, pool)}}
}

func TestTheSandboxOverPostgreSQLConforms(t *testing.T) {
	t.Parallel()
	url, pool := database(t)
	book := openBook(t, url, pool)
	t.Run("one process", func(t *testing.T) { conforms(t, func(*testing.T) sandbox.Book { return book }) })
	both := twoSides(t)
	t.Run("two processes", func(t *testing.T) { conforms(t, func(*testing.T) sandbox.Book { return both }) })
}

// Between two processes the primary key decides who was first: after both have
// been told, nothing is held, whatever the order.
func TestAReversalAndItsAuthorizationInTwoProcessesLeaveNoHold(t *testing.T) {
	t.Parallel()
	both := twoSides(t)
	one, two := sandbox.New(sandbox.Config{Book: both.books[0]}), sandbox.New(sandbox.Config{Book: both.books[1]})
	var wait sync.WaitGroup
	for range 200 {
		a := authorization("pm_test_visa")
		a.Capture, a.CaptureReference = len(a.Payment.String())%2 == 0, newReference()
		x := cancelOf(a)
		wait.Go(func() {
			if _, err := one.Authorize(t.Context(), a); err != nil {
				t.Error(err)
			}
		})
		wait.Go(func() {
			if answer, err := two.Cancel(t.Context(), x); err != nil || answer.Outcome != acquirer.Approved {
				t.Errorf("the reversal was answered %+v, error %v", answer, err)
			}
		})
	}
	wait.Wait()
	for total, err := range both.books[0].Totals(t.Context()) {
		if err != nil || total.Held != 0 || total.Captured != 0 {
			t.Fatalf("%+v, error %v: want nothing held", total, err)
		}
	}
}

func TestCapturesAndRefundsInTwoProcessesNeverExceedTheHold(t *testing.T) {
	t.Parallel()
	both := twoSides(t)
	gateway := sandbox.New(sandbox.Config{Book: both})
	a := authorization("pm_test_visa")
	answered(t, gateway.Authorize, a, acquirer.Approved)
	captures := make([]acquirer.Capture, 20)
	var taken atomic.Pointer[acquirer.Capture]
	var wait sync.WaitGroup
	for i := range captures {
		captures[i] = captureOf(a, 1000, noon)
		wait.Go(func() {
			if answer, err := gateway.Capture(t.Context(), captures[i]); err != nil {
				t.Error(err)
			} else if answer.Outcome == acquirer.Approved && !taken.CompareAndSwap(nil, &captures[i]) {
				t.Error("captured twice")
			}
		})
	}
	wait.Wait()
	var refunded atomic.Int64
	for range 30 {
		wait.Go(func() {
			if answer, err := gateway.Refund(t.Context(), refundOf(*taken.Load(), 70, noon)); err != nil {
				t.Error(err)
			} else if answer.Outcome == acquirer.Approved {
				refunded.Add(70)
			}
		})
	}
	wait.Wait()
	if refunded.Load() != 980 {
		t.Errorf("refunded %d of 1000 in parts of 70, want 980", refunded.Load())
	}
	wantTotal(t, both.books[0], a.Payment, 0, 1000, 980)
}

// killWriter ends the writer's session from the server's side.
func killWriter(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	var killed int
	err := pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE '%' || 'sandbox_book' || '%' AND pid <> pg_backend_pid()`).Scan(&killed)
	if err != nil || killed == 0 {
		t.Fatalf("killed %d sessions, error %v", killed, err)
	}
}

func TestTheWriterComesBackAfterItsSessionWasLost(t *testing.T) {
	t.Parallel()
	url, pool := database(t)
	book := openBook(t, url, pool)
	gateway := sandbox.New(sandbox.Config{Book: book})
	a := authorization("pm_test_visa")
	answered(t, gateway.Authorize, a, acquirer.Approved)
	killWriter(t, pool)
	answered(t, gateway.Authorize, a, acquirer.Approved)
	answered(t, gateway.Capture, captureOf(a, 1001, noon), acquirer.Approved)
	wantTotal(t, book, a.Payment, 0, 1001, 0)
}

func TestAClosedBookSendsNothing(t *testing.T) {
	t.Parallel()
	url, pool := database(t)
	book := openBook(t, url, pool)
	book.Close()
	if _, err := sandbox.New(sandbox.Config{Book: book}).Authorize(t.Context(), authorization("pm_test_visa")); !errors.Is(err, acquirer.ErrNotSent) {
		t.Errorf("got %v, want acquirer.ErrNotSent", err)
	}
}

// A request that waits behind a stuck batch was not sent when its caller leaves; the
// one in the batch is in doubt.
func TestWhoLeavesTheQueueWasNotSent(t *testing.T) {
	t.Parallel()
	url, pool := database(t)
	gateway := sandbox.New(sandbox.Config{Book: openBook(t, url, pool)})
	a := authorization("pm_test_visa")
	answered(t, gateway.Authorize, a, acquirer.Approved)
	lock, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback(context.Background())
	if _, err := lock.Exec(t.Context(), `LOCK TABLE sandbox_book`); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		if _, err := authorizeFor(t, gateway, authorization("pm_test_visa"), time.Second); err == nil || errors.Is(err, acquirer.ErrNotSent) {
			t.Errorf("in the stuck batch: got %v, want doubt", err)
		}
	})
	waitForLock(t, pool)
	if _, err := authorizeFor(t, gateway, authorization("pm_test_visa"), 20*time.Millisecond); !errors.Is(err, acquirer.ErrNotSent) {
		t.Errorf("behind it: got %v, want acquirer.ErrNotSent", err)
	}
	wait.Wait()
}

// waitForLock returns when a session waits for a lock on the book.
func waitForLock(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	for waiting := false; !waiting; {
		err := pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'sandbox_book'::regclass
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
}
