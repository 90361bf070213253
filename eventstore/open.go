package eventstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// PartitionSize is how many positions a partition of events holds, 2^24: some
// twenty gigabytes, ten minutes of a lane at its fastest.
const PartitionSize = 1 << 24

// Config says how a Store works. The zero value of each field but Pool is good.
type Config struct {
	// Pool serves the reads. Its sessions need the rights of RoleApp, RoleProjector or
	// RoleAuditor, whatever is read.
	Pool *pgxpool.Pool
	// URL is where appenders connect on their own, one connection for each lane,
	// straight to PostgreSQL and not through a pooler. Empty when Lanes is.
	URL string
	// Lanes that this process appends to; none: the store only reads.
	Lanes []int
	// Role that the appenders take; RoleApp. Their user must be a member of it.
	Role string

	QueueMax       int           // commands that may wait for a lane; beyond it ErrBusy. 4096
	AppendTimeout  time.Duration // for one batch in PostgreSQL, half of it for the lane's lock. 4 s
	ResolveTimeout time.Duration // how long a commit of unknown result is looked after. 10 s
	PartitionSize  int64         // of lanes that are made; PartitionSize. An existing lane keeps its own

	Now     func() time.Time      // time.Now
	Metrics prometheus.Registerer // nil: nowhere
	Log     *slog.Logger          // nil: nowhere
}

func (c Config) withDefaults() Config {
	c.Role = cmp.Or(c.Role, RoleApp)
	c.QueueMax = cmp.Or(c.QueueMax, 4096)
	c.AppendTimeout = cmp.Or(c.AppendTimeout, 4*time.Second)
	c.ResolveTimeout = cmp.Or(c.ResolveTimeout, 10*time.Second)
	c.PartitionSize = cmp.Or(c.PartitionSize, PartitionSize)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Store is the log in PostgreSQL. Make it with Open and end it with Close. All of
// its methods may be called from many goroutines; any number of Stores, in any
// number of processes, may share a database and its lanes.
type Store struct {
	config    Config
	appenders map[int]*appender
	lanes     laneCache
	grow      chan struct{}
	cancel    context.CancelFunc
	upkeep    sync.WaitGroup
}

// Open makes the lanes and partitions that are missing, then starts one appender for
// each lane and the upkeep of partitions. The context bounds Open alone.
func Open(ctx context.Context, config Config) (*Store, error) {
	config = config.withDefaults()
	s := &Store{config: config, appenders: map[int]*appender{}, grow: make(chan struct{}, 1)}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	if len(config.Lanes) == 0 {
		return s, nil
	}
	if err := s.openLanes(ctx); err != nil {
		cancel()
		return nil, fmt.Errorf("open the event store: %w", err)
	}
	for _, a := range s.appenders {
		go a.run(running)
	}
	s.upkeep.Go(func() { s.runUpkeep(running) })
	return s, nil
}

func (s *Store) openLanes(ctx context.Context) error {
	connection, err := sessionConfig(&s.config)
	if err != nil {
		return err
	}
	meter, err := newMeter(s.config.Metrics)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, connection)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, lane := range s.config.Lanes {
		if lane < 0 || lane > laneMax || s.appenders[lane] != nil {
			return fmt.Errorf("lane %d is named twice or out of range", lane)
		}
		a := &appender{
			lane: lane, config: &s.config, connect: connection, queue: newQueue(s.config.QueueMax), form: newForm(),
			grow: s.wakeUpkeep, ended: make(chan struct{}),
		}
		if a.meter, err = meter.lane(lane, s.config.Metrics, a.queue.depth); err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "SELECT public.open_lane($1, $2)", lane, s.config.PartitionSize); err != nil {
			return fmt.Errorf("lane %d: %w", lane, err)
		}
		if err := conn.QueryRow(ctx, "SELECT partition_size, position / partition_size FROM public.lanes WHERE lane = $1", lane).Scan(&a.partitionSize, &a.partition); err != nil {
			return fmt.Errorf("lane %d: %w", lane, err)
		}
		s.appenders[lane] = a
	}
	return s.maintain(ctx, conn)
}

// Close takes no further commands, settles those that wait, and returns when the
// context ends at the latest. The Pool is its owner's to close.
func (s *Store) Close(ctx context.Context) error {
	defer s.cancel()
	for _, a := range s.appenders {
		a.queue.stop(ErrClosed, false)
	}
	for _, a := range s.appenders {
		select {
		case <-a.ended:
		case <-ctx.Done():
			return fmt.Errorf("close the event store: lane %d has commands under way: %w", a.lane, ctx.Err())
		}
	}
	s.cancel()
	for _, a := range s.appenders {
		a.background.Wait()
	}
	s.upkeep.Wait()
	return nil
}

// Append does c or refuses it whole, and returns when it is durable. Errors: ErrBusy,
// ErrClosed, ErrNoLane, ErrMalformed, *ConflictError, *ClaimedError: nothing was
// written. ErrUnavailable: not known. When the context ends first the error wraps its
// cause; if it wraps ErrUnavailable too, c was on its way and may still be written.
func (s *Store) Append(ctx context.Context, lane int, c Command) (Receipt, error) {
	one := [1]Command{c}
	result := s.AppendAll(ctx, lane, one[:])[0]
	return result.Receipt, result.Err
}

// AppendAll does up to BatchMax independent commands and gives each one's result, in
// order. They share batches, not fate. Their events come in order too, but a command
// that must wait for another on its stream or key lets the others pass.
func (s *Store) AppendAll(ctx context.Context, lane int, cs []Command) []Result {
	a := s.appenders[lane]
	switch {
	case a == nil:
		return all(len(cs), ErrNoLane)
	case len(cs) > BatchMax:
		return all(len(cs), fmt.Errorf("%w: %d commands at once, at most %d", ErrMalformed, len(cs), BatchMax))
	case ctx.Err() != nil:
		return all(len(cs), ctx.Err())
	}
	sub := newSubmission(cs)
	if sub.left == 0 {
		return sub.results()
	}
	if err := a.queue.add(sub); err != nil {
		if errors.Is(err, ErrBusy) {
			a.meter.busy.Inc()
		}
		sub.refuse(err)
		return sub.results()
	}
	select {
	case <-sub.ended:
		return sub.results()
	case <-ctx.Done():
		return a.queue.leave(sub, ctx.Err())
	}
}

// Tail follows what this process commits to a lane from now on. Of a lane that is
// not open here it ends at once.
func (s *Store) Tail(lane int) *Tail {
	if a := s.appenders[lane]; a != nil {
		return a.tails.Open()
	}
	var none Tails
	none.Close()
	return none.Open()
}

func all(n int, err error) []Result {
	results := make([]Result, n)
	for i := range results {
		results[i].Err = err
	}
	return results
}

func newSubmission(cs []Command) *submission {
	s := &submission{entries: make([]entry, len(cs)), ended: make(chan struct{})}
	for i := range cs {
		e := &s.entries[i]
		e.of, e.command = s, &cs[i]
		if e.prepared, e.result.Err = cs[i].Prepare(); e.result.Err != nil {
			e.stage = done
		} else {
			s.left++
		}
	}
	return s
}

func (s *submission) refuse(err error) {
	for i := range s.entries {
		if e := &s.entries[i]; e.stage == waiting {
			e.result.Err = err
		}
	}
}

func (s *submission) results() []Result {
	results := make([]Result, len(s.entries))
	for i := range s.entries {
		results[i] = s.entries[i].result
	}
	return results
}
