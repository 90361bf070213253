package eventstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/migrations"
)

// duringAppends has every append of a database run body, which is PL/pgSQL.
func duringAppends(t *testing.T, conn *pgx.Conn, body string) {
	t.Helper()
	run(t, conn, "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "+body+" RETURN NULL; END $$")
	run(t, conn, "CREATE TRIGGER trouble AFTER UPDATE ON lanes FOR EACH STATEMENT EXECUTE FUNCTION trouble()")
}

// appenders counts the backends of appenders, in a given state of waiting.
func appenders(t *testing.T, conn *pgx.Conn, wait string) (n int) {
	t.Helper()
	err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE application_name = 'paymint appender' AND datname = current_database() AND wait_event_type = $1`, wait).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mustStandOnce fails t unless the log is exactly the one event of the receipt.
func mustStandOnce(t *testing.T, store *eventstore.Store, receipt eventstore.Receipt) {
	t.Helper()
	events := readAll(t, store, 0)
	if len(events) != 1 || receipt.Last.Number != events[0].Position {
		t.Errorf("%d events in the log, receipt %v", len(events), receipt)
	}
}

// The connection is lost while PostgreSQL holds the lane for this very batch. Sent
// again, the batch meets the lock of its first sending, which commits a little later:
// "busy, nothing was written" would be a lie.
func TestABatchLockedOutByItsOwnLostSendingIsNotToldBusy(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	conn := connect(t, url)
	run(t, conn, "CREATE SEQUENCE sendings")
	run(t, conn, "GRANT ALL ON SEQUENCE sendings TO PUBLIC")
	// Longer than lock_timeout, 2 s; and, as when a commit waits for its disk, deaf to the
	// cancel request that pgx sends when it gives a connection up.
	duringAppends(t, conn, `IF nextval('public.sendings') = 1 THEN
		BEGIN PERFORM pg_sleep(3); EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(3); END;
	END IF;`)
	wire := startWire(t, url)
	registry := prometheus.NewRegistry()
	store := openThrough(t, url, wire, eventstore.Config{AppendTimeout: 4 * time.Second, ResolveTimeout: 20 * time.Second, Metrics: registry})
	type outcome struct {
		receipt eventstore.Receipt
		err     error
	}
	told := make(chan outcome, 1)
	go func() {
		receipt, err := store.Append(t.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1))
		told <- outcome{receipt, err}
	}()
	eventually(t, "the first sending to hold the lane", func() bool { return appenders(t, conn, "Timeout") == 1 })
	wire.shut()
	wire.open()
	eventually(t, "the second to wait behind it", func() bool { return appenders(t, conn, "Lock") == 1 })
	got := <-told
	if got.err != nil {
		t.Errorf("the caller was told: %v", got.err)
	}
	mustStandOnce(t, store, got.receipt)
	if doubts := total(t, registry, "paymint_log_doubts_total"); doubts != 1 {
		t.Errorf("%d doubts, want 1", doubts)
	}
}

// The batch is committed, then the question who else holds a claim fails: the
// others of the batch stand, and must not hear that they do not.
func TestABatchWhoseRefusalsCannotBeToldIsNotForgotten(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{"statement timeout": "57014", "lock timeout": "55P03"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := embeddedtest.Database(t, migrations.Up)
			conn := connect(t, url)
			run(t, conn, "CREATE SEQUENCE questions")
			run(t, conn, "GRANT ALL ON SEQUENCE questions TO PUBLIC")
			run(t, conn, "ALTER FUNCTION find_claims RENAME TO found_claims")
			run(t, conn, `CREATE FUNCTION find_claims(p_keys uuid[], p_at timestamptz[])
				RETURNS TABLE (o_number integer, o_claimed_at timestamptz, o_stream_id uuid, o_intent_id uuid, o_fingerprint bytea, o_status smallint, o_body bytea)
				LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
					IF nextval('public.questions') = 1 THEN RAISE EXCEPTION 'too late' USING ERRCODE = '`+code+`'; END IF;
					RETURN QUERY SELECT * FROM public.found_claims(p_keys, p_at);
				END $$`)
			run(t, conn, "GRANT EXECUTE ON FUNCTION find_claims TO paymint_app")
			store := open(t, url, eventstore.Config{})
			claim := eventstoretest.Claim(eventstoretest.Payment())
			if _, err := store.Append(t.Context(), 0, eventstore.Command{Claim: claim}); err != nil {
				t.Fatal(err)
			}
			repeat := eventstoretest.Write(eventstoretest.Payment(), 0, 1)
			repeat.Claim = eventstoretest.Claim(repeat.Writes[0].Stream)
			repeat.Claim.Key = claim.Key
			results := store.AppendAll(t.Context(), 0, []eventstore.Command{eventstoretest.Write(eventstoretest.Payment(), 0, 1), repeat})
			if results[0].Err != nil {
				t.Errorf("the command that was written: %v", results[0].Err)
			}
			if _, claimed := errors.AsType[*eventstore.ClaimedError](results[1].Err); !claimed {
				t.Errorf("the command whose key is taken: %v", results[1].Err)
			}
			mustStandOnce(t, store, results[0].Receipt)
		})
	}
}

// Whatever is made, the partition stays missing: after the last attempt the caller
// must not be left with a receipt for nothing.
func TestABatchThatFindsNoPartitionIsNeverAcknowledged(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	duringAppends(t, connect(t, url), "RAISE EXCEPTION 'no partition of relation found for row' USING ERRCODE = '23514';")
	registry := prometheus.NewRegistry()
	store := open(t, url, eventstore.Config{Metrics: registry})
	for i, result := range store.AppendAll(t.Context(), 0, many(3)) {
		if !errors.Is(result.Err, eventstore.ErrUnavailable) {
			t.Errorf("command %d: %v, %v", i, result.Receipt, result.Err)
		}
	}
	if events := readAll(t, store, 0); len(events) > 0 {
		t.Errorf("%d events in the log", len(events))
	}
	if failed := total(t, registry, "paymint_log_commands_total"); failed != 3 {
		t.Errorf("%d commands counted, want the 3 that failed", failed)
	}
}

// A switchover leaves the connection in place and the server read-only.
func TestAnAppenderLeavesAServerThatBecameReadOnly(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	conn := connect(t, url)
	registry := prometheus.NewRegistry()
	store := open(t, url, eventstore.Config{Metrics: registry})
	fill(t, store, 1)
	var backend string
	if err := conn.QueryRow(t.Context(), "SELECT pid::text FROM pg_stat_activity WHERE application_name = 'paymint appender' AND datname = current_database()").Scan(&backend); err != nil {
		t.Fatal(err)
	}
	duringAppends(t, conn, "IF pg_backend_pid() = "+backend+" THEN RAISE EXCEPTION 'cannot execute UPDATE in a read-only transaction' USING ERRCODE = '25006'; END IF;")
	fill(t, store, 1)
	if connects := total(t, registry, "paymint_log_connects_total"); connects != 2 {
		t.Errorf("%d connections, want the old one and a new one", connects)
	}
	eventstoretest.CheckLog(t, 0, 0, readAll(t, store, 0))
}
