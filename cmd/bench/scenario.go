package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// row is one line of the report.
type row struct {
	Name         string        `json:"name"`
	Offered      string        `json:"offered"`
	Accepted     int64         `json:"accepted"`
	Failed       int64         `json:"failed"`
	PerSecond    float64       `json:"per_second"`
	P50          time.Duration `json:"p50_ns"`
	P95          time.Duration `json:"p95_ns"`
	P99          time.Duration `json:"p99_ns"`
	VisibleP50   time.Duration `json:"visible_p50_ns"`
	VisibleP99   time.Duration `json:"visible_p99_ns"`
	AppMicros    float64       `json:"app_cpu_us"` // CPU per accepted request
	DBMicros     float64       `json:"postgres_cpu_us"`
	LoadMicros   float64       `json:"generator_cpu_us"`
	Busy         float64       `json:"busy_percent"` // of all cores, all three together
	Resident     int64         `json:"app_resident_bytes"`
	BatchMean    float64       `json:"append_batch_mean"`
	DiskPer      float64       `json:"disk_bytes_each"`
	FirstFailure string        `json:"first_failure,omitempty"`
}

// bench runs scenarios against one server and collects rows.
type bench struct {
	server   *server
	seconds  int // of a closed-loop run
	open     int // of an open-loop run
	progress io.Writer
	rows     []row
	known    []string // ids of payments made so far, for reads
}

// scenario is one offered load with the exercise its callers do.
type scenario struct {
	name    string
	load    load
	each    func(caller int) exercise
	visible bool // probe commit → visible beside it
	weight  float64
}

func (b *bench) run(ctx context.Context, s scenario) error {
	fmt.Fprintf(b.progress, "%-28s %-16s ", s.name, s.load.offered())
	before, err := b.sample()
	if err != nil {
		return err
	}
	probeCtx, stopProbe := context.WithTimeout(ctx, s.load.Duration)
	defer stopProbe()
	visible := make(chan error, 1)
	r := row{Name: s.name, Offered: s.load.offered()}
	if s.visible {
		go func() {
			latency, err := probeVisibility(probeCtx, b.server)
			if err == nil {
				r.VisibleP50 = time.Duration(latency.ValueAtPercentile(50)) * time.Microsecond
				r.VisibleP99 = time.Duration(latency.ValueAtPercentile(99)) * time.Microsecond
			}
			visible <- err
		}()
	}
	m, err := run(ctx, b.server.Address, s.load, s.each)
	if err != nil {
		return err
	}
	if stopProbe(); s.visible {
		if err := <-visible; err != nil {
			return err
		}
	}
	after, err := b.sample()
	if err != nil {
		return err
	}
	r.fill(m, before, after, max(1, s.weight))
	b.rows = append(b.rows, r)
	fmt.Fprintf(b.progress, "%9.0f/s  p50 %-9s p99 %-9s failed %d %s\n", r.PerSecond, r.P50, r.P99, r.Failed, r.FirstFailure)
	return nil
}

func (l load) offered() string {
	if l.Rate > 0 {
		return fmt.Sprintf("open, %d/s", l.Rate)
	}
	return fmt.Sprintf("%d callers", l.Callers)
}

// sample is everything that is counted before and after a scenario.
type sample struct {
	usage   usage
	batches float64 // append batches so far
	batched float64 // commands in them
}

func (b *bench) sample() (sample, error) {
	metrics, err := b.server.metrics()
	if err != nil {
		return sample{}, fmt.Errorf("read metrics: %w", err)
	}
	s := sample{usage: b.server.usage()}
	for name, value := range metrics {
		switch name, _, _ := strings.Cut(name, "{"); name {
		case "paymint_log_batch_commands_count":
			s.batches += value
		case "paymint_log_batch_commands_sum":
			s.batched += value
		}
	}
	return s, nil
}

// fill computes the row; weight is how many payments one request makes.
func (r *row) fill(m measured, before, after sample, weight float64) {
	spent := after.usage.minus(before.usage)
	each := func(d time.Duration) float64 {
		return float64(d.Microseconds()) / max(1, float64(m.Accepted)*weight)
	}
	r.Accepted, r.Failed, r.FirstFailure = int64(float64(m.Accepted)*weight), m.Failed, m.FirstFailure
	r.PerSecond = m.perSecond() * weight
	r.P50, r.P95, r.P99 = m.at(50), m.at(95), m.at(99)
	r.AppMicros, r.DBMicros, r.LoadMicros = each(spent.App), each(spent.Postgres), each(spent.Generator)
	r.Busy = 100 * (spent.App + spent.Postgres + spent.Generator).Seconds() / m.Elapsed.Seconds() / cores
	r.Resident = after.usage.AppResident
	r.DiskPer = float64(spent.Disk) / max(1, float64(m.Accepted)*weight)
	if after.batches > before.batches {
		r.BatchMean = (after.batched - before.batched) / (after.batches - before.batches)
	}
}

// authorizations is a scenario of POST /v1/payments.
func (b *bench) authorizations(name string, l load, secrets ...string) scenario {
	if len(secrets) == 0 {
		secrets = []string{b.server.Secret}
	}
	return scenario{name: name, load: l, visible: true, each: func(caller int) exercise {
		return newAuthorize(b.server.Address, secrets, caller+rand.IntN(1<<30), nil) //nolint:gosec // load, not secrets
	}}
}
