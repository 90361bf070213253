package eventstore_test

import (
	"sync"
	"testing"
	"time"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/migrations"
)

func TestPartitionBordersAreCrossedUnderLoad(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{PartitionSize: 16})
	tail := store.Tail(0)
	var wait sync.WaitGroup
	const callers, each = 24, 10
	for range callers {
		wait.Go(func() {
			stream := eventstoretest.Payment()
			for version := range each {
				if _, err := store.Append(t.Context(), 0, eventstoretest.Write(stream, 3*version, 3)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	wait.Wait()
	events := readAll(t, store, 0)
	eventstoretest.CheckLog(t, 0, 0, events)
	if len(events) != callers*each*3 {
		t.Fatalf("%d events, want %d", len(events), callers*each*3)
	}
	var followed []eventstore.Event
	for len(followed) < len(events) {
		batch, err := tail.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		followed = append(followed, batch.Events...)
	}
	eventstoretest.CheckLog(t, 0, 0, followed)
	history, err := store.ReadStream(t.Context(), events[0].Stream.ID, 0, eventstore.ReadMax)
	if err != nil || len(history) != 3*each || history[3*each-1].Version != 3*each {
		t.Fatalf("a stream across partitions has %d events, %v", len(history), err)
	}
}

// One command of 64 events is more than four partitions of 16: no upkeep could have
// been ahead of it.
func TestAnAppendMakesThePartitionsItMisses(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{PartitionSize: 16})
	conn := connect(t, url)
	run(t, conn, "DROP TABLE events_0_1")
	run(t, conn, "DROP TABLE claims_20260314")
	command := eventstoretest.Write(eventstoretest.Payment(), 0, eventstore.EventsPerCommandMax)
	command.Claim = eventstoretest.Claim(command.Writes[0].Stream)
	if _, err := store.Append(t.Context(), 0, command); err != nil {
		t.Fatal(err)
	}
	eventstoretest.CheckLog(t, 0, 0, readAll(t, store, 0))
}

func TestUpkeepIsAheadAndDropsWhatNoLongerCounts(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	now := eventstoretest.ClaimTime()
	store := open(t, url, eventstore.Config{PartitionSize: 100, Now: func() time.Time { return now }})
	conn := connect(t, url)
	count := func(like string) (n int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE $1", like).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got := count("claims\\_%"); got != 3 {
		t.Errorf("%d days of claims are ready, want today and two ahead", got)
	}
	for _, result := range store.AppendAll(t.Context(), 0, many(150)) {
		if result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	now = now.AddDate(0, 0, 4)
	if err := store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count("events\\_0\\_%"); got != 3 {
		t.Errorf("%d partitions for 150 events in hundreds, want two and one ahead", got)
	}
	if got, old := count("claims\\_%"), count("%\\_20260314"); got != 5 || old != 0 {
		t.Errorf("four days later there are %d days of claims and %d tables of the first day, want 5 and 0", got, old)
	}
	now = now.AddDate(1000, 0, 0)
	if err := store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	today := "claims_" + time.Now().UTC().Format("20060102")
	run(t, conn, "SELECT extend_claims(current_date, current_date)")
	if err := store.Maintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := count(today); got != 1 {
		t.Error("a process whose clock is a thousand years ahead dropped today's claims")
	}
}

func many(n int) []eventstore.Command {
	commands := make([]eventstore.Command, n)
	for i := range commands {
		commands[i] = eventstoretest.Write(eventstoretest.Payment(), 0, 1)
	}
	return commands
}

// Plans that were made while the tables were empty serve a big store as well: no
// statement of the log ever reads a table from end to end, or a stream by position.
func TestNoStatementReadsATableFromEndToEnd(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{})
	conn := connect(t, url)
	use := func() {
		t.Helper()
		intent := eventstoretest.Write(eventstoretest.Payment(), 0, 2)
		stream := intent.Writes[0].Stream
		intent.Claim = eventstoretest.Claim(stream)
		outcome := eventstoretest.Write(stream, 2, 1)
		outcome.Answer = eventstoretest.AnswerTo(intent.Claim, 200, "ok")
		stale := eventstoretest.Write(stream, 0, 1)
		for i, command := range []eventstore.Command{intent, outcome, stale, intent} {
			if _, err := store.Append(t.Context(), 0, command); (err != nil) != (i > 1) {
				t.Fatal(err)
			}
		}
		head, err1 := store.Head(t.Context(), 0)
		history, err2 := store.ReadStream(t.Context(), stream.ID, 0, 10)
		tail, err3 := store.ReadLog(t.Context(), 0, head-2, 10)
		_, found, err4 := store.Claimed(t.Context(), intent.Claim.Key, intent.Claim.At)
		if err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(history) != 3 || len(tail) != 2 || !found {
			t.Fatalf("%v %v %v %v: %d, %d, %t", err1, err2, err3, err4, len(history), len(tail), found)
		}
	}
	scans := func() (full, position, stream int) {
		t.Helper()
		err := conn.QueryRow(t.Context(), `SELECT
			(SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname ~ '^(events|stream_heads|claims|answers)'),
			(SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'events_0_0_position'),
			(SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'events_0_0_stream')`).Scan(&full, &position, &stream)
		if err != nil {
			t.Fatal(err)
		}
		return full, position, stream
	}
	for range 8 { // past the executions in which a plan may still be made to measure
		use()
	}
	for range 40 {
		for _, result := range store.AppendAll(t.Context(), 0, many(eventstore.BatchMax)) {
			if result.Err != nil {
				t.Fatal(result.Err)
			}
		}
	}
	for range 10 {
		use()
	}
	eventually(t, "the statistics to arrive", func() bool {
		full, position, stream := scans()
		if full > 0 {
			t.Fatalf("%d rows were read by sequential scans", full)
		}
		return position >= 36 && stream >= 54
	})
	if _, position, stream := scans(); position > 200 || stream > 400 {
		t.Errorf("18 rounds of reading 2 events by position and 3 by stream looked at %d and %d index entries", position, stream)
	}
}

// eventually waits for a condition that others bring about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
