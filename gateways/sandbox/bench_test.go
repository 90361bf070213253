package sandbox_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/gateways/sandbox"
)

// BenchmarkAuthorize reports what one authorization costs: app-µs of CPU in this
// process (callers and ids included), pg-µs in all PostgreSQL processes (Linux).
func BenchmarkAuthorize(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run("callers="+strconv.Itoa(callers), func(b *testing.B) {
			url, pool := database(b)
			gateway := sandbox.New(sandbox.Config{Book: openBook(b, url, pool)})
			measure(b, pool, callers, func() error {
				_, err := gateway.Authorize(b.Context(), authorization("pm_test_visa"))
				return err
			})
		})
	}
	b.Run("memory", func(b *testing.B) {
		gateway, _ := newGateway()
		measure(b, nil, 256, func() error {
			_, err := gateway.Authorize(b.Context(), authorization("pm_test_visa"))
			return err
		})
	})
}

// BenchmarkCapture is of holds that stand already: one locked row and one new one each.
func BenchmarkCapture(b *testing.B) {
	url, pool := database(b)
	gateway := sandbox.New(sandbox.Config{Book: openBook(b, url, pool)})
	holds := make(chan acquirer.Authorize, b.N+1)
	measure(b, nil, 256, func() error {
		a := authorization("pm_test_visa")
		_, err := gateway.Authorize(b.Context(), a)
		holds <- a
		return err
	})
	b.ResetTimer()
	measure(b, pool, 256, func() error {
		_, err := gateway.Capture(b.Context(), captureOf(<-holds, 1001, noon))
		return err
	})
}

func measure(b *testing.B, pool *pgxpool.Pool, callers int, call func() error) {
	b.ReportAllocs()
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	app, server := appCPU(), serverCPU(b, pool)
	do := func() {
		if err := call(); err != nil {
			b.Error(err)
		}
	}
	if callers == 1 {
		for range b.N {
			do()
		}
	} else {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				do()
			}
		})
	}
	b.StopTimer()
	b.ReportMetric(float64((appCPU()-app).Nanoseconds())/1e3/float64(b.N), "app-µs/op")
	b.ReportMetric(float64((serverCPU(b, pool)-server).Nanoseconds())/1e3/float64(b.N), "pg-µs/op")
	b.StartTimer()
}

func appCPU() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// serverCPU adds up what the server's processes have used, to a hundredth of a second.
func serverCPU(b *testing.B, pool *pgxpool.Pool) (sum time.Duration) {
	if pool == nil {
		return 0
	}
	rows, err := pool.Query(b.Context(), `SELECT pid FROM pg_stat_activity`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			b.Fatal(err)
		}
		stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 13 {
			continue
		}
		for _, ticks := range fields[11:13] { // utime, stime
			n, _ := strconv.Atoi(ticks)
			sum += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return sum
}
