package invariants

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/projections"
)

// Record is an event as it is stored. Nothing of it is trusted: what the columns say
// is held against the frame, and the frame against the hash.
type Record struct {
	Lane     int
	Position int64
	Stream   uuid.UUID
	Version  int
	Hash     []byte
	Frame    []byte
}

// Head is where a stream stands: what stream_heads says.
type Head struct {
	Stream      uuid.UUID
	Lane        int
	Version     int
	First, Last int64 // positions of its first and last event
}

// Log reads lanes.
type Log interface {
	Lanes(ctx context.Context) ([]int, error)
	// Head is the position of the lane's last event.
	Head(ctx context.Context, lane int) (int64, error)
	// ReadLane gives up to limit records after a position, in order of position.
	ReadLane(ctx context.Context, lane int, after int64, limit int) ([]Record, error)
}

// Streams reads streams.
type Streams interface {
	// Heads gives up to limit heads after a stream, in order of the bytes of the id.
	Heads(ctx context.Context, after uuid.UUID, limit int) ([]Head, error)
	// HeadsOf gives the heads of those of the streams that have one, in any order.
	HeadsOf(ctx context.Context, streams []uuid.UUID) ([]Head, error)
	// ReadStreams gives the records of the streams between First and Last of their
	// heads, in order of position within each stream.
	ReadStreams(ctx context.Context, heads []Head) ([]Record, error)
}

// View is one read model whose rows belong to one stream each.
type View interface {
	Name() string
	// Aggregate is the noun of the streams it folds.
	Aggregate() string
	// Checkpoint is the position up to which events of a lane are in the rows.
	Checkpoint(ctx context.Context, lane int) (int64, error)
	// Rows gives the rows of those of the streams that have one.
	Rows(ctx context.Context, keys []projections.RowKey) ([]Row, error)
	// Fold gives what Rows must hold of a stream after the events; Content is nil when
	// the stream has no row by right.
	Fold(events []eventstore.Event) (Row, error)
	// Parked gives, for streams that cannot be folded on, the version that waits.
	Parked(ctx context.Context) (map[uuid.UUID]int, error)
	// Sums looks for what no single stream can show: rows of streams that do not exist,
	// totals that are not the sum of the rows. It is called once, behind the walk.
	Sums(ctx context.Context) (checked int64, violations []Violation, err error)
}

// Row is a stream's row (or rows) in a View.
type Row struct {
	Stream  uuid.UUID
	Version int    // of the stream, as the row knows it; 0 when rows do not know it
	Content []byte // equal exactly when all columns are
}

// Broker reads the JetStream streams.
type Broker interface {
	// Bounds gives the sequence of the oldest message kept and of the last one; 0 and 0
	// when there is no stream, or nothing was ever published to it.
	Bounds(ctx context.Context, lane int) (first, last int64, err error)
	// Read gives the messages with sequences from to from+limit-1, in order; those that
	// do not exist are missing.
	Read(ctx context.Context, lane int, from int64, limit int) ([]Message, error)
}

// Message is one message of a lane's JetStream stream.
type Message struct {
	Sequence int64
	Subject  string
	Data     []byte
}

// Book is the acquirer's word on everything (sandbox.Statement keeps this contract).
type Book interface {
	// Totals gives one sum per payment and currency in order of payment id; with
	// payments named, only theirs.
	Totals(ctx context.Context, payments ...id.Payment) iter.Seq2[sandbox.Total, error]
}
