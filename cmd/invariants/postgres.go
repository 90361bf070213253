package invariants

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Postgres reads the log's tables themselves, not through the event store: what it
// checks is the store's work. The pool's connections need SELECT on events,
// stream_heads and lanes, and should have ReaderSettings.
type Postgres struct{ Pool *pgxpool.Pool }

// ReaderSettings keep a plan that was made while tables were empty from staying: the
// statements below are each written for one index.
func ReaderSettings() map[string]string {
	return map[string]string{
		"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off",
		"application_name": "paymint verify",
	}
}

const (
	selectLanes = `SELECT lane FROM lanes ORDER BY lane`
	selectHead  = `SELECT position FROM lanes WHERE lane = $1`

	// Both bounds leave the planner a partition or two to look at. Where nothing lies
	// between them, there is a hole, and next finds its end.
	selectLane = `
SELECT lane, position, stream_id, version, hash, frame FROM events
 WHERE lane = $1 AND position > $2 AND position <= $3
 ORDER BY position`
	selectNext = `SELECT min(position) FROM events WHERE lane = $1 AND position > $2`

	selectHeads = `
SELECT stream_id, lane, version, first_position, last_position FROM stream_heads
 WHERE stream_id > $1 ORDER BY stream_id LIMIT $2`

	selectHeadsOf = `
SELECT h.stream_id, h.lane, h.version, h.first_position, h.last_position
  FROM unnest($1::uuid[]) AS s(id) JOIN stream_heads h ON h.stream_id = s.id`

	selectStreams = `
SELECT e.lane, e.position, e.stream_id, e.version, e.hash, e.frame
  FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::bigint[]) AS h(stream_id, lane, first, last)
 CROSS JOIN LATERAL (
       SELECT e.* FROM events e
        WHERE e.lane = h.lane AND e.stream_id = h.stream_id AND e.position BETWEEN h.first AND h.last
       ) AS e
 ORDER BY e.stream_id, e.position`
)

// Lanes implements Log.
func (p Postgres) Lanes(ctx context.Context) ([]int, error) {
	rows, err := p.Pool.Query(ctx, selectLanes)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int])
}

// Head implements Log.
func (p Postgres) Head(ctx context.Context, lane int) (head int64, err error) {
	err = p.Pool.QueryRow(ctx, selectHead, lane).Scan(&head)
	return head, err
}

// ReadLane implements Log.
func (p Postgres) ReadLane(ctx context.Context, lane int, after int64, limit int) ([]Record, error) {
	records, err := p.readRange(ctx, lane, after, after+int64(limit))
	if err != nil || len(records) > 0 {
		return records, err
	}
	var next *int64
	if err := p.Pool.QueryRow(ctx, selectNext, lane, after).Scan(&next); err != nil || next == nil {
		return nil, err
	}
	return p.readRange(ctx, lane, *next-1, *next-1+int64(limit))
}

func (p Postgres) readRange(ctx context.Context, lane int, after, to int64) ([]Record, error) {
	rows, err := p.Pool.Query(ctx, selectLane, lane, after, to)
	if err != nil {
		return nil, err
	}
	return collectRecords(rows)
}

// Heads implements Streams.
func (p Postgres) Heads(ctx context.Context, after uuid.UUID, limit int) ([]Head, error) {
	rows, err := p.Pool.Query(ctx, selectHeads, after, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Head])
}

// HeadsOf implements Streams.
func (p Postgres) HeadsOf(ctx context.Context, streams []uuid.UUID) ([]Head, error) {
	rows, err := p.Pool.Query(ctx, selectHeadsOf, plain(streams))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Head])
}

// ReadStreams implements Streams.
func (p Postgres) ReadStreams(ctx context.Context, heads []Head) ([]Record, error) {
	streams, lanes := make([][16]byte, len(heads)), make([]int16, len(heads))
	first, last := make([]int64, len(heads)), make([]int64, len(heads))
	for i, h := range heads {
		streams[i], lanes[i], first[i], last[i] = h.Stream, int16(h.Lane), h.First, h.Last
	}
	rows, err := p.Pool.Query(ctx, selectStreams, streams, lanes, first, last)
	if err != nil {
		return nil, err
	}
	return collectRecords(rows)
}

func collectRecords(rows pgx.Rows) ([]Record, error) {
	records, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Record])
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return records, nil
}

func plain(ids []uuid.UUID) [][16]byte {
	plain := make([][16]byte, len(ids))
	for i := range ids {
		plain[i] = ids[i]
	}
	return plain
}
