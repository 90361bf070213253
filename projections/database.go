package projections

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore"
)

// Database is what queries read from: a pool of connections with ReaderSettings.
type Database interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// Streams is what queries need of the log: one stream's events after a version,
// oldest first.
type Streams interface {
	ReadStream(ctx context.Context, stream uuid.UUID, afterVersion, limit int) ([]eventstore.Event, error)
}

// ErrNotFound: there is no such resource, or it is another merchant's or of the
// other mode. The three look the same from outside.
var ErrNotFound = errors.New("no such resource")

// StreamEventsMax bounds the fold of one stream: a payment has 3 to 15 events, and
// nobody's stream may keep a reader busy for ever.
const StreamEventsMax = 10_000

// ReaderSettings are session settings for the connections of queries. Each query
// is written for one index; a plan made while the table was empty (a sequential
// scan and a sort, cheap then) would otherwise stay prepared while it fills.
func ReaderSettings() map[string]string {
	return map[string]string{
		"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_sort": "off", "enable_incremental_sort": "off",
		"enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off",
		"plan_cache_mode": "force_generic_plan",
	}
}

// WriterSettings are session settings for the follower's connection. A commit is not
// waited for: rows and checkpoint are in one transaction and the WAL keeps order,
// so a crash takes both back together and the log gives them again.
func WriterSettings() map[string]string {
	settings := ReaderSettings()
	settings["synchronous_commit"] = "off"
	return settings
}
