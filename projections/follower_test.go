package projections_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/relay"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/projectionstest"
	"github.com/paymint/paymint/projections/refunds"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func readModels() []projections.Projection {
	return []projections.Projection{payments.Projection(), refunds.Projection()}
}

func decoders() projections.Decoders {
	return projections.Decoders{projections.AggregatePayment: projections.DecodePayment}
}

// equalsTheFold holds every row and total against the lives they come from.
func equalsTheFold(w *projectionstest.World, lives []projectionstest.Life) {
	w.Helper()
	query := payments.Query{DB: w.Pool, Log: w.Store}
	for _, life := range lives {
		got, err := query.Get(w.Context(), life.Merchant, life.Livemode, life.Payment)
		if err != nil {
			w.Fatal(err)
		}
		listed, err := query.List(w.Context(), payments.Filter{Merchant: life.Merchant, Livemode: life.Livemode, IdempotencyKey: life.Key})
		if err != nil || len(listed.Items) != 1 {
			w.Fatalf("payment %s is listed %d times: %v", life.Payment, len(listed.Items), err)
		}
		want := payments.FoldAll(historyOf(w, life))
		if g, l := string(payments.AppendJSON(nil, got)), string(payments.AppendJSON(nil, listed.Items[0])); g != l || g != string(payments.AppendJSON(nil, want)) {
			w.Fatalf("payment %s: retrieved %s\nlisted %s", life.Payment, g, l)
		}
		wanted := refunds.FoldAll(historyOf(w, life)).Refunds
		for _, refund := range wanted {
			row, err := refunds.Query{DB: w.Pool, Log: w.Store}.Locate(w.Context(), life.Merchant, life.Livemode, refund.ID)
			if err != nil || string(refunds.AppendJSON(nil, row)) != string(refunds.AppendJSON(nil, refund)) {
				w.Fatalf("refund %s: %s, want %s: %v", refund.ID, refunds.AppendJSON(nil, row), refunds.AppendJSON(nil, refund), err)
			}
		}
	}
	totalsEqualCounts(w)
}

func historyOf(w *projectionstest.World, life projectionstest.Life) []payment.Recorded {
	w.Helper()
	events, err := w.Store.ReadStream(w.Context(), life.Payment.UUID(), 0, 1000)
	if err != nil {
		w.Fatal(err)
	}
	history, err := projections.PaymentHistory(events)
	if err != nil {
		w.Fatal(err)
	}
	return history
}

func totalsEqualCounts(w *projectionstest.World) {
	w.Helper()
	for _, of := range []string{
		`SELECT group_id, count(*) n FROM payments GROUP BY 1 EXCEPT SELECT group_id, total FROM payments_totals`,
		`SELECT group_id, total FROM payments_totals WHERE total <> 0 EXCEPT SELECT group_id, count(*) FROM payments GROUP BY 1`,
		`SELECT merchant_id, livemode, status, total FROM refunds_totals WHERE total <> 0
		 EXCEPT SELECT merchant_id, livemode, status, count(*) FROM refunds GROUP BY 1, 2, 3`,
	} {
		var wrong int
		if err := w.Pool.QueryRow(w.Context(), "SELECT count(*) FROM ("+of+") x").Scan(&wrong); err != nil || wrong != 0 {
			w.Fatalf("%d totals differ from the rows: %v", wrong, err)
		}
	}
}

func TestReadModelsEqualTheFoldOfTheLog(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	lives := w.AppendAll(projectionstest.NewLives(1, 3), 300)
	f := w.Follow(projections.Config{Projections: readModels(), Decoders: decoders()})
	w.CaughtUp(f)
	lives = append(lives, w.AppendAll(projectionstest.NewLives(2, 2), 100)...)
	w.CaughtUp(f)
	equalsTheFold(w, lives)
}

func TestLiveFollowingSurvivesAStoppedAndAWipedBroker(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	server := embeddedtest.NATS(t)
	conn, err := server.Connect(nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	carry(w, conn)
	lives := w.AppendAll(projectionstest.NewLives(3, 2), 50)
	f := w.Follow(projections.Config{
		Projections: readModels(), Decoders: decoders(),
		Live: projections.JetStream{Conn: conn, Lane: 0, Stream: relay.StreamName(0)},
	})
	w.CaughtUp(f)
	lives = append(lives, w.AppendAll(projectionstest.NewLives(4, 2), 50)...)
	w.CaughtUp(f)
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	lives = append(lives, w.AppendAll(projectionstest.NewLives(5, 2), 50)...)
	w.CaughtUp(f)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	w.Eventually("the stream is wiped", func() bool { return js.DeleteStream(t.Context(), relay.StreamName(0)) == nil })
	lives = append(lives, w.AppendAll(projectionstest.NewLives(6, 2), 50)...)
	w.CaughtUp(f)
	equalsTheFold(w, lives)
}

func TestFollowingTheAppendersMemoryNeedsNoBroker(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	lives := w.AppendAll(projectionstest.NewLives(14, 2), 30)
	f := w.Follow(projections.Config{
		Projections: readModels(), Decoders: decoders(),
		Live: projections.Tail{Of: func() *eventstore.Tail { return w.Store.Tail(0) }},
	})
	lives = append(lives, w.AppendAll(projectionstest.NewLives(15, 2), 200)...)
	w.CaughtUp(f)
	lives = append(lives, w.AppendAll(projectionstest.NewLives(16, 2), 1)...)
	w.CaughtUp(f)
	equalsTheFold(w, lives)
}

func carry(w *projectionstest.World, conn *nats.Conn) {
	w.Helper()
	tail := w.Store.Tail(0)
	carrying, err := relay.New(relay.Config{Log: w.Store, Tail: tail, Conn: conn})
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = carrying.Run(ctx) }()
	w.Cleanup(func() { cancel(); <-done; tail.Close() })
}

func TestTwoFollowersAndFailingCommitsFoldEachEventOnce(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	config := projections.Config{Projections: readModels(), Decoders: decoders(), BatchMax: 20, Linger: -1}
	config.Storage = &brittle{Storage: w.Storage(), random: rand.New(rand.NewPCG(7, 7))}
	one := w.Follow(config)
	config.Storage = &brittle{Storage: w.Storage(), random: rand.New(rand.NewPCG(8, 8))}
	two := w.Follow(config)
	lives := w.AppendAll(projectionstest.NewLives(9, 3), 200)
	w.CaughtUp(one)
	w.CaughtUp(two)
	equalsTheFold(w, lives)
}

// brittle loses commits: some never arrive, some are done and nobody hears of it.
type brittle struct {
	projections.Storage
	random *rand.Rand
}

var errBroken = errors.New("the connection broke")

func (b *brittle) Commit(ctx context.Context, step projections.Step, trip *projections.Trip) error {
	switch b.random.IntN(6) {
	case 0:
		return errBroken
	case 1:
		return errors.Join(b.Storage.Commit(ctx, step, trip), errBroken)
	default:
		return b.Storage.Commit(ctx, step, trip)
	}
}

func TestAPoisonedEventParksItsStreamAlone(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	lives := projectionstest.NewLives(10, 2)
	var victim projectionstest.Life
	for len(victim.Steps) < 4 {
		victim = lives.Next()
	}
	for n := range 2 {
		w.Append(victim.Command(n))
	}
	poison := victim.Command(2)
	poison.Writes[0].Events[0].Schema = 99
	w.Append(poison)
	others := w.AppendAll(lives, 40)
	var mended atomic.Bool
	decode := projections.Decoders{projections.AggregatePayment: func(typ string, schema int, body []byte) (any, error) {
		if schema == 99 && mended.Load() {
			schema = 1
		}
		return projections.DecodePayment(typ, schema, body)
	}}
	storage := w.Storage()
	ctx, stop := context.WithCancel(t.Context())
	old := projections.NewFollower(projections.Config{Projections: readModels(), Decoders: decode, Log: w.Store, Storage: storage})
	ended := make(chan error, 1)
	go func() { ended <- old.Run(ctx) }()
	w.CaughtUp(old)
	equalsTheFold(w, others)
	parked, err := storage.Parked(t.Context(), 0, 10)
	if err != nil || len(parked) != 2 || parked[0].Stream != victim.Payment.UUID() || parked[0].StreamAt != 3 {
		t.Fatalf("parked %+v, want the victim's stream in both read models: %v", parked, err)
	}
	w.Append(victim.Command(3)) // waits behind the poison
	w.CaughtUp(old)
	stop()
	<-ended

	mended.Store(true)
	w.CaughtUp(w.Follow(projections.Config{Projections: readModels(), Decoders: decode, Storage: storage}))
	w.Eventually("nothing is parked", func() bool {
		parked, err := storage.Parked(t.Context(), 0, 10)
		return err == nil && len(parked) == 0
	})
	var version int
	err = w.Pool.QueryRow(t.Context(), "SELECT version FROM payments WHERE payment_id = $1", victim.Payment.UUID()).Scan(&version)
	if err != nil || version != 3+len(victim.Steps[3]) {
		t.Fatalf("the row stands at version %d: %v", version, err)
	}
	totalsEqualCounts(w)
}

func TestAProjectionThatIsNewCatchesUpBesideTheOthers(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	storage := w.Storage()
	lives := w.AppendAll(projectionstest.NewLives(11, 2), 60)
	ctx, stop := context.WithCancel(t.Context())
	first := projections.NewFollower(projections.Config{Projections: readModels()[:1], Decoders: decoders(), Log: w.Store, Storage: storage})
	ended := make(chan error, 1)
	go func() { ended <- first.Run(ctx) }()
	w.CaughtUp(first)
	stop()
	<-ended
	both := w.Follow(projections.Config{Projections: readModels(), Decoders: decoders(), Storage: storage, BatchMax: 10})
	lives = append(lives, w.AppendAll(projectionstest.NewLives(12, 2), 20)...)
	w.CaughtUp(both)
	equalsTheFold(w, lives)
}

func TestAnotherProcessWaitsOnTheCheckpoint(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	w.Follow(projections.Config{Projections: readModels(), Decoders: decoders()})
	elsewhere := projections.Waiter{DB: w.Pool, Names: []string{payments.Name, refunds.Name}}
	life := projectionstest.NewLives(13, 1).Next()
	position := w.Append(life.Command(0))
	if err := elsewhere.Wait(t.Context(), position); err != nil {
		t.Fatal(err)
	}
	page, err := payments.Query{DB: w.Pool, Log: w.Store}.List(t.Context(), payments.Filter{Merchant: life.Merchant, Livemode: life.Livemode})
	if err != nil || len(page.Items) != 1 || *page.TotalCount != 1 {
		t.Fatalf("listed %d: %v", len(page.Items), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	position.Number++
	if err := elsewhere.Wait(ctx, position); !errors.Is(err, context.Canceled) {
		t.Fatalf("waiting for what does not come: %v", err)
	}
}
