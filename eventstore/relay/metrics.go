package relay

import (
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// meter is a relay's metrics. Numbers are whole everywhere but in Prometheus.
type meter struct {
	lag, position                                   number
	stopped, created, conflicts, failures, restarts prometheus.Counter
	published, caughtUp                             tally
}

// number is a gauge of a whole number.
type number struct{ value *atomic.Int64 }

func (n number) set(v int64) { n.value.Store(v) }

// tally is a counter that grows by more than one.
type tally struct{ *atomic.Uint64 }

func newMeter(registry prometheus.Registerer, lane int) *meter {
	labels := prometheus.Labels{"lane": strconv.Itoa(lane)}
	var collectors []prometheus.Collector
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "paymint_relay_" + name, Help: help, ConstLabels: labels})
		collectors = append(collectors, c)
		return c
	}
	gauge := func(name, help string) number {
		n := number{value: &atomic.Int64{}}
		collectors = append(collectors, prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: "paymint_relay_" + name, Help: help, ConstLabels: labels}, func() float64 { return float64(n.value.Load()) }))
		return n
	}
	sum := func(name, help string) tally {
		t := tally{&atomic.Uint64{}}
		collectors = append(collectors, prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "paymint_relay_" + name, Help: help, ConstLabels: labels}, func() float64 { return float64(t.Load()) }))
		return t
	}
	m := &meter{
		lag:       gauge("lag_events", "Events of the lane that are not in the stream, when last looked at."),
		position:  gauge("position", "Position of the stream's last message."),
		stopped:   counter("stopped_total", "Times the relay stopped because the stream was ahead of the log."),
		created:   counter("streams_created_total", "Times the stream was made, at first or after it was wiped."),
		conflicts: counter("conflicts_total", "Batches the stream refused because it stood elsewhere."),
		failures:  counter("failures_total", "Passes that failed and were tried again."),
		restarts:  counter("restarts_total", "Restarts of the NATS server because it did not acknowledge."),
		published: sum("published_total", "Events published and acknowledged."),
		caughtUp:  sum("read_total", "Events read from the log because they were not handed over in memory."),
	}
	if registry != nil {
		registry.MustRegister(collectors...)
	}
	return m
}
