package eventstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/migrations"
)

// load appends from many callers until stop: chains of three commands on one stream,
// the first with a claim, the last with an answer. Every command is expected to be
// appended, and told the truth about its position.
type load struct {
	mu       sync.Mutex
	receipts map[uuid.UUID]eventstore.Position // by event
	chains   atomic.Int64
	stop     atomic.Bool
	wait     sync.WaitGroup
}

func startLoad(t *testing.T, callers int, stores ...*eventstore.Store) *load {
	l := &load{receipts: map[uuid.UUID]eventstore.Position{}}
	for i := range callers {
		l.wait.Go(func() {
			for !l.stop.Load() && l.chain(t, stores[i%len(stores)]) {
				l.chains.Add(1)
			}
		})
	}
	t.Cleanup(func() { l.stop.Store(true); l.wait.Wait() })
	return l
}

func (l *load) chain(t *testing.T, store *eventstore.Store) bool {
	stream := eventstoretest.Payment()
	claim := eventstoretest.Claim(stream)
	intent, middle, outcome := eventstoretest.Write(stream, 0, 2), eventstoretest.Write(stream, 2, 1), eventstoretest.Write(stream, 3, 1)
	intent.Claim, outcome.Answer = claim, eventstoretest.AnswerTo(claim, 201, stream.ID.String())
	alone := eventstore.Command{Claim: eventstoretest.Claim(stream)}
	for i, command := range []eventstore.Command{intent, middle, outcome, alone} {
		receipt, err := store.Append(context.WithoutCancel(t.Context()), 0, command)
		if err != nil {
			t.Errorf("command %d: %v", i, err)
			return false
		}
		l.mu.Lock()
		for _, w := range command.Writes {
			l.receipts[w.Events[len(w.Events)-1].ID] = receipt.Last
		}
		l.mu.Unlock()
	}
	found, ok, err := store.Claimed(context.WithoutCancel(t.Context()), claim.Key, claim.At)
	if err != nil || !ok || found.Answer == nil || string(found.Answer.Body) != stream.ID.String() {
		t.Errorf("claim: %v, %t, %v", found, ok, err)
	}
	return err == nil
}

// end stops the callers and checks that every receipt is true and nothing is doubled.
func (l *load) end(t *testing.T, store *eventstore.Store) {
	t.Helper()
	l.stop.Store(true)
	l.wait.Wait()
	events := readAll(t, store, 0)
	eventstoretest.CheckLog(t, 0, 0, events)
	seen := map[uuid.UUID]bool{}
	for _, e := range events {
		if seen[e.ID] {
			t.Fatalf("event %s stands twice", e.ID)
		}
		seen[e.ID] = true
		if receipt, ok := l.receipts[e.ID]; ok && receipt.Number != e.Position {
			t.Fatalf("event at %d has the receipt %v", e.Position, receipt)
		}
		delete(l.receipts, e.ID)
	}
	if len(l.receipts) > 0 {
		t.Fatalf("%d acknowledged commands are not in the log", len(l.receipts))
	}
	t.Logf("%d chains, %d events", l.chains.Load(), len(events))
}

func TestTwoProcessesShareALane(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	one, two := open(t, url, eventstore.Config{PartitionSize: 64}), open(t, url, eventstore.Config{PartitionSize: 64})
	l := startLoad(t, 16, one, two)
	stream, claim := eventstoretest.Payment(), eventstoretest.Claim(eventstoretest.Payment())
	for version := range 20 { // and race for the same versions and the same key
		var wait sync.WaitGroup
		var won, claimed atomic.Int64
		for i, store := range []*eventstore.Store{one, two, one, two} {
			wait.Go(func() {
				command := eventstoretest.Write(stream, version, 1)
				if i > 1 {
					command = eventstoretest.Write(eventstoretest.Payment(), 0, 1)
					command.Claim = claim
				}
				_, err := store.Append(t.Context(), 0, command)
				_, lost := errors.AsType[*eventstore.ConflictError](err)
				_, taken := errors.AsType[*eventstore.ClaimedError](err)
				switch {
				case err == nil && i < 2:
					won.Add(1)
				case err == nil:
					claimed.Add(1)
				case !lost && !taken:
					t.Errorf("racer: %v", err)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 || claimed.Load() != 0 && version > 0 || claimed.Load() != 1 && version == 0 {
			t.Fatalf("version %d was won %d times, the key claimed %d times", version+1, won.Load(), claimed.Load())
		}
	}
	eventually(t, "some load", func() bool { return l.chains.Load() > 60 })
	l.end(t, two)
}

func TestKilledConnectionsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{})
	l := startLoad(t, 24, store)
	conn := connect(t, url)
	for range 12 {
		before := l.chains.Load()
		run(t, conn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'paymint appender' AND datname = current_database()")
		eventually(t, "the load to go on", func() bool { return l.chains.Load() > before+20 || t.Failed() })
	}
	l.end(t, store)
}

// The connection breaks after the batch was handed over and before its reply arrives:
// most of these batches commit, some never get there.
func TestAReplyThatNeverArrivesIsFoundOut(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	wire := startWire(t, url)
	registry := prometheus.NewRegistry()
	store := openThrough(t, url, wire, eventstore.Config{Metrics: registry})
	tail := store.Tail(0)
	l := startLoad(t, 24, store)
	for i := range 12 {
		before := l.chains.Load()
		if i%3 == 2 {
			wire.cutRequests()
		} else {
			wire.cutReplies()
		}
		eventually(t, "the load to go on", func() bool { return wire.isWhole() && l.chains.Load() > before+20 || t.Failed() })
	}
	l.end(t, store)
	if doubts := total(t, registry, "paymint_log_doubts_total"); doubts < 6 {
		t.Errorf("%d batches were in doubt after 12 cuts, of which few can have met a connection without one", doubts)
	}
	events := readAll(t, store, 0)
	var followed []eventstore.Event
	for len(followed) < len(events) {
		batch, err := tail.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		followed = append(followed, batch.Events...)
	}
	eventstoretest.CheckLog(t, 0, 0, followed)
}

func TestADatabaseThatStaysAwayIsToldInTime(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	wire := startWire(t, url)
	store := openThrough(t, url, wire, eventstore.Config{ResolveTimeout: 2 * time.Second})
	fill(t, store, 1)
	wire.shut()
	begin := time.Now()
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			_, err := store.Append(t.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1))
			if !errors.Is(err, eventstore.ErrUnavailable) {
				t.Errorf("without a database: %v", err)
			}
		})
	}
	wait.Wait()
	if took := time.Since(begin); took > 8*time.Second {
		t.Errorf("callers were told after %s", took)
	}
	begin = time.Now()
	_, err := store.Append(t.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1))
	if took := time.Since(begin); !errors.Is(err, eventstore.ErrUnavailable) || took > time.Second {
		t.Errorf("once it is known to be away: %v after %s", err, took)
	}
	wire.open()
	eventually(t, "the store to notice", func() bool {
		_, err := store.Append(t.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1))
		return err == nil
	})
	eventstoretest.CheckLog(t, 0, 0, readAll(t, store, 0))
}

func TestALaneHeldBySomebodyElseIsBusy(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{AppendTimeout: 600 * time.Millisecond, QueueMax: 10})
	release := hold(t, url)
	begin := time.Now()
	_, err := store.Append(t.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1))
	if took := time.Since(begin); !errors.Is(err, eventstore.ErrBusy) || took > 5*time.Second {
		t.Errorf("%v after %s", err, took)
	}
	release()
	fill(t, store, 1)
	if head, err := store.Head(t.Context(), 0); head != 1 || err != nil {
		t.Errorf("head %d, %v: the refused command was written", head, err)
	}
}

func TestAFullQueueIsBusyAndAWaiterMayLeave(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	registry := prometheus.NewRegistry()
	store := open(t, url, eventstore.Config{AppendTimeout: time.Minute, QueueMax: 10, Metrics: registry})
	release := hold(t, url)
	append1 := func(ctx context.Context) chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := store.Append(ctx, 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1))
			ended <- err
		}()
		return ended
	}
	leaving, leave := context.WithCancel(t.Context())
	stuck := append1(leaving)
	conn := connect(t, url)
	eventually(t, "the first batch to wait for the lane", func() bool {
		var waiting bool
		err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'paymint appender' AND datname = current_database() AND wait_event_type = 'Lock')").Scan(&waiting)
		return err == nil && waiting
	})
	var queued []chan error
	for range 10 {
		queued = append(queued, append1(leaving))
	}
	eventually(t, "the queue to fill", func() bool { return total(t, registry, "paymint_log_waiting_commands") == 10 })
	for i, result := range store.AppendAll(t.Context(), 0, many(2)) {
		if !errors.Is(result.Err, eventstore.ErrBusy) {
			t.Errorf("command %d on a full queue: %v", i, result.Err)
		}
	}
	leave()
	for _, ended := range queued {
		if err := <-ended; !errors.Is(err, context.Canceled) || errors.Is(err, eventstore.ErrUnavailable) {
			t.Errorf("a waiter that left for certain: %v", err)
		}
	}
	if err := <-stuck; !errors.Is(err, context.Canceled) || !errors.Is(err, eventstore.ErrUnavailable) {
		t.Errorf("a waiter whose command is under way: %v", err)
	}
	release()
	eventually(t, "the batch under way to commit", func() bool {
		head, err := store.Head(t.Context(), 0)
		return err == nil && head == 1
	})
	fill(t, store, 1)
	if head, err := store.Head(t.Context(), 0); head != 2 || err != nil {
		t.Errorf("head %d, %v: a withdrawn command was written", head, err)
	}
}

func TestAClosedStoreSettlesWhatWaits(t *testing.T) {
	t.Parallel()
	store := open(t, embeddedtest.Database(t, migrations.Up), eventstore.Config{})
	tail := store.Tail(0)
	results := make(chan []eventstore.Result, 1)
	go func() { results <- store.AppendAll(t.Context(), 0, many(400)) }()
	if _, err := tail.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, result := range <-results {
		if result.Err != nil {
			t.Fatalf("command %d: %v", i, result.Err)
		}
	}
	if _, err := store.Append(t.Context(), 0, many(1)[0]); !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("append to a closed store: %v", err)
	}
	for {
		if _, err := tail.Next(t.Context()); err != nil {
			if !errors.Is(err, eventstore.ErrClosed) {
				t.Errorf("tail: %v", err)
			}
			return
		}
	}
}

// hold takes the lane's row as another process would, until release.
func hold(t *testing.T, url string) (release func()) {
	t.Helper()
	tx, err := connect(t, url).BeginTx(t.Context(), pgx.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SELECT FROM lanes WHERE lane = 0 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func total(t *testing.T, registry *prometheus.Registry, name string) (sum int) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			for _, m := range family.GetMetric() {
				sum += int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	return sum
}
