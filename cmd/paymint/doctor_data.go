package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/paymint/paymint/eventstore/embedded"
	"github.com/paymint/paymint/eventstore/relay"
)

// programs looks for PostgreSQL's programs where they are needed.
func (x *examination) programs(c Config) bool {
	if c.DatabaseURL != "" {
		return true
	}
	dir, version, err := embedded.FindPostgres(c.PostgresBin)
	if missing, is := errors.AsType[*embedded.NoPostgresError](err); is {
		x.fail("programs", missing.Install, "%s", missing.Reason)
		return false
	}
	if err != nil {
		x.fail("programs", "correct PAYMINT_POSTGRES_BIN, or unset it", "%v", err)
		return false
	}
	x.ok("programs", "PostgreSQL %d in %s", version, dir)
	return true
}

// database reports whether there is a schema to look further into.
func (x *examination) database(ctx context.Context, d *data) bool {
	begin := time.Now()
	conn, err := pgx.Connect(ctx, d.env.DatabaseURL)
	if err != nil {
		x.fail("database", "is PostgreSQL running, and is DATABASE_URL right?", "%v", err)
		return false
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var version int
	if err := conn.QueryRow(ctx, `SELECT current_setting('server_version_num')::integer`).Scan(&version); err != nil {
		x.fail("database", "see the server's log", "%v", err)
		return false
	}
	if version < 150000 {
		x.fail("database", "use PostgreSQL 15 or newer", "PostgreSQL %d answers", version/10000)
	} else {
		x.ok("database", "PostgreSQL %d.%d answers; connecting took %s", version/10000, version%10000, time.Since(begin).Round(time.Millisecond))
	}
	x.durability(ctx, conn)
	x.databaseClock(ctx, conn)
	return x.schema(ctx, conn, d)
}

// durability holds the settings in force against what an acknowledgement promises.
func (x *examination) durability(ctx context.Context, conn *pgx.Conn) {
	var off []string
	for name, why := range map[string]string{
		"fsync":              "a power cut loses acknowledged payments, or the whole database",
		"synchronous_commit": "a power cut loses acknowledged payments",
		"full_page_writes":   "a power cut tears pages",
	} {
		var value string
		if err := conn.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			x.warn("durability", "", "%s is not known: %v", name, err)
			return
		}
		if value == "off" || name == "synchronous_commit" && value == "local" {
			off = append(off, fmt.Sprintf("%s = %s: %s", name, value, why))
		}
	}
	if len(off) > 0 {
		x.fail("durability", "switch it on in postgresql.conf, and for the database and the role (ALTER DATABASE/ROLE … RESET), and reload", "%s", strings.Join(off, "; "))
		return
	}
	x.ok("durability", "fsync, synchronous_commit and full_page_writes are in force")
	var checksums string
	if err := conn.QueryRow(ctx, `SELECT current_setting('data_checksums')`).Scan(&checksums); err == nil && checksums != "on" {
		x.warn("checksums", "enable them with pg_checksums while PostgreSQL is stopped", "data checksums are off: a bad disk is noticed late")
	}
}

const (
	driftWarn = time.Second
	driftFail = time.Minute
)

// databaseClock compares two clocks by a question and its answer.
func (x *examination) databaseClock(ctx context.Context, conn *pgx.Conn) {
	var theirs time.Time
	begin := time.Now()
	if err := conn.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
		x.warn("clock", "", "the database's clock is not known: %v", err)
		return
	}
	drift := theirs.Sub(begin.Add(time.Since(begin) / 2)).Abs()
	const next = "run an NTP client on both machines: idempotency keys are forgotten by the day, and events are dated by our clock"
	switch says := fmt.Sprintf("this machine and the database differ by %s", drift.Round(time.Millisecond)); {
	case drift > driftFail:
		x.fail("clock", next, "%s", says)
	case drift > driftWarn:
		x.warn("clock", next, "%s", says)
	default:
		x.ok("clock", "%s", says)
	}
}

func (x *examination) schema(ctx context.Context, conn *pgx.Conn, d *data) bool {
	files, err := migrationFiles(ctx, d.env.OwnerURL)
	if err != nil {
		x.fail("schema", "the login needs to be a member of paymint_owner", "%v", err)
		return false
	}
	if report := newMigrationReport(files, files); len(files) == 0 || report.Waiting > 0 {
		x.fail("schema", "run `paymint migrate`", "%d of %d migrations are applied", len(files)-report.Waiting, len(files))
		return false
	}
	x.ok("schema", "all %d migrations are applied", len(files))
	for _, role := range []string{"paymint_app", "paymint_projector", "paymint_auditor"} {
		var member bool
		if err := conn.QueryRow(ctx, `SELECT pg_has_role(current_user, $1, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)`, role).Scan(&member); err != nil || !member {
			x.fail("roles", fmt.Sprintf("let an administrator run: GRANT %s TO <the login of DATABASE_URL>", role), "the login may not act as %s", role)
			return false
		}
	}
	if err := d.connect(ctx); err != nil {
		x.fail("schema", "run `paymint migrate`", "%v", err)
		return false
	}
	return true
}

// followers looks at everything behind the log.
func (x *examination) followers(ctx context.Context, d *data) {
	heads := map[int]int64{}
	lanes, err := d.events().Lanes(ctx)
	for _, lane := range lanes {
		if err == nil {
			heads[lane], err = d.events().Head(ctx, lane)
		}
	}
	if err != nil {
		x.fail("log", "run `paymint verify`", "%v", err)
		return
	}
	if len(lanes) > 0 && d.Config.Lanes < len(lanes) {
		x.fail("lanes", fmt.Sprintf("set PAYMINT_LANES=%d", len(lanes)), "the log has %d lanes, this configuration appends to %d", len(lanes), d.Config.Lanes)
	}
	var events int64
	for _, head := range heads {
		events += head
	}
	x.ok("log", "%d events in %d lanes", events, len(lanes))
	x.jetStream(ctx, d, heads)
	x.readModels(ctx, d)
}

// behindWarn is how many events a follower may be behind beside a running server:
// half a second of the fastest load.
const behindWarn = 20_000

func (x *examination) jetStream(ctx context.Context, d *data, heads map[int]int64) {
	conn, err := d.env.connectNATS("paymint doctor")
	if err != nil {
		x.fail("nats", "is NATS running, and is NATS_URL right?", "%v", err)
		return
	}
	defer conn.Close()
	trip, err := conn.RTT()
	if err != nil {
		x.fail("nats", "is NATS running, and is NATS_URL right? No command fails meanwhile: events wait in PostgreSQL", "%v", err)
		return
	}
	x.ok("nats", "nats-server %s answers in %s", conn.ConnectedServerVersion(), trip.Round(10*time.Microsecond))
	js, err := jetstream.New(conn)
	if err == nil {
		_, err = js.AccountInfo(ctx)
	}
	if err != nil {
		x.fail("jetstream", "start nats-server with JetStream (-js, or jetstream {} in its configuration)", "%v", err)
		return
	}
	for lane, head := range heads {
		x.stream(ctx, js, d, lane, head)
	}
}

func (x *examination) stream(ctx context.Context, js jetstream.JetStream, d *data, lane int, head int64) {
	name := relay.StreamName(lane)
	stream, err := js.Stream(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound) && head == 0:
		x.ok("jetstream", "stream %s will be made with the first event", name)
		return
	case errors.Is(err, jetstream.ErrStreamNotFound):
		x.behind("jetstream", d, head, fmt.Sprintf("stream %s does not exist", name), "start a process with the role relay, which makes it")
		return
	case err != nil:
		x.fail("jetstream", "see the log of nats-server", "stream %s: %v", name, err)
		return
	}
	info := stream.CachedInfo()
	last := int64(info.State.LastSeq)
	if last > head {
		// Asked before the stream was: read the head again before calling it ahead.
		if again, err := d.events().Head(ctx, lane); err == nil {
			head = again
		}
	}
	if last > head {
		x.fail("jetstream", "the log lost commits, or the stream is another installation's: restore PostgreSQL, or delete the stream", "stream %s is %d messages ahead of the log", name, last-head)
		return
	}
	x.behind("jetstream", d, head-last, fmt.Sprintf("stream %s is %d events behind the log", name, head-last), "is a process with the role relay running? See its log")
	if replicas := info.Config.Replicas; d.Config.Replicas > 1 && replicas < d.Config.Replicas {
		x.warn("jetstream", "the relay raises it when it starts; are all servers of the cluster up?", "stream %s has %d copies, %d are wanted", name, replicas, d.Config.Replicas)
	}
}

// behind is no trouble while nobody works.
func (x *examination) behind(name string, d *data, events int64, says, next string) {
	switch {
	case events <= behindWarn:
		x.ok(name, "%s", says)
	case d.lent():
		x.ok(name, "%s; a server will catch up", says)
	default:
		x.warn(name, next, "%s", says)
	}
}

const (
	selectReadModels = `
SELECT v.name, coalesce(sum(l.position - coalesce(c.position, 0)), 0)::bigint,
       (SELECT count(*) FROM parked_streams p WHERE p.projection = v.name AND p.version = v.version)
  FROM projection_versions v CROSS JOIN lanes l
  LEFT JOIN projection_checkpoints c ON c.name = v.name AND c.version = v.version AND c.lane = l.lane
 GROUP BY v.name, v.version ORDER BY v.name`

	// What has been due for a while is what the reactions should have seen to.
	selectOverdue = `
SELECT count(*) FROM lanes l CROSS JOIN LATERAL (
       SELECT FROM payments p WHERE p.due_at IS NOT NULL AND p.lane = l.lane AND p.due_at < now() - interval '15 minutes' LIMIT 10000) p`
)

func (x *examination) readModels(ctx context.Context, d *data) {
	rows, err := d.pool.Query(ctx, selectReadModels)
	if err != nil {
		x.fail("read models", "run `paymint migrate`", "%v", err)
		return
	}
	var name string
	var lag, parked int64
	_, err = pgx.ForEachRow(rows, []any{&name, &lag, &parked}, func() error {
		x.behind("read model", d, lag, fmt.Sprintf("%s is %d events behind the log", name, lag), "is a process with the role projector running? See its log")
		if parked > 0 {
			x.warn("read model", "this binary cannot read their events: install the newest one, which folds them by itself", "%d streams are parked in %s", parked, name)
		}
		return nil
	})
	if err != nil {
		x.fail("read models", "see the server's log", "%v", err)
		return
	}
	var overdue int64
	if err := d.pool.QueryRow(ctx, selectOverdue).Scan(&overdue); err != nil {
		x.fail("reactions", "see the server's log", "%v", err)
		return
	}
	switch {
	case overdue == 0:
		x.ok("reactions", "no payment has waited for an inquiry or its deadline for long")
	case d.lent():
		x.ok("reactions", "%d payments wait for a server to inquire or let them expire", overdue)
	default:
		x.warn("reactions", "is a process with the role reactor running? See its log; the acquirer may be away", "%d payments have waited for an inquiry or their deadline for 15 minutes or more", overdue)
	}
}
