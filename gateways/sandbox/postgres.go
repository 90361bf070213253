package sandbox

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
)

// role is whose rights the writer has, whoever it logged in as.
const role = "paymint_app"

// Limits of the book's writer.
const (
	// batchMax bounds a batch: everybody in it waits for its commit.
	batchMax = 512
	// queueMax bounds who waits; above it a request is not sent at all.
	queueMax = 8192
)

var (
	errQueueFull = errors.New("the book's queue is full")
	errClosed    = errors.New("the book is closed")
)

// PostgresConfig is what a Postgres book needs.
type PostgresConfig struct {
	// URL is of the writer's own session, which must not pass through a pooler in
	// transaction mode. It must lead to the database that holds our events (see Postgres),
	// as a user that is paymint_app or a member of it.
	URL string
	// Pool serves inquiries and statements.
	Pool *pgxpool.Pool
}

// Postgres is a Book and a Statement in the table sandbox_book. One goroutine on a
// connection of its own takes what waits, without a timer, and writes it in one
// transaction; the next batch forms meanwhile.
//
//	Enter ──► queue ──► writer ─┬─ plain authorizations: one INSERT, nothing is read
//	                            └─ the rest: lock the holds, judge by the rules, write
//
// The writer's session commits with synchronous_commit off: its commits are not
// flushed by themselves. That loses nothing that matters, because the book shares
// the write-ahead log with our events and PostgreSQL replays it in order. Whoever
// acts on an answer of the book commits afterwards, and that commit's flush takes
// all earlier records with it. A power cut can only forget an entry whose answer
// nobody recorded: then the intent is in doubt, as if the request had been lost on
// its way, which is what the in-doubt protocol is for.
type Postgres struct {
	PostgresStatement
	config   *pgx.ConnConfig
	tasks    sync.Pool
	mu       sync.Mutex
	queue    []*task
	closed   bool
	wake     chan struct{} // holds one token when the queue is not empty, or closed
	finished chan struct{}
}

// task is one request on its way through the writer.
type task struct {
	entry  Entry // in: the request; out: the entry as it stands
	settle bool  // instead of entering: let what is due by entry.At come true
	err    error
	state  atomic.Int32
	done   chan struct{}
}

// A task is waiting until the writer takes it or its caller gives it up, whichever
// is first: a request that was given up in the queue was certainly not sent.
const (
	taskWaiting int32 = iota
	taskTaken
	taskGivenUp
)

// OpenPostgres connects the writer and starts it. Close the book before the pool.
func OpenPostgres(ctx context.Context, c PostgresConfig) (*Postgres, error) {
	config, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("sandbox book: parse its database URL: %w", err)
	}
	config.RuntimeParams["role"] = role
	config.RuntimeParams["application_name"] = "paymint sandbox book"
	p := &Postgres{
		PostgresStatement: OpenStatement(c.Pool), config: config, wake: make(chan struct{}, 1), finished: make(chan struct{}),
		tasks: sync.Pool{New: func() any { return &task{done: make(chan struct{}, 1)} }},
	}
	w := &writer{config: config}
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	go p.run(context.WithoutCancel(ctx), w)
	return p, nil
}

// Close lets the writer finish what waits, then ends it.
func (p *Postgres) Close() {
	p.mu.Lock()
	p.closed = true
	p.signal()
	p.mu.Unlock()
	<-p.finished
}

// Enter implements Book. It returns after the commit, or when ctx ends.
func (p *Postgres) Enter(ctx context.Context, request Entry) (Entry, error) {
	t, _ := p.tasks.Get().(*task) //nolint:errcheck // the pool holds nothing else
	t.entry, t.settle, t.err = request, false, nil
	return p.submit(ctx, t)
}

// Find implements Book. Only what has come due for the entry needs the writer.
func (p *Postgres) Find(ctx context.Context, reference id.Reference, at time.Time) (Entry, bool, error) {
	rows, err := p.pool.Query(ctx, selectEntry, reference.UUID())
	if err != nil {
		return Entry{}, false, fmt.Errorf("sandbox book: look up %s: %w", reference, err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanEntry)
	if errors.Is(err, pgx.ErrNoRows) {
		return Entry{}, false, nil
	}
	if err != nil {
		return Entry{}, false, fmt.Errorf("sandbox book: look up %s: %w", reference, err)
	}
	if _, due := e.due(clock(at)); !due {
		return e, true, nil
	}
	t, _ := p.tasks.Get().(*task) //nolint:errcheck // the pool holds nothing else
	t.entry, t.settle, t.err = Entry{Reference: reference, At: clock(at)}, true, nil
	e, err = p.submit(ctx, t)
	return e, err == nil, err
}

// submit queues t and waits for it. A task whose caller has left is never used again.
func (p *Postgres) submit(ctx context.Context, t *task) (Entry, error) {
	t.state.Store(taskWaiting)
	if err := p.enqueue(t); err != nil {
		p.tasks.Put(t)
		return Entry{}, fmt.Errorf("%w: %w", acquirer.ErrNotSent, err)
	}
	select {
	case <-t.done:
	case <-ctx.Done():
		if t.state.CompareAndSwap(taskWaiting, taskGivenUp) {
			return Entry{}, fmt.Errorf("%w: waiting for the book: %w", acquirer.ErrNotSent, context.Cause(ctx))
		}
		return Entry{}, fmt.Errorf("sandbox book: %w", context.Cause(ctx))
	}
	entry, err := t.entry, t.err
	p.tasks.Put(t)
	return entry, err
}

func (p *Postgres) enqueue(t *task) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return errClosed
	case len(p.queue) >= queueMax:
		return errQueueFull
	}
	p.queue = append(p.queue, t)
	if len(p.queue) == 1 {
		p.signal()
	}
	return nil
}

// signal wakes the writer; one token is enough. The caller holds the lock.
func (p *Postgres) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take moves up to batchMax waiting tasks into batch, leaving out those given up.
func (p *Postgres) take(batch []*task) (taken []*task, open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for ; n < len(p.queue) && len(batch) < batchMax; n++ {
		if p.queue[n].state.CompareAndSwap(taskWaiting, taskTaken) {
			batch = append(batch, p.queue[n])
		}
	}
	left := copy(p.queue, p.queue[n:])
	clear(p.queue[left:])
	p.queue = p.queue[:left]
	if left > 0 {
		p.signal()
	}
	return batch, !p.closed || left > 0 || len(batch) > 0
}

// Under load requests come in bursts, one for each batch of the log that committed.
// A pass is over so soon that the first few of a burst would travel alone, and the
// transaction around them costs more than they do.
const (
	busyFrom = 4
	gather   = 500 * time.Microsecond
)

// run is the writer's loop: a pass per batch, until the book is closed and empty.
func (p *Postgres) run(ctx context.Context, w *writer) {
	defer close(p.finished)
	defer w.disconnect(ctx)
	var batch []*task
	for open := true; open; {
		<-p.wake
		if len(batch) >= busyFrom {
			time.Sleep(gather) //nolint:forbidigo // half a millisecond, and only under load: shorter than any wait it could be beside
		}
		batch, open = p.take(batch[:0])
		if len(batch) > 0 {
			w.pass(ctx, batch)
			p.mu.Lock()
			if p.closed {
				p.signal()
			}
			p.mu.Unlock()
		}
		clear(batch)
	}
}
