package eventstore

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/eventstore/embedded"
	"github.com/paymint/paymint/migrations"
)

// The benchmarks append to a PostgreSQL of the one-command mode with its durable
// settings. They report the CPU that this process (callers included) and all of
// PostgreSQL's processes spend on one operation.

const intentBody, outcomeBody, answerBody = 600, 250, 700

type bench struct {
	server *embedded.Postgres
	store  *Store
	url    string
}

func startBench(b *testing.B) *bench {
	b.Helper()
	dir, err := os.MkdirTemp("", "paymint-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		b.Fatal(err)
	}
	server, err := embedded.StartPostgres(b.Context(), embedded.PostgresOptions{Dir: filepath.Join(dir, "postgres")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Stop(context.Background()) })
	url := server.URL("", "")
	if err := migrations.Up(b.Context(), url); err != nil {
		b.Fatal(err)
	}
	pool, err := pgxpool.New(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	store, err := Open(b.Context(), Config{Pool: pool, URL: url, Lanes: []int{0}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close(context.Background()) })
	return &bench{server: server, store: store, url: url}
}

// postgresCPU sums the postmaster and its living children.
func (s *bench) postgresCPU() (total time.Duration) {
	root := strconv.Itoa(s.server.PID())
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		_, rest, ok := bytes.Cut(text, []byte(") "))
		fields := strings.Fields(string(rest))
		if err != nil || !ok || len(fields) < 13 || fields[1] != root && filepath.Base(filepath.Dir(path)) != root {
			continue
		}
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		total += time.Duration(user+system) * 10 * time.Millisecond
	}
	return total
}

func ownCPU() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// measure runs operation b.N times from as many callers and reports what it cost.
func (s *bench) measure(b *testing.B, callers int, operation func(ctx context.Context)) {
	b.Helper()
	latencies := make([]time.Duration, b.N)
	var next atomic.Int64
	var wait sync.WaitGroup
	own, theirs := ownCPU(), s.postgresCPU()
	b.ResetTimer()
	for range callers {
		wait.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(b.N) {
					return
				}
				begin := time.Now()
				operation(b.Context())
				latencies[i] = time.Since(begin)
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	own, theirs = ownCPU()-own, s.postgresCPU()-theirs
	slices.Sort(latencies)
	report := func(d time.Duration, n int, unit string) { b.ReportMetric(d.Seconds()*1e6/float64(n), unit) }
	report(own, b.N, "µs-app/op")
	report(theirs, b.N, "µs-pg/op")
	report(latencies[b.N/2], 1, "µs-p50")
	report(latencies[b.N*99/100], 1, "µs-p99")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func benchEvent(kind string, body int) Event {
	return Event{
		ID: uuid.Must(uuid.NewV7()), Type: kind, Schema: 1, Merchant: uuid.UUID{1}, RecordedAt: time.Now(), Body: filler[:body],
		Meta: Meta{Actor: "key_01h455vb4pex5vsknk084sn02q", RequestID: "req_01h455vb4pex5vsknk084sn02q", IdempotencyKey: "0b5cbf3a-5d9d-4e8a-8f5e-1d3c9a3b7f10"},
	}
}

var filler = bytes.Repeat([]byte(`{"amount":1250,"currency":"EUR","reference":"net_01h455vb4pex5vsknk084sn02q"}`), 20)

func benchIntent() (Command, Stream) {
	stream := Stream{Aggregate: "payment", ID: uuid.Must(uuid.NewV7())}
	event := benchEvent("payment.authorization_requested", intentBody)
	return Command{
		Writes: []Write{{Stream: stream, Events: []Event{event}}},
		Claim:  &Claim{Key: ClaimKey(uuid.New()), Stream: stream.ID, Intent: event.ID, At: event.RecordedAt},
	}, stream
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Error(err)
	}
}

func BenchmarkAppendOf512Callers(b *testing.B) {
	s := startBench(b)
	s.measure(b, 512, func(ctx context.Context) {
		command, _ := benchIntent()
		_, err := s.store.Append(ctx, 0, command)
		must(b, err)
	})
}

func BenchmarkAuthorizationOf512Callers(b *testing.B) { benchAuthorization(b, 512) }
func BenchmarkAuthorizationOf64Callers(b *testing.B)  { benchAuthorization(b, 64) }

func benchAuthorization(b *testing.B, callers int) {
	s := startBench(b)
	s.measure(b, callers, func(ctx context.Context) {
		intent, stream := benchIntent()
		_, err := s.store.Append(ctx, 0, intent)
		must(b, err)
		outcome := Command{
			Writes: []Write{{Stream: stream, Expected: 1, Events: []Event{benchEvent("payment.authorized", outcomeBody)}}},
			Answer: &Answer{Key: intent.Claim.Key, ClaimedAt: intent.Claim.At, Status: 201, Body: filler[:answerBody]},
		}
		_, err = s.store.Append(ctx, 0, outcome)
		must(b, err)
	})
}

func BenchmarkAppendOfOneCaller(b *testing.B) {
	s := startBench(b)
	s.measure(b, 1, func(ctx context.Context) {
		command, _ := benchIntent()
		_, err := s.store.Append(ctx, 0, command)
		must(b, err)
	})
}

// The design without batches: the same function, a transaction for each command, on
// 16 connections that queue for the lane's row.
func BenchmarkOneTransactionPerCommand(b *testing.B) {
	s := startBench(b)
	config, err := sessionConfig(&s.store.config)
	must(b, err)
	type road struct {
		session *session
		form    *form
	}
	roads := make(chan road, 16)
	for range cap(roads) {
		session, err := connect(b.Context(), config, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { session.close(context.Background()) })
		roads <- road{session, newForm()}
	}
	s.measure(b, 512, func(ctx context.Context) {
		command, _ := benchIntent()
		own := newSubmission([]Command{command})
		r := <-roads
		r.form.fill(0, []*entry{&own.entries[0]})
		r.form.trust(true)
		_, err := r.session.append(ctx, r.form.values[:])
		must(b, err)
		roads <- r
	})
}

func BenchmarkReadStream(b *testing.B) {
	s := startBench(b)
	streams := make([]uuid.UUID, 1000)
	for i := range streams {
		stream := Stream{Aggregate: "payment", ID: uuid.Must(uuid.NewV7())}
		events := []Event{benchEvent("a", intentBody), benchEvent("b", outcomeBody), benchEvent("c", outcomeBody)}
		_, err := s.store.Append(b.Context(), 0, Command{Writes: []Write{{Stream: stream, Events: events}}})
		must(b, err)
		streams[i] = stream.ID
	}
	var n atomic.Int64
	s.measure(b, 4, func(ctx context.Context) {
		events, err := s.store.ReadStream(ctx, streams[n.Add(1)%1000], 0, ReadMax)
		if must(b, err); len(events) != 3 {
			b.Errorf("%d events", len(events))
		}
	})
}

func BenchmarkReadLog(b *testing.B) {
	s := startBench(b)
	for range 20 {
		batch := make([]Command, BatchMax)
		for i := range batch {
			batch[i], _ = benchIntent()
		}
		for _, result := range s.store.AppendAll(b.Context(), 0, batch) {
			must(b, result.Err)
		}
	}
	var at int64
	s.measure(b, 1, func(ctx context.Context) { // an operation is one event
		if at++; at%1000 == 1 {
			events, err := s.store.ReadLog(ctx, 0, (at/1000)%10*1000, 1000)
			if must(b, err); len(events) != 1000 {
				b.Errorf("%d events", len(events))
			}
		}
	})
}

func BenchmarkFrame(b *testing.B) {
	event := benchEvent("payment.authorization_requested", intentBody)
	event.Stream = Stream{Aggregate: "payment", ID: event.ID}
	frame := event.AppendFrame(nil)
	b.Run("Append", func(b *testing.B) {
		for b.Loop() {
			frame = event.AppendFrame(frame[:0])
		}
	})
	b.Run("Sum", func(b *testing.B) {
		for b.Loop() {
			SumFrame(frame)
		}
	})
	b.Run("Parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseFrame(frame); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Prepare", func(b *testing.B) {
		b.ReportAllocs()
		command, _ := benchIntent()
		for b.Loop() {
			if _, err := command.Prepare(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
