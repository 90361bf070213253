package projections_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/eventstore/relay"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/projectionstest"
)

// BenchmarkFollower folds authorizations of two events each. It reports CPU, since
// elapsed time says little on a machine that others use too: of this process (decode,
// fold, encode, driver; the live variant with the broker's delivery) and of the
// PostgreSQL backend that writes.
func BenchmarkFollower(b *testing.B) {
	for _, merchants := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("merchants=%d/batch=230/log", merchants), func(b *testing.B) { benchFollower(b, merchants, 230, false) })
	}
	b.Run("merchants=1/batch=1000/log", func(b *testing.B) { benchFollower(b, 1, 1000, false) })
	b.Run("merchants=1/batch=230/jetstream", func(b *testing.B) { benchFollower(b, 1, 230, true) })
}

func benchFollower(b *testing.B, merchants, batch int, live bool) {
	w := projectionstest.Open(b)
	log := memory.New()
	fill(b, log, projectionstest.NewLives(1, merchants), b.N)
	c := projections.Config{
		Projections: readModels(), Decoders: decoders(), Log: log, Storage: w.Storage(), BatchMax: batch, Linger: -1,
	}
	if live {
		conn, err := embeddedtest.NATS(b).Connect()
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		publishAll(b, relay.Config{Log: log, Conn: conn, Stream: relay.StreamConfig{Backfill: 1 << 40}}, log)
		c.Live = projections.JetStream{Conn: conn, Lane: 0, Stream: relay.StreamName(0)}
		c.Log = near{log}
	}
	// The session must exist before it is measured.
	if _, err := c.Storage.Progress(b.Context(), 0, []string{"payments", "refunds"}); err != nil {
		b.Fatal(err)
	}
	app, database := ownCPU(b), backendCPU(b, w)
	b.ResetTimer()
	f := projections.NewFollower(c)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go func() { _ = f.Run(ctx) }()
	for f.Reached() < int64(2*b.N) {
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	b.ReportMetric((ownCPU(b)-app).Seconds()*1e6/float64(b.N), "app-µs/auth")
	b.ReportMetric((backendCPU(b, w)-database).Seconds()*1e6/float64(b.N), "pg-µs/auth")
}

// near is a log that never says how far behind one is, so that all is followed live.
type near struct{ *memory.Log }

func (near) Head(context.Context, int) (int64, error) { return 0, nil }

func fill(b *testing.B, log *memory.Log, lives *projectionstest.Lives, n int) {
	b.Helper()
	for filled := 0; filled < n; {
		life := lives.Next()
		if len(life.Steps) != 2 || life.Steps[1][0].Type() != payment.TypeAuthorized {
			continue
		}
		filled++
		for step := range 2 {
			if _, err := log.Append(b.Context(), 0, life.Command(step)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func publishAll(b *testing.B, c relay.Config, log *memory.Log) {
	b.Helper()
	carrying, err := relay.New(c)
	if err != nil {
		b.Fatal(err)
	}
	head, err := log.Head(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = carrying.Run(ctx) }()
	for carrying.Reached() < head {
		time.Sleep(time.Millisecond)
	}
	cancel()
	<-done
}

func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// backendCPU is what the follower's backends have used, in ticks of 10 ms.
func backendCPU(b *testing.B, w *projectionstest.World) (sum time.Duration) {
	b.Helper()
	rows, err := w.Pool.Query(b.Context(), "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'paymint projector'")
	if err != nil {
		b.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		b.Fatal(err)
	}
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			b.Skip("CPU of the backend needs Linux's /proc")
		}
		fields := strings.Fields(string(text)[strings.LastIndex(string(text), ")")+1:])
		var user, system int64
		if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(user+system) * 10 * time.Millisecond
	}
	return sum
}
