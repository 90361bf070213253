package projections

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/paymint/paymint/eventstore"
)

// Log is what a Follower reads of the event store.
type Log interface {
	Streams
	ReadLog(ctx context.Context, lane int, after int64, limit int) ([]eventstore.Event, error)
	Head(ctx context.Context, lane int) (int64, error)
}

// Live hands over a lane's events as they are published, in order. It may lose some
// or begin anywhere: positions tell, and the log has them all.
type Live interface {
	// Next waits for events and returns at most limit of them. The error is the
	// context's, or says that nothing more will come.
	Next(ctx context.Context, limit int) ([]eventstore.Event, error)
	Close()
}

// LiveSource opens Live behind a position.
type LiveSource interface {
	Open(ctx context.Context, after int64) (Live, error)
}

const (
	// batchMax bounds one transaction: everybody who waits for a position waits for it.
	batchMax = 4096
	// farBehind is from where on reading the log is cheaper than being handed events
	// one by one.
	farBehind = 8192
	// linger is how long a batch collects under load, so that a payment's intent and
	// outcome become one row write. Nobody alone ever waits for it.
	linger = 40 * time.Millisecond
	// lingerAlone is the part of linger that a lone event waits for its outcome: an
	// authorization is then one batch and not two, off the command's own way.
	lingerAlone = 10
	// busyFrom is how many events in the last batch mean load.
	busyFrom = 16
	// idlePoll is how often the log is asked whether the live source tells everything;
	// distrustPoll how often while it does not.
	idlePoll     = time.Second
	distrustPoll = 40 * time.Millisecond
	// reopenEvery bounds how often a live source that is down is tried again.
	reopenEvery = time.Second
	// backoffMax bounds the wait after a failed pass; the first one is a hundredth.
	backoffMax = 2 * time.Second
)

// Config is what a Follower is made of. Log, Storage, Decoders and Projections are
// needed; the zero value of everything else works.
type Config struct {
	Name        string // of the follower in metrics and logs; "projector" when empty
	Lane        int
	Projections []Projection
	Decoders    Decoders
	Log         Log
	Storage     Storage
	Live        LiveSource // nil: the log is polled

	BatchMax int           // events in one transaction; 4096 when zero
	Linger   time.Duration // under load; 40 ms when zero, none when negative

	Now     func() time.Time // for the lag in seconds
	Logger  *slog.Logger
	Metrics prometheus.Registerer
	Tracer  trace.TracerProvider
	// Appenders names the spans that appended the events of a lane behind a position and
	// up to another, as far as they are known; nil: none are.
	Appenders func(lane int, after, upTo int64) []trace.Link
}

// Follower keeps a lane's projections up to date. Run may run in any number of
// processes at once: checkpoints decide whose batch counts.
type Follower struct {
	Config
	tracer trace.Tracer
	meter  *meter
	waits  waits

	members []*member
	live    Live
	reopen  time.Time // not before
	// distrust: the log had events the live source did not hand over.
	distrust bool
	busy     bool
	pending  []eventstore.Event // handed over and not folded yet
	head     int64              // of the lane, as last seen
}

// member is a projection with its place in the log.
type member struct {
	Projection
	Progress
	stage  Stage
	parked map[uuid.UUID]Parked
	halted error // why a projection over many streams does not go on
}

// NewFollower registers the follower's metrics and reads nothing yet.
func NewFollower(c Config) *Follower {
	if c.Name == "" {
		c.Name = "projector"
	}
	if c.BatchMax == 0 {
		c.BatchMax = batchMax
	}
	if c.Linger == 0 {
		c.Linger = linger
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Tracer == nil {
		c.Tracer = noop.NewTracerProvider()
	}
	c.Logger = c.Logger.With("follower", c.Name, "lane", c.Lane)
	return &Follower{Config: c, tracer: c.Tracer.Tracer("paymint/projections"), meter: newMeter(c.Metrics, c.Name, c.Lane)}
}

// Run follows until ctx ends and returns nil then. Trouble (a database that is away)
// is logged and tried again; nothing is lost meanwhile.
func (f *Follower) Run(ctx context.Context) error {
	defer f.closeLive()
	failures := 0
	for ctx.Err() == nil {
		err := f.pass(ctx)
		if err == nil || ctx.Err() != nil {
			failures = 0
			continue
		}
		failures++
		f.members = nil // what was folded in memory may not be what is in the tables
		if errors.Is(err, ErrOvertaken) {
			f.meter.overtaken.Inc()
			f.pause(ctx, distrustPoll)
			continue
		}
		f.meter.failures.Inc()
		f.Logger.Error("projections: a batch failed and will be tried again", "error", err, "failures", failures)
		f.pause(ctx, min(backoffMax, time.Duration(failures)*backoffMax/100))
	}
	return nil
}

func (f *Follower) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pass folds one batch: of the projection that is furthest behind if any is behind
// the others, else what the live source hands over or the log has. It returns
// without having folded anything when nothing happened for a while.
func (f *Follower) pass(ctx context.Context) error {
	if f.members == nil {
		if err := f.begin(ctx); err != nil {
			return err
		}
	}
	leaders, laggards := f.cohorts()
	if len(leaders) == 0 {
		f.pause(ctx, idlePoll) // everything is halted; a mended binary starts anew
		return nil
	}
	if len(laggards) > 0 {
		if err := f.catchUp(ctx, laggards, leaders[0].Position); err != nil {
			return err
		}
	}
	events, err := f.collect(ctx, leaders[0].Position, len(laggards) > 0)
	if err != nil || len(events) == 0 {
		return err
	}
	return f.apply(ctx, leaders, events)
}

// begin reads where everything stands and lets parked streams try again: this may
// be the mended binary.
func (f *Follower) begin(ctx context.Context) error {
	names := make([]string, len(f.Projections))
	for i, projection := range f.Projections {
		names[i] = projection.Name()
	}
	progress, err := f.Storage.Progress(ctx, f.Lane, names)
	if err != nil {
		return err
	}
	parked, err := f.Storage.Parked(ctx, f.Lane, parkedMax)
	if err != nil {
		return err
	}
	furthest := int64(0)
	for _, at := range progress {
		furthest = max(furthest, at.Position)
	}
	if err := f.look(ctx, furthest); err != nil { // the head is read last: a checkpoint set meanwhile is not ahead
		return err
	}
	members := make([]*member, len(f.Projections))
	for i, projection := range f.Projections {
		m := &member{Projection: projection, Progress: progress[i], stage: projection.Open(progress[i].Version), parked: map[uuid.UUID]Parked{}}
		for _, p := range parked {
			if p.Projection == m.Progress.Name && p.Version == m.Version {
				m.parked[p.Stream] = p
			}
		}
		members[i] = m
	}
	f.members = members
	f.pending = f.pending[:0]
	f.meter.parked.Set(float64(len(parked)))
	f.arrived()
	return f.retryParked(ctx)
}

// cohorts are the projections that are furthest ahead and those furthest behind (nil
// when all stand together). The halted ones are neither.
func (f *Follower) cohorts() (leaders, laggards []*member) {
	first, last := int64(-1), int64(-1)
	for _, m := range f.members {
		if m.halted != nil {
			continue
		}
		first = max(first, m.Position)
		if last < 0 || m.Position < last {
			last = m.Position
		}
	}
	for _, m := range f.members {
		switch {
		case m.halted != nil:
		case m.Position == first:
			leaders = append(leaders, m)
		case m.Position == last:
			laggards = append(laggards, m)
		}
	}
	return leaders, laggards
}

// catchUp folds one batch of the log for projections behind the others, up to where
// the next ones stand, so that they join those.
func (f *Follower) catchUp(ctx context.Context, laggards []*member, upTo int64) error {
	for _, m := range f.members {
		if m.halted == nil && m.Position > laggards[0].Position {
			upTo = min(upTo, m.Position)
		}
	}
	from := laggards[0].Position
	events, err := f.readLog(ctx, from, int(min(int64(f.BatchMax), upTo-from)))
	if err != nil || len(events) == 0 {
		return err
	}
	return f.apply(ctx, laggards, events)
}

func (f *Follower) readLog(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	events, err := f.Log.ReadLog(ctx, f.Lane, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the log of lane %d after %d: %w", f.Lane, after, err)
	}
	if len(events) > 0 && events[0].Position != after+1 {
		return nil, fmt.Errorf("the log of lane %d goes on at %d after %d: positions have no holes", f.Lane, events[0].Position, after)
	}
	return events, nil
}
