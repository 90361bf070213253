package projections

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meter is a follower's metrics: how far behind, how full the batches, what stands.
type meter struct {
	lag, lagSeconds, position, parked, halted prometheus.Gauge
	events, holes, overtaken, failures        prometheus.Counter
	size, duration                            prometheus.Histogram
}

func newMeter(registry prometheus.Registerer, follower string, lane int) *meter {
	labels := prometheus.Labels{"follower": follower, "lane": strconv.Itoa(lane)}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "paymint_projection_" + name, Help: help, ConstLabels: labels})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "paymint_projection_" + name, Help: help, ConstLabels: labels})
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "paymint_projection_" + name, Help: help, ConstLabels: labels, Buckets: buckets})
	}
	m := &meter{
		lag:        gauge("lag_events", "Events of the lane that are not folded yet, when last looked at."),
		lagSeconds: gauge("lag_seconds", "Age of the newest folded event when its batch was committed."),
		position:   gauge("position", "Position up to which all is folded."),
		parked:     gauge("parked", "Streams that wait for a mended binary, once for each projection."),
		halted:     gauge("halted", "Projections over many streams that stand still before an event they cannot fold."),
		events:     counter("events_total", "Events folded."),
		holes:      counter("holes_total", "Holes in the live source that were read from the log."),
		overtaken:  counter("overtaken_total", "Batches given up because another follower had been there."),
		failures:   counter("failures_total", "Batches that failed and were tried again."),
		size:       histogram("batch_events", "Events in a batch.", prometheus.ExponentialBuckets(1, 4, 8)),
		duration:   histogram("batch_seconds", "Time from the first decode of a batch to its commit.", prometheus.ExponentialBuckets(0.0005, 2, 12)),
	}
	if registry != nil {
		registry.MustRegister(m.lag, m.lagSeconds, m.position, m.parked, m.halted, m.events, m.holes, m.overtaken, m.failures, m.size, m.duration)
	}
	return m
}

func (m *meter) batch(events int, took time.Duration) {
	m.events.Add(float64(events))
	m.size.Observe(float64(events))
	m.duration.Observe(took.Seconds())
}

func (f *Follower) measureLag(position int64) {
	f.meter.position.Set(float64(position))
	f.meter.lag.Set(float64(max(0, f.head-position)))
	if f.head <= position {
		f.meter.lagSeconds.Set(0)
	}
}
