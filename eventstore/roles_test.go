package eventstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/migrations"
)

const denied, guarded = "42501", "PM001"

func mustBeRefused(t *testing.T, conn *pgx.Conn, code, sql string) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql)
	if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != code {
		t.Errorf("%s: %v, want an error %s", sql, err, code)
	}
}

var changes = []string{"UPDATE %s SET version = version", "DELETE FROM %s", "TRUNCATE %s"}

func TestTheAppHasNoWayToChangeTheLogButAppending(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	fill(t, open(t, url, eventstore.Config{}), 3)
	conn := connect(t, url)
	for _, role := range []string{eventstore.RoleApp, eventstore.RoleProjector, eventstore.RoleAuditor} {
		run(t, conn, "SET ROLE "+role)
		for _, table := range []string{"events", "events_0", "events_0_0", "stream_heads"} {
			for _, change := range changes {
				mustBeRefused(t, conn, denied, strings.ReplaceAll(change, "%s", table))
			}
			mustBeRefused(t, conn, denied, "INSERT INTO "+table+" DEFAULT VALUES")
		}
		mustBeRefused(t, conn, denied, "UPDATE lanes SET position = 0")
		mustBeRefused(t, conn, denied, "DELETE FROM claims")
		mustBeRefused(t, conn, denied, "UPDATE answers SET status = 200")
		mustBeRefused(t, conn, denied, "UPDATE merchant_lanes SET lane = 1")
		mustBeRefused(t, conn, denied, "ALTER TABLE events DISABLE TRIGGER ALL")
		mustBeRefused(t, conn, denied, "SELECT guard('events')")
		if role != eventstore.RoleApp {
			mustBeRefused(t, conn, denied, "SELECT extend_lane(0::smallint, 1)")
			mustBeRefused(t, conn, denied, "INSERT INTO merchant_lanes VALUES (gen_random_uuid(), 0)")
		}
		var events int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM event_log").Scan(&events); err != nil || events != 3 {
			t.Errorf("%s reads %d events, %v", role, events, err)
		}
	}
}

func TestNobodyChangesEventsWithoutRemovingATrigger(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{PartitionSize: 4})
	fill(t, store, 10)
	conn := connect(t, url)
	for _, role := range []string{"paymint_owner", "NONE"} { // NONE: the cluster's superuser
		run(t, conn, "SET ROLE "+role)
		if role == "NONE" {
			run(t, conn, "SET session_replication_role = replica")
		}
		for _, table := range []string{"events", "events_0", "events_0_0", "events_0_1", "events_0_2", "events_0_3"} {
			for _, change := range changes {
				mustBeRefused(t, conn, guarded, strings.ReplaceAll(change, "%s", table))
			}
		}
		mustBeRefused(t, conn, guarded, "TRUNCATE events, stream_heads CASCADE")
	}
	eventstoretest.CheckLog(t, 0, 0, readAll(t, store, 0))
}

func TestAnAlteredEventIsFound(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{})
	fill(t, store, 3)
	conn := connect(t, url)
	run(t, conn, "ALTER TABLE events_0_0 DISABLE TRIGGER refuse_change")
	run(t, conn, "UPDATE events_0_0 SET frame = set_byte(frame, length(frame) - 2, 64) WHERE position = 2")
	for _, e := range readAll(t, store, 0) {
		if err := e.CheckHash(); errors.Is(err, eventstore.ErrHash) != (e.Position == 2) {
			t.Errorf("position %d: %v", e.Position, err)
		}
	}
}

func TestPeopleReadEventsWithSQL(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{})
	e := sample()
	e.Stream = eventstoretest.Payment()
	command := eventstore.Command{Writes: []eventstore.Write{{Stream: e.Stream, Events: []eventstore.Event{e}}}}
	if _, err := store.Append(t.Context(), 0, command); err != nil {
		t.Fatal(err)
	}
	var got eventstore.Event
	row := connect(t, url).QueryRow(t.Context(), `SELECT lane, position, stream_id, version, event_id, aggregate, type, schema, merchant_id, livemode,
		recorded_at, effective_at, actor, request_id, idempotency_key, correlation_id, cause_id, body FROM event_log`)
	err := row.Scan(&got.Lane, &got.Position, &got.Stream.ID, &got.Version, &got.ID, &got.Stream.Aggregate, &got.Type, &got.Schema, &got.Merchant, &got.Livemode,
		&got.RecordedAt, &got.EffectiveAt, &got.Meta.Actor, &got.Meta.RequestID, &got.Meta.IdempotencyKey, &got.Meta.Correlation, &got.Meta.Cause, &got.Body)
	if err != nil {
		t.Fatal(err)
	}
	got.RecordedAt, got.EffectiveAt = got.RecordedAt.UTC(), got.EffectiveAt.UTC()
	if want := readAll(t, store, 0)[0]; string(got.AppendFrame(nil)) != string(want.AppendFrame(nil)) {
		t.Errorf("%v, want %v", got, want)
	}
}

// fill appends n events, each alone on a stream of its own.
func fill(t testing.TB, store *eventstore.Store, n int) {
	t.Helper()
	for range n {
		if _, err := store.Append(t.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1)); err != nil {
			t.Fatal(err)
		}
	}
}

func readAll(t testing.TB, store *eventstore.Store, lane int) (events []eventstore.Event) {
	t.Helper()
	for {
		next, err := store.ReadLog(t.Context(), lane, int64(len(events)), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(next) == 0 {
			return events
		}
		events = append(events, next...)
	}
}
