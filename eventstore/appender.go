package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore/failpoint"
)

const (
	// awayMax is how long callers wait for a database that cannot be reached before
	// they are told; from then on they are told at once, until it is back.
	awayMax = time.Second

	// distrustFor is how many batches after a refusal take the careful road first.
	distrustFor = 32

	// attemptsMax bounds how often one batch is sent; each reason to send it again
	// (a refusal, a missing partition, a lost connection) may come more than once.
	attemptsMax = 8

	retryMin = 5 * time.Millisecond
	retryMax = 250 * time.Millisecond
)

// unknown says that what was sent may or may not have been written.
func unknown(cause error) error { return fmt.Errorf("%w: %w", ErrUnavailable, cause) }

// appender is the one writer of a lane in this process. It takes whatever waits,
// commits it in one transaction, and takes what has come meanwhile: alone a command
// travels alone, under load batches grow by themselves.
//
//	take ──► fill ──► send ──► settle ──► take …
//	                   │ ▲
//	  connection lost: │ │ the same batch again. What the first sending had written
//	  did it commit?   ▼ │ is refused now, and found by its hash: the caller learns
//	                reconnect   the truth, and nothing is written twice.
type appender struct {
	lane    int
	config  *Config
	connect *pgx.ConnConfig
	queue   *queue
	tails   Tails
	meter   laneMeter
	grow    func() // asks for partitions ahead, does not wait

	session                  *session
	form                     *form
	batch                    []*entry
	distrust                 int
	partition, partitionSize int64 // of the last position seen
	ended                    chan struct{}
	background               sync.WaitGroup // looks for the database while it is away
}

// run serves the lane until the store is closed and all that waited is settled.
func (a *appender) run(ctx context.Context) {
	defer close(a.ended)
	defer a.tails.Close()
	defer func() { a.session.close(ctx) }()
	for {
		a.batch = a.queue.take(a.batch[:0])
		if len(a.batch) > 0 {
			a.commit(ctx, a.batch)
			clear(a.batch)
			continue
		}
		if a.queue.drained() {
			return
		}
		<-a.queue.wake
	}
}

// commit settles each command of batch, one way or another.
func (a *appender) commit(ctx context.Context, batch []*entry) {
	begin := time.Now()
	work := sending{batch: batch, trusting: a.distrust == 0 && len(batch) > 0}
	a.distrust = max(0, a.distrust-1)
	if err := a.send(ctx, &work); err != nil {
		for _, e := range batch {
			e.result = Result{Err: err}
		}
		a.meter.failed(len(batch))
	}
	a.meter.committed(len(batch), time.Since(begin))
	a.queue.finish(batch)
}

// sending is a batch on its way.
type sending struct {
	batch    []*entry
	trusting bool
	doubt    time.Time // when a sending's fate became unknown, or was known and not yet told; zero: never
}

// send tries until the batch is settled or its end is certain enough to tell.
func (a *appender) send(ctx context.Context, work *sending) error {
	var last error
	for range attemptsMax {
		if err := a.reach(ctx, work); err != nil {
			return err
		}
		work.trusting = a.form.fill(a.lane, work.batch) && work.trusting && work.doubt.IsZero()
		a.form.trust(work.trusting)
		failpoint.Hit("log.batch_taken")
		reply, err := a.session.append(ctx, a.form.values[:])
		failpoint.Hit("log.batch_committed")
		if err == nil {
			if err = a.settle(ctx, work, reply); err == nil {
				return nil
			}
			a.doubt(work) // written, and not told to whom: sent again, it finds itself
		}
		var again bool
		if again, last = a.afterFailure(ctx, work, err); !again {
			return last
		}
	}
	return last
}

// afterFailure tells whether the batch is to be sent again, or what to tell the callers.
func (a *appender) afterFailure(ctx context.Context, work *sending, failure error) (again bool, err error) {
	switch cause := judge(failure); {
	case cause == connectionLost:
		a.session.close(ctx)
		a.doubt(work)
		a.config.Log.Warn("lost the connection in a commit, looking after it", "lane", a.lane, "commands", len(work.batch), "error", failure)
		return true, unknown(failure)
	case cause == neverSent, cause == readOnly:
		a.session.close(ctx)
		return true, unknown(failure)
	case cause == lostRace:
		return true, unknown(failure)
	case cause == partitionMissing:
		return true, errors.Join(unknown(failure), a.makePartitions(ctx, work.batch))
	case cause == rowsRefused && work.trusting:
		work.trusting = false
		return true, failure
	case cause == rowsRefused && len(work.batch) > 1:
		a.apart(ctx, work)
		return false, nil
	case cause == rowsRefused:
		return false, fmt.Errorf("append to lane %d: %w", a.lane, failure)
	case cause == lockedOut && !work.doubt.IsZero():
		// Who holds the lane may be the backend of the lost sending, about to commit.
		return time.Since(work.doubt) < a.config.ResolveTimeout, unknown(failure)
	case cause == lockedOut:
		a.config.Log.Warn("somebody holds the lane", "lane", a.lane, "error", failure)
		return false, fmt.Errorf("%w: %w", ErrBusy, failure)
	default:
		a.config.Log.Error("cannot append", "lane", a.lane, "error", failure)
		return false, unknown(failure)
	}
}

// doubt notes that from here on the batch may stand in the log, whatever fails next.
func (a *appender) doubt(work *sending) {
	if work.doubt.IsZero() {
		work.doubt = time.Now()
		a.meter.doubts.Inc()
	}
}

// apart sends each command alone, when the database refuses one of them for a reason
// it cannot name: the others must not suffer for it.
func (a *appender) apart(ctx context.Context, work *sending) {
	var gone error
	for i := range work.batch {
		alone := sending{batch: work.batch[i : i+1], doubt: work.doubt}
		err := gone
		if err == nil {
			err = a.send(ctx, &alone)
		}
		if err != nil {
			alone.batch[0].result = Result{Err: err}
			a.meter.failed(1)
		}
		if errors.Is(err, ErrUnavailable) {
			gone = err // and is not asked for each of the others again
		}
	}
}

// settle turns the reply into results and hands the committed events to the tails.
func (a *appender) settle(ctx context.Context, work *sending, reply verdict) error {
	for _, e := range work.batch {
		e.result = Result{}
	}
	claimed := a.form.refusals(work.batch, reply)
	var earlier Batch
	if len(claimed) > 0 || len(reply.conflicts) > 0 {
		a.distrust = distrustFor
		if err := a.session.bounded(); err != nil {
			return err
		}
		ctx := context.WithoutCancel(ctx)
		if err := a.session.tellClaims(ctx, claimed); err != nil {
			return err
		}
		if !work.doubt.IsZero() {
			var err error
			if earlier, err = a.session.findEarlier(ctx, a.lane, work.batch); err != nil {
				return err
			}
		}
	}
	a.publish(place(a.lane, pending(work.batch), reply.head), earlier)
	a.meter.settled(work.batch)
	return nil
}

// pending leaves out what an earlier sending had written: it has its place already.
func pending(batch []*entry) []*entry {
	for i, e := range batch {
		if e.result.Receipt != (Receipt{}) {
			left := append([]*entry(nil), batch[:i]...)
			for _, e := range batch[i:] {
				if e.result.Receipt == (Receipt{}) {
					left = append(left, e)
				}
			}
			return left
		}
	}
	return batch
}

func (a *appender) publish(committed, earlier Batch) {
	if len(earlier.Events) > 0 {
		committed.Events = append(earlier.Events, committed.Events...)
		committed.Frames = append(earlier.Frames, committed.Frames...)
		committed.byPosition()
	}
	if len(committed.Events) == 0 {
		return
	}
	a.tails.Push(committed)
	last := committed.Events[len(committed.Events)-1].Position
	if partition := last / a.partitionSize; partition != a.partition {
		a.partition = partition
		a.grow()
	}
}

// reach makes sure of a connection. While a batch is in doubt it tries for
// ResolveTimeout; a batch that was never sent is given up after awayMax, and
// everybody behind it, until the database is back.
func (a *appender) reach(ctx context.Context, work *sending) error {
	if a.session.alive() {
		return nil
	}
	begin := time.Now()
	until := begin.Add(awayMax)
	if !work.doubt.IsZero() {
		until = work.doubt.Add(a.config.ResolveTimeout)
	}
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		err := a.dial(ctx, until)
		if err == nil {
			a.queue.resume()
			return nil
		}
		if ctx.Err() != nil || time.Now().Add(wait).After(until) {
			a.away(ctx)
			return unknown(err)
		}
		if time.Since(begin) > awayMax {
			a.queue.stop(unknown(err), true)
		}
		pause(ctx, wait)
	}
}

func (a *appender) dial(ctx context.Context, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	session, err := connect(ctx, a.connect, a.config.AppendTimeout)
	if err != nil {
		return err
	}
	a.session = session
	a.meter.connects.Inc()
	return nil
}

// away refuses commands until the database answers again. It runs beside the lane,
// because the batch at hand must be told now.
func (a *appender) away(ctx context.Context) {
	a.queue.stop(fmt.Errorf("%w: the database cannot be reached", ErrUnavailable), true)
	a.background.Go(func() {
		for wait := retryMin; ctx.Err() == nil; wait = min(2*wait, retryMax) {
			attempt, cancel := context.WithTimeout(ctx, a.config.AppendTimeout)
			session, err := connect(attempt, a.connect, a.config.AppendTimeout)
			cancel()
			if err == nil {
				session.close(ctx)
				a.queue.resume()
				return
			}
			pause(ctx, wait)
		}
	})
}

func (a *appender) makePartitions(ctx context.Context, batch []*entry) error {
	if err := a.session.bounded(); err != nil {
		return err
	}
	events := 0
	var days []time.Time
	for _, e := range batch {
		events += len(e.prepared.Events)
		if e.command.Claim != nil {
			days = append(days, ClaimDay(e.command.Claim.At))
		}
		if e.command.Answer != nil {
			days = append(days, ClaimDay(e.command.Answer.ClaimedAt))
		}
	}
	return a.session.makePartitions(context.WithoutCancel(ctx), a.lane, events, days)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
