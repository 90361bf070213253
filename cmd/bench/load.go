package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// load is one way of offering requests: closed loop (Rate 0: every caller sends
// its next request when it has its answer) or open loop (Rate per second, sent
// when due whether or not earlier ones are answered, as the world does).
type load struct {
	Callers  int
	Rate     int
	Duration time.Duration
	Count    int64 // stop after so many requests; 0: by Duration alone
}

// exercise makes caller n's requests. It returns the request's bytes, valid
// until its next call, and is told the answer.
type exercise interface {
	request() []byte
	accept(response) error
}

// measured is what a load found.
type measured struct {
	Accepted, Failed int64
	Elapsed          time.Duration
	Latency          *hdrhistogram.Histogram // microseconds
	FirstFailure     string
}

func (m measured) perSecond() float64 { return float64(m.Accepted) / m.Elapsed.Seconds() }

func (m measured) at(percentile float64) time.Duration {
	return time.Duration(m.Latency.ValueAtPercentile(percentile)) * time.Microsecond
}

const (
	latencyMax     = 60_000_000 // µs
	latencyFigures = 3
)

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, latencyMax, latencyFigures)
}

// run offers the load to address. An open loop's latency counts from the moment
// the request was due, so a stalled server cannot hide its queue.
func run(ctx context.Context, address string, l load, newExercise func(caller int) exercise) (measured, error) {
	ctx, stop := context.WithTimeout(ctx, l.Duration)
	defer stop()
	callers := make([]*caller, l.Callers)
	defer func() {
		for _, c := range callers {
			if c != nil {
				c.connection.close()
			}
		}
	}()
	for i := range callers {
		c, err := dial(address)
		if err != nil {
			return measured{}, err
		}
		callers[i] = &caller{connection: c, exercise: newExercise(i), latency: newHistogram()}
	}
	schedule := &schedule{start: time.Now(), rate: l.Rate, count: l.Count}
	var done sync.WaitGroup
	for _, c := range callers {
		done.Go(func() { c.run(ctx, schedule) })
	}
	done.Wait()
	return merge(callers, time.Since(schedule.start)), nil
}

// schedule hands out tickets: request i is due at start + i/rate.
type schedule struct {
	start time.Time
	rate  int
	count int64
	next  atomic.Int64
}

func (s *schedule) ticket() (due time.Time, ok bool) {
	n := s.next.Add(1) - 1
	if s.count > 0 && n >= s.count {
		return time.Time{}, false
	}
	if s.rate == 0 {
		return time.Time{}, true
	}
	return s.start.Add(time.Duration(n) * time.Second / time.Duration(s.rate)), true
}

type caller struct {
	connection       *connection
	exercise         exercise
	latency          *hdrhistogram.Histogram
	accepted, failed int64
	firstFailure     string
}

func (c *caller) run(ctx context.Context, s *schedule) {
	for {
		due, ok := s.ticket()
		if !ok {
			return
		}
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil {
			return
		}
		if due.IsZero() {
			due = time.Now()
		}
		c.once(due)
	}
}

func (c *caller) once(due time.Time) {
	answer, err := c.connection.exchange(c.exercise.request())
	if err == nil {
		err = c.exercise.accept(answer)
	} else if again := c.connection.reconnect(); again != nil {
		time.Sleep(10 * time.Millisecond) // the server is away; do not spin on its absence
	}
	if err != nil {
		c.failed++
		if c.firstFailure == "" {
			c.firstFailure = err.Error()
		}
		return
	}
	c.accepted++
	_ = c.latency.RecordValue(min(latencyMax, max(1, time.Since(due).Microseconds())))
}

func merge(callers []*caller, elapsed time.Duration) measured {
	m := measured{Elapsed: elapsed, Latency: newHistogram()}
	for _, c := range callers {
		m.Accepted += c.accepted
		m.Failed += c.failed
		m.Latency.Merge(c.latency)
		if m.FirstFailure == "" {
			m.FirstFailure = c.firstFailure
		}
	}
	return m
}

// wrongStatus is the error of an answer that was not the expected one.
func wrongStatus(answer response) error {
	return fmt.Errorf("status %d: %.200s", answer.status, answer.body)
}
