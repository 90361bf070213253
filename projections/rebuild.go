package projections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/paymint/paymint/eventstore"
)

// Rebuilder folds projections anew from the log, beside live traffic:
//
//	tables of n ◄── followers go on ───────────────┐ stand still for the last step
//	tables of n+1 ◄── read ─ decode ─ fold ─ COPY ─┴─ indexes ─ catch up ─ view → n+1, drop n
//
// If we crash anywhere before the view is switched, the tables of n+1 are leftovers
// that the next rebuild drops. Memory is bounded: rows are folded in memory until
// there are too many, written, and read again should a later event concern them.
type Rebuilder struct {
	URL         string // of a user that may take OwnerRole
	OwnerRole   string // paymint_owner when empty
	Log         Log
	Lanes       []int
	Projections []Projection
	Decoders    Decoders
	// Progress is told how many of how many events are folded, a few times a second; nil
	// is fine.
	Progress func(done, total int64)
	Logger   *slog.Logger // nil: nowhere
}

const (
	// rebuildPage is what one read of the log brings, pagesAhead how many of them wait.
	rebuildPage = eventstore.ReadMax
	pagesAhead  = 3
	// dirtyMax is how many rows are folded in memory before they are written: some 40 MB.
	dirtyMax = 30_000
	// nearEnough is how many events are left for the step that makes followers wait.
	nearEnough = 2000
	// catchUpsMax bounds how often the rebuild runs after a log that grows.
	catchUpsMax = 20
	// switchPatience is how long the switch waits for readers before it lets everybody
	// go on and tries again, switchesMax how often.
	switchPatience = "2s"
	switchesMax    = 15

	// unlockPatience bounds the good-bye to a database that may be gone.
	unlockPatience = 5 * time.Second

	lockNotAvailable = "55P03"
)

// Rebuild makes the named projections anew and puts the new tables in place of the
// old. On an error the old ones stay in use.
func (r Rebuilder) Rebuild(ctx context.Context, names []string) error {
	site, err := r.open(ctx, names)
	if err != nil {
		return err
	}
	defer site.close(ctx)
	if err := site.build(ctx); err != nil {
		return errors.Join(err, site.dropNew(ctx))
	}
	if err := site.switchOver(ctx); err != nil {
		return errors.Join(err, site.dropNew(ctx))
	}
	if r.Logger != nil {
		r.Logger.Info("projections: rebuilt tables are in use", "projections", names, "events", site.done)
	}
	return site.dropOld(ctx)
}

// site is one rebuild under way.
type site struct {
	Rebuilder
	pool     *pgxpool.Pool
	guard    *pgxpool.Conn                                      // holds the advisory lock
	target   func(ctx context.Context, lane int) (int64, error) // how far to fold
	builds   []*build
	reached  map[int]int64 // by lane
	done     int64
	total    int64
	reported time.Time
}

// build is one projection of it.
type build struct {
	Projection
	from, to int // versions
	stage    Stage
	parked   []Parked
}

func (r Rebuilder) open(ctx context.Context, names []string) (*site, error) {
	config, err := pgxpool.ParseConfig(r.URL)
	if err != nil {
		return nil, fmt.Errorf("rebuild: parse the database's address: %w", err)
	}
	for name, value := range WriterSettings() {
		config.ConnConfig.RuntimeParams[name] = value
	}
	config.ConnConfig.RuntimeParams["role"] = cmp.Or(r.OwnerRole, "paymint_owner")
	config.ConnConfig.RuntimeParams["application_name"] = "paymint rebuild"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("rebuild: open the database: %w", err)
	}
	s := &site{Rebuilder: r, pool: pool, reached: map[int]int64{}, target: r.Log.Head}
	if err := s.choose(ctx, names); err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

// choose finds the projections by name. One rebuild at a time: a second would drop
// the first one's tables.
func (s *site) choose(ctx context.Context, names []string) error {
	var err error
	if s.guard, err = s.pool.Acquire(ctx); err != nil {
		return fmt.Errorf("rebuild: connect to the database: %w", err)
	}
	var alone bool
	if err := s.guard.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtext('paymint rebuild'))`).Scan(&alone); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	if !alone {
		return errors.New("rebuild: another rebuild or verification is under way")
	}
	for _, name := range names {
		i := slices.IndexFunc(s.Projections, func(p Projection) bool { return p.Name() == name })
		if i < 0 {
			return fmt.Errorf("rebuild: there is no projection %q", name)
		}
		b := &build{Projection: s.Projections[i]}
		if err := s.pool.QueryRow(ctx, `SELECT version FROM projection_versions WHERE name = $1`, name).Scan(&b.from); err != nil {
			return fmt.Errorf("rebuild %s: read the version in use: %w", name, err)
		}
		b.to = b.from + 1
		b.stage = b.Open(b.to)
		s.builds = append(s.builds, b)
	}
	return nil
}

// close gives back the lock aloud: closing the connection would too, but some time
// after we are gone.
func (s *site) close(ctx context.Context) {
	if s.guard != nil {
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockPatience)
		defer cancel()
		if _, err := s.guard.Exec(within, `SELECT pg_advisory_unlock_all()`); err != nil {
			s.guard.Conn().Close(within)
		}
		s.guard.Release()
	}
	s.pool.Close()
}

// build fills the new tables until they are nearly where the log is.
func (s *site) build(ctx context.Context) error {
	if err := s.makeTables(ctx); err != nil {
		return err
	}
	indexed := false
	for range catchUpsMax {
		left, err := s.foldToHead(ctx)
		if err != nil {
			return err
		}
		if !indexed {
			if err := s.makeIndexes(ctx); err != nil { // takes a while: the log has grown
				return err
			}
			indexed = true
			continue
		}
		if left <= nearEnough {
			return nil
		}
	}
	return fmt.Errorf("rebuild: the log grew faster than it was folded, %d times over", catchUpsMax)
}

// foldToHead folds all lanes up to where they are now, and says how many events have
// come meanwhile.
func (s *site) foldToHead(ctx context.Context) (left int64, err error) {
	heads := map[int]int64{}
	s.total = s.done
	for _, lane := range s.Lanes {
		if heads[lane], err = s.target(ctx, lane); err != nil {
			return 0, fmt.Errorf("rebuild: read the head of lane %d: %w", lane, err)
		}
		s.total += heads[lane] - s.reached[lane]
	}
	for _, lane := range s.Lanes {
		if err := s.foldLane(ctx, lane, heads[lane]); err != nil {
			return 0, fmt.Errorf("rebuild: lane %d: %w", lane, err)
		}
		head, err := s.target(ctx, lane)
		if err != nil {
			return 0, fmt.Errorf("rebuild: read the head of lane %d: %w", lane, err)
		}
		left += head - s.reached[lane]
	}
	return left, nil
}

// page is decoded events, or why there are no more.
type page struct {
	events []*Event
	poison []*FoldError
	last   int64
	err    error
}

// foldLane runs three stages beside each other: reading, decoding, and folding with
// writing, the writes themselves in the background.
func (s *site) foldLane(ctx context.Context, lane int, upTo int64) error {
	ctx, cancel := context.WithCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	read, decoded := make(chan page, pagesAhead), make(chan page, pagesAhead)
	workers.Go(func() { s.readPages(ctx, lane, upTo, read) })
	workers.Go(func() { s.decodePages(ctx, read, decoded) })
	writing := &writer{pool: s.pool}
	defer func() { _ = writing.wait() }() // on the way out with another error
	for p := range decoded {
		if p.err != nil {
			return p.err
		}
		if err := s.foldPage(ctx, p, writing); err != nil {
			return err
		}
		s.reached[lane] = p.last
		s.report(len(p.events) + len(p.poison))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.flush(ctx, writing); err != nil {
		return err
	}
	return writing.wait()
}

func (s *site) readPages(ctx context.Context, lane int, upTo int64, out chan<- page) {
	defer close(out)
	for after := s.reached[lane]; after < upTo; {
		events, err := s.Log.ReadLog(ctx, lane, after, int(min(rebuildPage, upTo-after)))
		if err == nil && (len(events) == 0 || events[0].Position != after+1) {
			err = fmt.Errorf("the log has a hole after position %d", after)
		}
		p := page{err: err}
		for i := range events {
			p.events = append(p.events, &Event{Event: events[i]})
		}
		if err == nil {
			after = events[len(events)-1].Position
			p.last = after
		}
		select {
		case out <- p:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

func (s *site) decodePages(ctx context.Context, in <-chan page, out chan<- page) {
	defer close(out)
	for p := range in {
		p.events = slices.DeleteFunc(p.events, func(e *Event) bool {
			fact, err := s.Decoders.Decode(&e.Event)
			if err != nil {
				p.poison = append(p.poison, &FoldError{Event: e, Err: err})
			}
			e.Fact = fact
			return err != nil
		})
		select {
		case out <- p:
		case <-ctx.Done():
			return
		}
	}
}

// foldPage folds a page into every projection. An event that cannot be decoded parks
// its stream in the new tables as it did in the old.
func (s *site) foldPage(ctx context.Context, p page, writing *writer) error {
	for _, b := range s.builds {
		for _, poison := range p.poison {
			if b.Whole() {
				return poison
			}
			b.parkFrom(poison)
		}
		events := b.unparked(p.events)
		var load Trip
		b.stage.Load(&load, events)
		if !load.Empty() {
			if err := writing.wait(); err != nil { // what is read may be on its way to the table
				return err
			}
			if err := s.pool.SendBatch(ctx, &load.sql).Close(); err != nil {
				return fmt.Errorf("read rows of %s: %w", b.Name(), err)
			}
		}
		if err := b.stage.Fold(ctx, events, s.past); err != nil {
			return fmt.Errorf("%s: %w", b.Name(), err)
		}
		if b.stage.Pending() >= dirtyMax {
			if err := s.write(ctx, b, writing); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *site) past(ctx context.Context, stream streamID, before int) ([]*Event, error) {
	return pastOf(ctx, s.Log, s.Decoders, stream, before)
}

func (s *site) report(n int) {
	s.done += int64(n)
	if now := time.Now(); s.Progress != nil && (now.Sub(s.reported) > 200*time.Millisecond || s.done == s.total) {
		s.reported = now
		s.Progress(s.done, s.total)
	}
}

func (s *site) flush(ctx context.Context, writing *writer) error {
	for _, b := range s.builds {
		if b.stage.Pending() > 0 {
			if err := s.write(ctx, b, writing); err != nil {
				return err
			}
		}
	}
	return nil
}

// write hands a projection's changed rows to the background. Only one trip is under
// way at a time: a table's buffers are used again.
func (s *site) write(ctx context.Context, b *build, writing *writer) error {
	if err := writing.wait(); err != nil {
		return err
	}
	trip := &Trip{}
	if err := prepareAndSave(ctx, s.pool, b.stage, trip); err != nil {
		return fmt.Errorf("%s: %w", b.Name(), err)
	}
	b.stage.Settle(true)
	writing.start(ctx, trip)
	return nil
}

// connection is a pool or a transaction.
type connection interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func prepareAndSave(ctx context.Context, on connection, stage Stage, save *Trip) error {
	var prepare Trip
	stage.Prepare(&prepare)
	if !prepare.Empty() {
		if err := on.SendBatch(ctx, &prepare.sql).Close(); err != nil {
			return fmt.Errorf("prepare rows: %w", err)
		}
	}
	stage.Save(save)
	return nil
}

// writer writes one trip at a time, beside its owner.
type writer struct {
	pool *pgxpool.Pool
	done chan error // nil when idle
}

func (w *writer) start(ctx context.Context, trip *Trip) {
	done := make(chan error, 1)
	w.done = done
	go func() {
		done <- pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error { return send(ctx, tx, trip) })
	}()
}

// wait returns when nothing is under way.
func (w *writer) wait() error {
	if w.done == nil {
		return nil
	}
	err := <-w.done
	w.done = nil
	if err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}

// parkFrom leaves a stream out from an event on.
func (b *build) parkFrom(poison *FoldError) {
	e := poison.Event
	if slices.ContainsFunc(b.parked, func(p Parked) bool { return p.Stream == e.Stream.ID }) {
		return
	}
	b.parked = append(b.parked, Parked{
		Projection: b.Name(), Version: b.to, Lane: e.Lane, Stream: e.Stream.ID, Aggregate: e.Stream.Aggregate,
		Position: e.Position, StreamAt: e.Version, Reason: poison.Err.Error(),
	})
}

func (b *build) unparked(events []*Event) []*Event {
	if len(b.parked) == 0 {
		return events
	}
	from := make(map[streamID]int64, len(b.parked))
	for _, p := range b.parked {
		from[p.Stream] = p.Position
	}
	return slices.DeleteFunc(slices.Clone(events), func(e *Event) bool {
		position, parked := from[e.Stream.ID]
		return parked && e.Position >= position
	})
}
