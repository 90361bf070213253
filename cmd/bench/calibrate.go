package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4" // the calibrator is the product's own framework, with nothing behind it

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded"
	"github.com/paymint/paymint/migrations"
)

// calibrate measures what the product's figures are held against: the same schema
// with one transaction per request, the same bytes inserted raw in batches, and an
// Echo route that only decodes and answers.
func calibrate(ctx context.Context, o options, work string) ([]row, error) {
	pg, url, err := startDatabase(ctx, filepath.Join(work, "calibrate"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = pg.Stop(context.WithoutCancel(ctx)) }()
	one, err := oneTransactionEach(ctx, o, url)
	if err != nil {
		return nil, err
	}
	raw, err := rawInserts(ctx, o, url)
	if err != nil {
		return []row{one}, err
	}
	bare, err := bareEcho(ctx, o)
	return []row{one, raw, bare}, err
}

// startDatabase is the embedded PostgreSQL that `paymint up` runs on, by itself.
func startDatabase(ctx context.Context, dir string) (*embedded.Postgres, string, error) {
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresOptions{Dir: dir})
	if err != nil {
		return nil, "", err
	}
	if err := pg.CreateDatabase(ctx, "bench"); err != nil {
		return pg, "", err
	}
	url := pg.URL("bench", "")
	return pg, url, migrations.Up(ctx, url)
}

const calibrationSessions = 32

var (
	nameOne  = fmt.Sprintf("one transaction per request, %d sessions", calibrationSessions)
	nameRaw  = fmt.Sprintf("raw inserts, %d in a transaction", rawBatch)
	nameBare = "Echo that only decodes and answers"

	calibrators = []string{nameOne, nameRaw, nameBare}
)

// oneTransactionEach has each request commit its own transactions: intent and
// outcome, one command each, from as many sessions as PostgreSQL can use.
func oneTransactionEach(ctx context.Context, o options, url string) (row, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return row{}, err
	}
	defer pool.Close()
	stores := make([]*eventstore.Store, calibrationSessions)
	defer func() {
		for _, s := range stores {
			if s != nil {
				_ = s.Close(context.WithoutCancel(ctx))
			}
		}
	}()
	for i := range stores {
		if stores[i], err = eventstore.Open(ctx, eventstore.Config{URL: url, Pool: pool, Lanes: []int{0}}); err != nil {
			return row{}, err
		}
	}
	return inProcess(ctx, o, nameOne, calibrationSessions, 1, func(ctx context.Context, caller int) error {
		return authorizeRaw(ctx, stores[caller])
	})
}

// authorizeRaw appends what an authorization appends, each command in a batch of its own.
func authorizeRaw(ctx context.Context, s *eventstore.Store) error {
	now := time.Now().UTC().Truncate(time.Microsecond)
	stream := eventstore.Stream{Aggregate: "payment", ID: uuid.Must(uuid.NewV7())}
	key := eventstore.KeyOf(stream.ID, false, uuid.NewString())
	_, err := s.Append(ctx, 0, eventstore.Command{
		Writes: []eventstore.Write{{Stream: stream, Events: []eventstore.Event{rawEvent(stream, now, intentBytes)}}},
		Claim:  &eventstore.Claim{Key: key, Stream: stream.ID, At: now},
	})
	if err != nil {
		return err
	}
	_, err = s.Append(ctx, 0, eventstore.Command{
		Writes: []eventstore.Write{{Stream: stream, Expected: 1, Events: []eventstore.Event{rawEvent(stream, now, outcomeBytes)}}},
		Answer: &eventstore.Answer{Key: key, ClaimedAt: now, Status: 201, Body: make([]byte, answerBytes)},
	})
	return err
}

// The sizes of an authorization's two bodies and its answer, as the product writes them.
const (
	intentBytes  = 480
	outcomeBytes = 150
	answerBytes  = 830
)

func rawEvent(stream eventstore.Stream, now time.Time, size int) eventstore.Event {
	return eventstore.Event{
		Stream: stream, ID: uuid.Must(uuid.NewV7()), Type: "payment.authorized", Schema: 1, Merchant: stream.ID,
		RecordedAt: now, EffectiveAt: now, Body: append(append([]byte(`{"x":"`), make26(size)...), `"}`...),
	}
}

func make26(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return b
}

const rawBatch = 256

// rawInserts copies rows of the same bytes into a bare table, a batch in a
// transaction: what this PostgreSQL can make durable at most.
func rawInserts(ctx context.Context, o options, url string) (row, error) {
	setup, err := pgx.Connect(ctx, url)
	if err != nil {
		return row{}, err
	}
	defer setup.Close(context.WithoutCancel(ctx))
	if _, err := setup.Exec(ctx, `CREATE TABLE raw (id uuid PRIMARY KEY, intent bytea, outcome bytea, answer bytea)`); err != nil {
		return row{}, err
	}
	intent, outcome, answer := make26(intentBytes+180), make26(outcomeBytes+180), make26(answerBytes)
	return inProcess(ctx, o, nameRaw, 1, rawBatch, func(ctx context.Context, _ int) error {
		_, err := setup.CopyFrom(ctx, pgx.Identifier{"raw"}, []string{"id", "intent", "outcome", "answer"},
			pgx.CopyFromSlice(rawBatch, func(int) ([]any, error) { return []any{uuid.Must(uuid.NewV7()), intent, outcome, answer}, nil }))
		return err
	})
}

// inProcess runs act from n goroutines and counts; weight is how many one act makes.
func inProcess(ctx context.Context, o options, name string, n int, weight int64, act func(context.Context, int) error) (row, error) {
	fmt.Printf("%-44s ", name)
	running, cancel := context.WithTimeout(ctx, time.Duration(o.seconds)*time.Second)
	defer cancel()
	start, histograms := time.Now(), make([]*caller, n)
	var callers sync.WaitGroup
	for i := range n {
		histograms[i] = &caller{latency: newHistogram()}
		callers.Go(func() {
			for c := histograms[i]; running.Err() == nil; {
				began := time.Now()
				if err := act(ctx, i); err != nil {
					c.failed++
					c.firstFailure = err.Error()
					continue
				}
				c.accepted += weight
				_ = c.latency.RecordValue(max(1, time.Since(began).Microseconds()))
			}
		})
	}
	callers.Wait()
	m := merge(histograms, time.Since(start))
	r := row{
		Name: name, Offered: fmt.Sprintf("%d callers", n), Accepted: m.Accepted, Failed: m.Failed, PerSecond: m.perSecond(),
		P50: m.at(50), P95: m.at(95), P99: m.at(99), FirstFailure: m.FirstFailure,
	}
	fmt.Printf("%9.0f/s  failed %d %s\n", r.PerSecond, r.Failed, r.FirstFailure)
	return r, nil
}

// bareEcho answers a payment-sized body with a payment-sized answer and does nothing else.
func bareEcho(ctx context.Context, o options) (row, error) {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	answer := []byte(`{"id":"` + string(make26(answerBytes)) + `"}`)
	e.POST("/v1/payments", func(c echo.Context) error {
		var body struct {
			Amount        int64  `json:"amount"`
			Currency      string `json:"currency"`
			PaymentMethod string `json:"payment_method_id"`
			Description   string `json:"description"`
		}
		if err := json.NewDecoder(c.Request().Body).Decode(&body); err != nil {
			return err
		}
		return c.Blob(http.StatusCreated, "application/json", answer)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return row{}, err
	}
	server := &http.Server{Handler: e, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	address := listener.Addr().String()
	m, err := run(ctx, address, load{Callers: 64, Duration: time.Duration(o.seconds) * time.Second}, func(caller int) exercise {
		return newAuthorize(address, []string{"sk_test_calibration"}, caller, nil)
	})
	if err != nil {
		return row{}, err
	}
	fmt.Printf("%-44s %9.0f/s  (server and generator in one process)\n", nameBare, m.perSecond())
	return row{Name: nameBare, Offered: "64 callers", Accepted: m.Accepted, Failed: m.Failed, PerSecond: m.perSecond(),
		P50: m.at(50), P95: m.at(95), P99: m.at(99), FirstFailure: m.FirstFailure}, nil
}
