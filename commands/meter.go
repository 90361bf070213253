package commands

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	"github.com/paymint/paymint/domain/acquirer"
)

// verb names a command in metrics and traces.
type verb string

const (
	verbAuthorize verb = "authorize"
	verbBatch     verb = "authorize_batch"
	verbCapture   verb = "capture"
	verbCancel    verb = "cancel"
	verbRefund    verb = "refund"
	verbAction    verb = "complete_action"
	verbCorrect   verb = "correct"
	verbExpire    verb = "expire"
	verbInquire   verb = "inquire"
)

// ending is how a command ended, as far as operations care.
type ending string

const (
	endedDone     ending = "done"
	endedDoubt    ending = "in_doubt"
	endedRefused  ending = "refused"
	endedReplayed ending = "replayed"
	endedFailed   ending = "error"
)

// operationInquire is an operation for the meter only: it leads to no intent.
const operationInquire acquirer.Operation = "inquire"

// Alarm is something a person must look at.
type Alarm string

// The alarms of the desk and of the reactions that act through it.
const (
	AlarmAnswerMismatch Alarm = "answer_mismatch" // the acquirer's answer contradicts our intent
	AlarmContradiction  Alarm = "contradiction"   // the acquirer approves what our books closed without
	AlarmUnresolved     Alarm = "unresolved"      // an outcome stays in doubt after six attempts to find it out
	AlarmGatewayBug     Alarm = "gateway_bug"     // an adapter panicked
	AlarmNotRecorded    Alarm = "not_recorded"    // an outcome is known and could not be appended; the inquiry will
)

// meter counts commands, gateway calls and alarms.
type meter struct {
	commands series
	calls    series
	alarms   map[Alarm]prometheus.Counter
	kept     *prometheus.CounterVec
	state    *prometheus.GaugeVec
}

// series remembers the histogram of each set of labels, so that the road neither
// hashes labels nor lists series that never happened.
type series struct {
	vec   *prometheus.HistogramVec
	known sync.Map // [3]string → prometheus.Observer
}

func (s *series) observe(took time.Duration, labels [3]string) {
	observer, known := s.known.Load(labels)
	if !known {
		names := labels[:]
		if labels[2] == "" {
			names = labels[:2]
		}
		observer, _ = s.known.LoadOrStore(labels, s.vec.WithLabelValues(names...))
	}
	if o, is := observer.(prometheus.Observer); is {
		o.Observe(took.Seconds())
	}
}

func newMeter(registerer prometheus.Registerer) *meter {
	latency := prometheus.ExponentialBuckets(time.Millisecond.Seconds()/4, 2, 15) // 0.25 ms … 4 s
	m := &meter{
		alarms: map[Alarm]prometheus.Counter{},
		kept:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "paymint_gateway_calls_kept_total", Help: "Calls the circuit breaker kept back."}, []string{"gateway"}),
		state:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "paymint_gateway_breaker_state", Help: "Circuit breaker: 0 closed, 1 half-open, 2 open."}, []string{"gateway"}),
	}
	m.commands.vec = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "paymint_command_seconds", Help: "How long commands took, by command and by how they ended.", Buckets: latency,
	}, []string{"command", "ended"})
	m.calls.vec = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "paymint_gateway_call_seconds", Help: "How long acquirers took, by gateway, operation and their answer.", Buckets: latency,
	}, []string{"gateway", "operation", "answer"})
	alarms := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "paymint_alarms_total", Help: "What a person must look at, by kind."}, []string{"alarm"})
	for _, a := range []Alarm{AlarmAnswerMismatch, AlarmContradiction, AlarmUnresolved, AlarmGatewayBug, AlarmNotRecorded} {
		m.alarms[a] = alarms.WithLabelValues(string(a))
	}
	if registerer != nil {
		registerer.MustRegister(m.commands.vec, m.calls.vec, alarms, m.kept, m.state)
	}
	return m
}

func (m *meter) command(v verb, how ending, took time.Duration) {
	m.commands.observe(took, [3]string{string(v), string(how)})
}

// call measures one call to an acquirer by what came of it.
func (m *meter) call(gateway string, op acquirer.Operation, took time.Duration, outcome acquirer.Outcome, err error) {
	answer := string(outcome)
	switch {
	case err == nil:
	case errors.Is(err, acquirer.ErrNotSent):
		answer = "not_sent"
	case errors.Is(err, context.DeadlineExceeded):
		answer = "timeout"
	default:
		answer = "error"
	}
	m.calls.observe(took, [3]string{gateway, string(op), answer})
}

func (m *meter) breaker(gateway string, to gobreaker.State) {
	gauge := m.state.WithLabelValues(gateway)
	switch to {
	case gobreaker.StateClosed:
		gauge.Set(0)
	case gobreaker.StateHalfOpen:
		gauge.Set(1)
	case gobreaker.StateOpen:
		gauge.Set(2)
	}
}
