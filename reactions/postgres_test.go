package reactions_test

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/migrations"
	"github.com/paymint/paymint/projections"
	accessviews "github.com/paymint/paymint/projections/access"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
	"github.com/paymint/paymint/reactions"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func newPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 3
	for name, value := range projections.ReaderSettings() {
		config.ConnConfig.RuntimeParams[name] = value
	}
	eventstore.SetRole(&config.ConnConfig.Config, eventstore.RoleApp)
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestNotesOnPostgreSQLAreLeasedByOneAndForgottenByAMovedClock(t *testing.T) {
	t.Parallel()
	notes := reactions.Postgres{DB: newPool(t, embeddedtest.Database(t, migrations.Up)), Now: time.Now}
	target := commands.Target{Lane: 0, Merchant: id.From[id.Merchant](uuid.Must(uuid.NewV7())), Payment: id.From[id.Payment](uuid.Must(uuid.NewV7()))}
	now := time.Now().UTC().Truncate(time.Millisecond)
	lease := func(at time.Time) (reactions.Note, bool) {
		t.Helper()
		note, taken, err := notes.Lease(t.Context(), target, at, at.Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		return note, taken
	}
	note, taken := lease(now)
	if _, twice := lease(now); !taken || twice {
		t.Errorf("taken %v, and again %v", taken, twice)
	}
	reference := id.From[id.Reference](uuid.Must(uuid.NewV7()))
	want := reactions.Attempt{Tried: payment.Tried{Tries: 3, Failures: 2, Last: now}, Escalated: true}
	note.Attempts[reference] = want
	if err := notes.Save(t.Context(), note, now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if waiting, err := notes.Waiting(t.Context(), []id.Payment{target.Payment}, now); err != nil || !waiting[target.Payment] {
		t.Errorf("waiting: %v, %v", waiting, err)
	}
	if found, taken := lease(now.Add(time.Second)); !taken || found.Attempts[reference] != want {
		t.Errorf("%v, %+v; want %+v", taken, found.Attempts, want)
	}
	if err := notes.Moving(t.Context(), 0, target.Merchant); err != nil {
		t.Fatal(err)
	}
	if err := notes.Clocks().Moved(t.Context(), target.Merchant); err != nil {
		t.Fatal(err)
	}
	moved, err := notes.Moved(t.Context(), 0, id.Merchant{}, 10)
	if err != nil || len(moved) != 1 || moved[0].Merchant != target.Merchant || !moved[0].Recheck {
		t.Errorf("%+v, %v", moved, err)
	}
	if err := notes.Save(t.Context(), note, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if found, taken := lease(now.Add(time.Second)); !taken || len(found.Attempts) != 0 {
		t.Errorf("what was forgotten came back: %v, %+v", taken, found.Attempts)
	}
	if err := notes.Drop(t.Context(), target); err != nil {
		t.Fatal(err)
	}
}

func TestAMovedClockIsForgottenOnceItStandsAtTheWallsForAMinute(t *testing.T) {
	t.Parallel()
	now := time.Now()
	notes := reactions.Postgres{DB: newPool(t, embeddedtest.Database(t, migrations.Up)), Now: func() time.Time { return now }}
	var merchants []id.Merchant
	for range 3 {
		m := id.From[id.Merchant](uuid.Must(uuid.NewV7()))
		merchants = append(merchants, m)
		if err := notes.Moving(t.Context(), 0, m); err != nil {
			t.Fatal(err)
		}
	}
	known := func(after id.Merchant, limit int) int {
		t.Helper()
		if err := notes.Forget(t.Context(), merchants[0]); err != nil {
			t.Fatal(err)
		}
		moved, err := notes.Moved(t.Context(), 0, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return len(moved)
	}
	if n := known(id.Merchant{}, 10); n != 3 {
		t.Errorf("%d known just after, want 3", n)
	}
	now = now.Add(time.Minute)
	if err := notes.Clocks().Moved(t.Context(), merchants[1]); err != nil {
		t.Fatal(err)
	}
	if n := known(id.Merchant{}, 10); n != 2 {
		t.Errorf("%d known after a minute, want 2", n)
	}
	if n := known(merchants[2], 10); n != 1 {
		t.Errorf("%d behind the last, want only the one that has just moved", n)
	}
}

// durable is a desk, its read models and two reactors on PostgreSQL, on the wall's clock.
type durable struct {
	t         *testing.T
	desk      *commands.Desk
	principal access.Principal
}

func newDurable(t *testing.T) *durable {
	t.Helper()
	url := embeddedtest.Database(t, migrations.Up)
	pool := newPool(t, url)
	store, err := eventstore.Open(t.Context(), eventstore.Config{Pool: pool, URL: url, Lanes: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	book, err := sandbox.OpenPostgres(t.Context(), sandbox.PostgresConfig{URL: url, Pool: pool})
	if err != nil {
		t.Fatal(err)
	}
	storage, err := projections.OpenPostgres(t.Context(), url, "paymint_projector")
	if err != nil {
		t.Fatal(err)
	}
	follower := projections.NewFollower(projections.Config{
		Projections: []projections.Projection{payments.Projection(), refunds.Projection()}, Log: store, Storage: storage, Now: time.Now,
		Decoders: projections.Decoders{
			projections.AggregatePayment: projections.DecodePayment, accessviews.AggregateMerchant: accessviews.DecodeMerchant,
		},
	})
	cache := commands.NewMerchantCache(store, time.Now)
	notes := reactions.Postgres{DB: pool, Refunds: refunds.Query{DB: pool, Log: store}, Merchants: cache, Now: time.Now}
	desk, err := commands.New(commands.Config{
		Log: store, Gateways: []commands.Gateway{sandbox.New(sandbox.Config{Book: book})}, Lanes: store, Merchants: cache, Clocks: notes.Clocks(),
		Router: commands.FixedRoutes{Test: []string{sandbox.Name}}, Instruments: sandbox.NewInstruments(bytes.Repeat([]byte{7}, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = follower.Run(ctx) })
	for range 2 {
		watch := reactions.New(reactions.Config{
			Desk: desk, Payments: payments.Query{DB: pool, Log: store}, Notes: notes, Ahead: notes, Lanes: []int{0}, Every: 100 * time.Millisecond,
		})
		running.Go(func() { watch.Run(ctx) })
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
		storage.Close()
		book.Close()
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := store.Close(closing); err != nil {
			t.Error(err)
		}
	})
	d := &durable{t: t, desk: desk}
	d.openMerchant()
	return d
}

func (d *durable) openMerchant() {
	d.t.Helper()
	created, err := d.desk.CreateMerchant(d.t.Context(), commands.Call{}, merchant.Create{
		BusinessName: "Tea House", MCC: "5499", Country: "DE", SettlementCurrency: "eur", APIVersion: "2026-04-01",
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := d.desk.ActivateMerchant(d.t.Context(), commands.Call{}, created.State.ID); err != nil {
		d.t.Fatal(err)
	}
	d.principal = access.Principal{Merchant: created.State.ID, Key: id.From[id.Key](uuid.Must(uuid.NewV7()))}
}

func (d *durable) call() commands.Call {
	return commands.Call{Principal: d.principal, IdempotencyKey: uuid.NewString(), Render: func(r commands.Result) commands.Answer {
		return commands.Answer{Status: 200, Body: []byte(r.State.ID.String())}
	}}
}

func (d *durable) authorize(token string, capture bool) commands.Target {
	d.t.Helper()
	reply, err := d.desk.Authorize(d.t.Context(), d.call(), commands.Authorize{Amount: money.Of(5000, "eur"), PaymentMethod: token, Capture: capture})
	if err != nil {
		d.t.Fatalf("authorize %s: %v", token, err)
	}
	p, err := id.Parse[id.Payment](string(reply.Body))
	if err != nil {
		d.t.Fatal(err)
	}
	return commands.Target{Merchant: d.principal.Merchant, Payment: p}
}

// becomes waits until a payment is as wanted.
func (d *durable) becomes(target commands.Target, what string, wanted func(payment.State) bool) {
	d.t.Helper()
	var state payment.State
	for began := time.Now(); time.Since(began) < 30*time.Second; {
		var err error
		if state, _, err = d.desk.Standing(d.t.Context(), target); err != nil {
			d.t.Fatal(err)
		}
		if wanted(state) {
			return
		}
		timer := time.NewTimer(20 * time.Millisecond)
		<-timer.C
	}
	d.t.Errorf("%s: %+v", what, state)
}

func TestOnPostgreSQLTheReactionsResolveExpireAndRecheck(t *testing.T) {
	t.Parallel()
	d := newDurable(t)
	refunded := d.authorize("pm_test_refund_fail", true)
	if _, err := d.desk.Refund(t.Context(), d.call(), commands.Refund{Payment: refunded.Payment}); err != nil {
		t.Fatal(err)
	}
	held, soon := d.authorize("pm_test_visa", false), d.authorize("pm_test_expires_soon", false)
	lost := d.authorize("pm_test_timeout_approved", false) // takes the three seconds of its time-out
	d.becomes(lost, "the lost answer is found out", func(s payment.State) bool { return s.Status == payment.StatusAuthorized })
	if _, err := d.desk.AdvanceTestClock(t.Context(), d.call(), time.Hour); err != nil {
		t.Fatal(err)
	}
	d.becomes(soon, "the short hold expires", func(s payment.State) bool { return s.Expired })
	d.becomes(refunded, "the refund comes back", func(s payment.State) bool {
		return s.AmountRefunded() == 0 && len(s.Refunds) == 1 && s.Refunds[0].Status == payment.RefundStatusFailed
	})
	if s, _, err := d.desk.Standing(t.Context(), held); err != nil || s.Status != payment.StatusAuthorized {
		t.Errorf("the long hold: %s, %v", s.Status, err)
	}
	if _, err := d.desk.AdvanceTestClock(t.Context(), d.call(), 8*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	d.becomes(held, "the long hold expires", func(s payment.State) bool { return s.Expired })
}
