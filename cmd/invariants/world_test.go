package invariants_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/paymint/paymint/cmd/invariants"
	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/relay"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/migrations"
	"github.com/paymint/paymint/projections"
	projectedaccess "github.com/paymint/paymint/projections/access"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

// world is all of Paymint but HTTP on real services, with one merchant.
type world struct {
	t        *testing.T
	pool     *pgxpool.Pool // the superuser's: it may do harm
	store    *eventstore.Store
	book     *sandbox.Postgres
	storage  *projections.Postgres
	desk     *commands.Desk
	js       jetstream.JetStream
	merchant id.Merchant
	stop     context.CancelFunc
	loops    sync.WaitGroup
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	ctx, url := t.Context(), embeddedtest.Database(t, migrations.Up)
	config, err := pgxpool.ParseConfig(url)
	w.must(err)
	config.MaxConns = 6
	for name, value := range invariants.ReaderSettings() {
		config.ConnConfig.RuntimeParams[name] = value
	}
	w.pool, err = pgxpool.NewWithConfig(ctx, config)
	w.must(err)
	t.Cleanup(w.pool.Close)
	w.store, err = eventstore.Open(ctx, eventstore.Config{Pool: w.pool, URL: url, Lanes: []int{0}})
	w.must(err)
	t.Cleanup(func() { _ = w.store.Close(context.Background()) })
	w.book, err = sandbox.OpenPostgres(ctx, sandbox.PostgresConfig{URL: url, Pool: w.pool})
	w.must(err)
	t.Cleanup(w.book.Close)
	w.storage, err = projections.OpenPostgres(ctx, url, "")
	w.must(err)
	t.Cleanup(w.storage.Close)
	w.openDesk()
	w.run()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) openDesk() {
	desk, err := commands.New(commands.Config{
		Log: w.store, Gateways: []commands.Gateway{sandbox.New(sandbox.Config{Book: w.book})},
		Router: commands.FixedRoutes{Test: []string{sandbox.Name}}, Instruments: sandbox.NewInstruments(make([]byte, 32)),
		Merchants: commands.NewMerchantCache(w.store, time.Now), Lanes: w.store, LaneNumbers: []int{0}, Pepper: make([]byte, 32),
		Now: time.Now, NewID: newID, Logger: slog.New(slog.DiscardHandler),
	})
	w.must(err)
	w.desk = desk
	made, err := desk.CreateMerchant(w.t.Context(), commands.Call{}, merchant.Create{
		BusinessName: "Shoes", MCC: "5661", Country: "DE", SettlementCurrency: "eur", APIVersion: "2026-04-01",
	})
	w.must(err)
	w.merchant = made.State.ID
	_, err = desk.ActivateMerchant(w.t.Context(), commands.Call{}, w.merchant)
	w.must(err)
	_, err = desk.IssueKey(w.t.Context(), commands.Call{}, commands.IssueKey{Merchant: w.merchant, Kind: access.KindSecret})
	w.must(err)
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// run starts relay and follower; they end with the test, or with halt.
func (w *world) run() {
	nats := embeddedtest.NATS(w.t)
	conn, err := nats.Connect()
	w.must(err)
	w.t.Cleanup(conn.Close)
	w.js, err = jetstream.New(conn)
	w.must(err)
	// As the relay makes it, but one may delete from it.
	_, err = w.js.CreateStream(w.t.Context(), jetstream.StreamConfig{Name: relay.StreamName(0), Subjects: []string{"paymint.0.>"}})
	w.must(err)
	r, err := relay.New(relay.Config{Log: w.store, Tail: w.store.Tail(0), Conn: conn, PollEvery: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	w.must(err)
	f := projections.NewFollower(projections.Config{
		Projections: []projections.Projection{payments.Projection(), refunds.Projection(), projectedaccess.Keys(), projectedaccess.Merchants()},
		Decoders: projections.Decoders{
			projections.AggregatePayment: projections.DecodePayment, projectedaccess.AggregateKey: projectedaccess.DecodeKey,
			projectedaccess.AggregateMerchant: projectedaccess.DecodeMerchant,
		},
		Log: w.store, Storage: w.storage,
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	w.stop = stop
	w.loops.Go(func() { _ = r.Run(ctx) })
	w.loops.Go(func() { _ = f.Run(ctx) })
	w.t.Cleanup(w.halt)
}

// halt ends relay and follower, so that damage is not mended before it is found.
func (w *world) halt() {
	w.stop()
	w.loops.Wait()
}

func (w *world) call(key string) commands.Call {
	return commands.Call{
		Principal:      access.Principal{Merchant: w.merchant, Key: id.From[id.Key](newID()), Kind: access.KindSecret},
		IdempotencyKey: key, Fingerprint: [32]byte{1},
		Render: func(r commands.Result) commands.Answer {
			return commands.Answer{Status: 200, Body: []byte(r.State.ID.String())}
		},
	}
}

// authorize makes a payment of 1,000 cents.
func (w *world) authorize(card string, capture bool) id.Payment {
	w.t.Helper()
	reply, err := w.desk.Authorize(w.t.Context(), w.call(newID().String()), commands.Authorize{
		Amount: money.Of(1000, "eur"), PaymentMethod: card, Capture: capture, Metadata: map[string]string{"order": "17"},
	})
	w.must(err)
	p, err := id.Parse[id.Payment](string(reply.Body))
	w.must(err)
	return p
}

func (w *world) capture(p id.Payment, amount int64) {
	w.t.Helper()
	_, err := w.desk.Capture(w.t.Context(), w.call(newID().String()), commands.Capture{Payment: p, Amount: &amount})
	w.must(err)
}

func (w *world) refund(p id.Payment, amount int64) {
	w.t.Helper()
	_, err := w.desk.Refund(w.t.Context(), w.call(newID().String()), commands.Refund{Payment: p, Amount: &amount})
	w.must(err)
}

// lives plays a few payments; the first is captured and partly refunded.
func (w *world) lives() []id.Payment {
	w.t.Helper()
	first := w.authorize("pm_test_visa", false)
	w.capture(first, 800)
	w.refund(first, 300)
	cancelled := w.authorize("pm_test_visa", false)
	_, err := w.desk.Cancel(w.t.Context(), w.call(newID().String()), commands.Cancel{Payment: cancelled})
	w.must(err)
	return []id.Payment{
		first, cancelled, w.authorize("pm_test_visa", true), w.authorize("pm_test_declined", false), w.authorize("pm_test_partial_approval", false),
		w.authorize("pm_test_3ds_required", false), w.authorize("pm_test_capture_fails", false), w.authorize("pm_test_mastercard", false),
	}
}

// checker looks at everything there is.
func (w *world) checker() invariants.Checker {
	log := invariants.Postgres{Pool: w.pool}
	return invariants.Checker{
		Log: log, Streams: log, Views: invariants.Views(w.pool, w.storage),
		Broker: invariants.JetStream{JS: w.js, Stream: relay.StreamName},
		Book:   w.book, Gateway: sandbox.Name, Patience: 30 * time.Second, TempDir: w.t.TempDir(),
	}
}

func (w *world) check() invariants.Report {
	w.t.Helper()
	report, err := w.checker().Check(w.t.Context())
	w.must(err)
	return report
}

// sql does harm as the superuser.
func (w *world) sql(statement string, arguments ...any) {
	w.t.Helper()
	tag, err := w.pool.Exec(w.t.Context(), statement, arguments...)
	w.must(err)
	if tag.RowsAffected() == 0 && (tag.Insert() || tag.Update() || tag.Delete()) {
		w.t.Fatalf("no row was touched by %s", statement)
	}
}

// append writes facts past the desk, which would refuse them.
func (w *world) append(stream id.Payment, expected int, events ...eventstore.Event) {
	w.t.Helper()
	for i := range events {
		events[i].ID, events[i].Schema, events[i].Merchant, events[i].RecordedAt = newID(), 1, w.merchant.UUID(), time.Now()
	}
	_, err := w.store.Append(w.t.Context(), 0, eventstore.Command{Writes: []eventstore.Write{{
		Stream: eventstore.Stream{Aggregate: "payment", ID: stream.UUID()}, Expected: expected, Events: events,
	}}})
	w.must(err)
}
