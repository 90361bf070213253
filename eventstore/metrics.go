package eventstore

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meter is what the log tells about itself. Each figure carries the lane.
type meter struct {
	batches  *prometheus.HistogramVec
	seconds  *prometheus.HistogramVec
	results  *prometheus.CounterVec
	sessions *prometheus.CounterVec
	doubts   *prometheus.CounterVec
}

// laneMeter is a meter's figures for one lane, looked up once.
type laneMeter struct {
	batch, seconds                      prometheus.Observer
	appended, conflicts, claimed, other prometheus.Counter
	busy, connects, doubts              prometheus.Counter
}

func newMeter(registry prometheus.Registerer) (*meter, error) {
	lane := []string{"lane"}
	m := &meter{
		batches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "paymint_log_batch_commands", Help: "Commands in one batch: one transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}, lane),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "paymint_log_batch_seconds", Help: "Time from taking a batch to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 15),
		}, lane),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paymint_log_commands_total", Help: "Commands by result: appended, conflict, claimed, busy, failed.",
		}, []string{"lane", "result"}),
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paymint_log_connects_total", Help: "Connections the appender made; more than one is a reconnect.",
		}, lane),
		doubts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "paymint_log_doubts_total", Help: "Batches of which it was not known for a while whether they were committed.",
		}, lane),
	}
	if registry == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.batches, m.seconds, m.results, m.sessions, m.doubts} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// lane gives the figures of one lane, and registers how many of its commands wait.
func (m *meter) lane(n int, registry prometheus.Registerer, depth func() int) (laneMeter, error) {
	name := strconv.Itoa(n)
	if registry != nil {
		gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "paymint_log_waiting_commands", Help: "Commands that wait for the next batch.",
			ConstLabels: prometheus.Labels{"lane": name},
		}, func() float64 { return float64(depth()) })
		if err := registry.Register(gauge); err != nil {
			return laneMeter{}, err
		}
	}
	return laneMeter{
		batch: m.batches.WithLabelValues(name), seconds: m.seconds.WithLabelValues(name),
		appended: m.results.WithLabelValues(name, "appended"), conflicts: m.results.WithLabelValues(name, "conflict"),
		claimed: m.results.WithLabelValues(name, "claimed"), other: m.results.WithLabelValues(name, "failed"),
		busy: m.results.WithLabelValues(name, "busy"), connects: m.sessions.WithLabelValues(name), doubts: m.doubts.WithLabelValues(name),
	}, nil
}

func (m *laneMeter) committed(commands int, took time.Duration) {
	m.batch.Observe(float64(commands))
	m.seconds.Observe(took.Seconds())
}

// failed counts commands whose batch was given up, told why or left in doubt.
func (m *laneMeter) failed(commands int) { m.other.Add(float64(commands)) }

func (m *laneMeter) settled(batch []*entry) {
	appended := 0
	for _, e := range batch {
		switch e.result.Err.(type) { //nolint:errorlint // made by this package, not wrapped yet
		case nil:
			appended++
		case *ConflictError:
			m.conflicts.Inc()
		case *ClaimedError:
			m.claimed.Inc()
		default:
			m.other.Inc()
		}
	}
	m.appended.Add(float64(appended))
}
