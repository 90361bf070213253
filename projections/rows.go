package projections

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

// Projection is a read model as a Follower runs it.
type Projection interface {
	// Name is final: tables and checkpoint carry it.
	Name() string
	// Open starts folding into the tables of one version, with nothing remembered.
	Open(version int) Stage
	// Tables lists the tables of one version, for a rebuild.
	Tables(version int) []Content
	// Whole says that rows mix many streams, so that a stream cannot be left out: the
	// projection halts at an event it cannot fold, and others go on.
	Whole() bool
}

// Stage is a projection at work on the tables of one version. The Follower calls
// Load, Fold, Prepare, Save and Settle in turn, from one goroutine.
type Stage interface {
	// Load queues the reading of the rows that events will change.
	Load(trip *Trip, events []*Event)
	// Fold brings rows forward, in memory. It stops at the first event it cannot fold,
	// with a *FoldError.
	Fold(ctx context.Context, events []*Event, past Past) error
	// Prepare queues what must be read or made before Save.
	Prepare(trip *Trip)
	// Save queues the writing of what Fold changed.
	Save(trip *Trip)
	// Settle ends a batch: its transaction was committed, or nothing of it was.
	Settle(committed bool)
	// Pending is how many rows Fold has changed since the last Settle.
	Pending() int
}

// Past gives the decoded events of a stream before a version, oldest first.
type Past func(ctx context.Context, stream uuid.UUID, before int) ([]*Event, error)

// FoldError: an event cannot be folded. Its stream is to be parked.
type FoldError struct {
	Event *Event
	Err   error
}

// Error implements error.
func (e *FoldError) Error() string {
	return fmt.Sprintf("fold %s at %d.%d: %v", e.Event.Type, e.Event.Lane, e.Event.Position, e.Err)
}

// Unwrap gives the reason.
func (e *FoldError) Unwrap() error { return e.Err }

// RowKey finds a stream's row.
type RowKey struct {
	Stream, Merchant uuid.UUID
	Livemode         bool
}

// Table keeps the rows of one version of a projection, one per stream.
type Table[R any] interface {
	// Load queues the reading of rows; found is called for those that are there.
	Load(trip *Trip, keys []RowKey, found func(stream uuid.UUID, row *R))
	// Save queues the writing of all changes of a batch; each stream occurs once.
	Save(trip *Trip, changes []*Change[R])
}

// Preparing is a Table that must read or make something before it can save.
type Preparing[R any] interface {
	// Prepare queues that; it is made in a round trip of its own, and stays made when
	// the batch is not committed.
	Prepare(trip *Trip, changes []*Change[R])
}

// Rows is a projection whose rows belong to one stream each: the fold is pure, the
// table does the rest.
type Rows[R any] struct {
	ProjectionName string
	Aggregate      string // streams of others are passed over
	// Fold brings row forward by one event, in place. row is a copy of the last state,
	// which Fold must not reach into: what it changes behind pointers it clones first.
	Fold func(row *R, e *Event) error
	// Keep says whether a row is worth a place in the table; nil keeps all.
	Keep  func(row *R) bool
	Table func(version int) Table[R]
	// Contents lists the tables of one version; a view named like each without the
	// version is what queries read.
	Contents func(version int) []Content
}

// Content is one table of a projection.
type Content struct {
	Name string // payments_v1
	// Compare selects what must be equal in two versions: all columns, when empty, and
	// not those that number rows.
	Compare string
}

// Name implements Projection.
func (r *Rows[R]) Name() string { return r.ProjectionName }

// Whole implements Projection.
func (r *Rows[R]) Whole() bool { return false }

// Tables implements Projection.
func (r *Rows[R]) Tables(version int) []Content { return r.Contents(version) }

// Open implements Projection.
func (r *Rows[R]) Open(version int) Stage {
	return &rowStage[R]{rows: r, table: r.Table(version), changes: map[uuid.UUID]*Change[R]{}, young: map[uuid.UUID]*R{}}
}

// rememberedRows is how many rows a stage keeps in memory, twice over: a payment's
// outcome follows its intent within the second, and then needs no reading.
const rememberedRows = 8192

// rowStage remembers rows in two generations: a full young one becomes the old one.
// It may do so because a batch whose transaction succeeds began where the last one
// ended (the checkpoint is compared), so nobody else has written in between.
type rowStage[R any] struct {
	rows  *Rows[R]
	table Table[R]

	young, old map[uuid.UUID]*R
	loaded     map[uuid.UUID]*R
	changes    map[uuid.UUID]*Change[R]
	order      []*Change[R]
}

func (s *rowStage[R]) Load(trip *Trip, events []*Event) {
	var missing []RowKey
	born := map[uuid.UUID]bool{}
	for _, e := range events {
		if e.Stream.Aggregate != s.rows.Aggregate || born[e.Stream.ID] {
			continue
		}
		if e.Version == 1 {
			born[e.Stream.ID] = true
			continue
		}
		if s.changes[e.Stream.ID] == nil && s.remembered(e.Stream.ID) == nil {
			born[e.Stream.ID] = true // asked for once
			missing = append(missing, RowKey{Stream: e.Stream.ID, Merchant: e.Merchant, Livemode: e.Livemode})
		}
	}
	s.loaded = nil
	if len(missing) > 0 {
		s.loaded = make(map[uuid.UUID]*R, len(missing))
		s.table.Load(trip, missing, func(stream uuid.UUID, row *R) { s.loaded[stream] = row })
	}
}

func (s *rowStage[R]) remembered(stream uuid.UUID) *R {
	if row := s.young[stream]; row != nil {
		return row
	}
	return s.old[stream]
}

func (s *rowStage[R]) Fold(ctx context.Context, events []*Event, past Past) (err error) {
	var at *Event
	defer func() {
		if r := recover(); r != nil {
			err = &FoldError{Event: at, Err: fmt.Errorf("fold panicked: %v", r)}
		}
	}()
	for _, at = range events {
		if at.Stream.Aggregate != s.rows.Aggregate {
			continue
		}
		change := s.changes[at.Stream.ID]
		if change == nil {
			if change, err = s.begin(ctx, at, past); err != nil {
				return err
			}
		}
		if err := s.rows.Fold(change.New, at); err != nil {
			return &FoldError{Event: at, Err: err}
		}
	}
	return nil
}

// begin takes the row a stream stands at. A row that is neither remembered nor in
// the table, though the stream is older than the batch, was not worth keeping: the
// stream's past gives it again.
func (s *rowStage[R]) begin(ctx context.Context, e *Event, past Past) (*Change[R], error) {
	change := &Change[R]{Stream: e.Stream.ID, Lane: e.Lane, New: new(R)}
	if change.Old = s.remembered(e.Stream.ID); change.Old == nil {
		change.Old = s.loaded[e.Stream.ID]
	}
	switch {
	case change.Old != nil:
		*change.New = *change.Old
	case e.Version > 1:
		before, err := past(ctx, e.Stream.ID, e.Version)
		if err != nil {
			return nil, fmt.Errorf("read the past of %s %s: %w", e.Stream.Aggregate, e.Stream.ID, err)
		}
		if len(before) != e.Version-1 {
			return nil, &FoldError{Event: e, Err: fmt.Errorf("the log gives %d events before version %d", len(before), e.Version)}
		}
		for _, earlier := range before {
			if err := s.rows.Fold(change.New, earlier); err != nil {
				return nil, &FoldError{Event: e, Err: err}
			}
		}
		if s.rows.Keep == nil || s.rows.Keep(change.New) {
			return nil, &FoldError{Event: e, Err: fmt.Errorf("the row of %s is missing", e.Stream.ID)}
		}
	}
	s.changes[e.Stream.ID] = change
	s.order = append(s.order, change)
	return change, nil
}

func (s *rowStage[R]) Prepare(trip *Trip) {
	if table, prepares := s.table.(Preparing[R]); prepares && len(s.order) > 0 {
		table.Prepare(trip, s.order)
	}
}

func (s *rowStage[R]) Save(trip *Trip) {
	if kept := s.kept(); len(kept) > 0 {
		s.table.Save(trip, kept)
	}
}

// kept is the changes that are worth a place in the table.
func (s *rowStage[R]) kept() []*Change[R] {
	if s.rows.Keep == nil {
		return s.order
	}
	var kept []*Change[R]
	for _, change := range s.order {
		switch {
		case !s.rows.Keep(change.New):
		case change.Old != nil && !s.rows.Keep(change.Old):
			first := *change
			first.Old = nil // there is no row of it yet
			kept = append(kept, &first)
		default:
			kept = append(kept, change)
		}
	}
	return kept
}

func (s *rowStage[R]) Pending() int { return len(s.order) }

func (s *rowStage[R]) Settle(committed bool) {
	if committed {
		for _, change := range s.order {
			if len(s.young) >= rememberedRows {
				s.old, s.young = s.young, make(map[uuid.UUID]*R, rememberedRows)
			}
			s.young[change.Stream] = change.New
		}
	} else {
		s.young, s.old = map[uuid.UUID]*R{}, nil // somebody else may have written since
	}
	clear(s.changes)
	s.order, s.loaded = s.order[:0], nil
}
