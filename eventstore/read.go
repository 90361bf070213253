package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// RoleProjector and RoleAuditor are the other roles that may read the log.
const (
	RoleProjector = "paymint_projector"
	RoleAuditor   = "paymint_auditor"
)

// ReadStream returns up to limit events of a stream after a version, in order; none
// when there are none.
func (s *Store) ReadStream(ctx context.Context, stream uuid.UUID, afterVersion, limit int) ([]Event, error) {
	events, err := s.readStreams(ctx, []uuid.UUID{stream}, max(afterVersion, 0), min(limit, ReadMax))
	if err != nil {
		return nil, fmt.Errorf("read stream %s: %w", stream, err)
	}
	return events, nil
}

// ReadStreams returns the whole history of each of up to ReadStreamsMax streams that
// exists. It is for short ones, such as payments: at most ReadMax events of each.
func (s *Store) ReadStreams(ctx context.Context, streams []uuid.UUID) (map[uuid.UUID][]Event, error) {
	if len(streams) > ReadStreamsMax {
		return nil, fmt.Errorf("%w: %d streams at once, at most %d", ErrMalformed, len(streams), ReadStreamsMax)
	}
	once := make([]uuid.UUID, 0, len(streams))
	found := make(map[uuid.UUID][]Event, len(streams))
	for _, id := range streams {
		if _, seen := found[id]; !seen {
			found[id] = nil
			once = append(once, id)
		}
	}
	events, err := s.readStreams(ctx, once, 0, ReadMax)
	if err != nil {
		return nil, fmt.Errorf("read %d streams: %w", len(once), err)
	}
	for _, e := range events {
		found[e.Stream.ID] = append(found[e.Stream.ID], e)
	}
	for _, id := range once {
		if found[id] == nil {
			delete(found, id)
		}
	}
	return found, nil
}

func (s *Store) readStreams(ctx context.Context, streams []uuid.UUID, after, limit int) ([]Event, error) {
	if limit <= 0 || len(streams) == 0 {
		return nil, ctx.Err()
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	rows, err := s.config.Pool.Query(ctx, "SELECT o_lane, o_position, o_hash, o_frame FROM public.read_streams($1, $2, $3)", streams, after, limit)
	if err != nil {
		return nil, unknown(err)
	}
	return collect(rows, 0)
}

// bounded gives a short read its end: many of its callers have outlived their
// client, and none is to wait longer for a read than for an append.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.config.AppendTimeout)
}

// ReadLog returns events of a lane after a position, in order: up to limit, and up to
// ReadMax or a little over ReadBytesMax. None means that the log ends there now; a
// reader that goes on from the last position it got never misses an event.
func (s *Store) ReadLog(ctx context.Context, lane int, after int64, limit int) ([]Event, error) {
	if limit = min(limit, ReadMax); limit <= 0 || lane < 0 || lane > laneMax {
		return nil, ctx.Err()
	}
	rows, err := s.config.Pool.Query(ctx, "SELECT $1::smallint, o_position, o_hash, o_frame FROM public.read_log($1, $2, $3)", lane, max(after, 0), limit)
	if err != nil {
		return nil, fmt.Errorf("read lane %d after %d: %w", lane, after, unknown(err))
	}
	events, err := collect(rows, ReadBytesMax)
	if err != nil {
		return nil, fmt.Errorf("read lane %d after %d: %w", lane, after, err)
	}
	return events, nil
}

// collect reads rows of lane, position, hash and frame; bytesMax 0 is no bound. A row
// that is wrong in itself is no matter of the database's being away.
func collect(rows pgx.Rows, bytesMax int) ([]Event, error) {
	defer rows.Close()
	var events []Event
	size := 0
	for rows.Next() {
		var lane int
		var position int64
		var hash, frame []byte
		if err := rows.Scan(&lane, &position, (*borrowed)(&hash), &frame); err != nil {
			return nil, unknown(err)
		}
		e, err := ParseFrame(frame)
		if err != nil || len(hash) != len(e.Hash) {
			return nil, fmt.Errorf("event at %d.%d: %w", lane, position, errors.Join(err, ErrHash))
		}
		e.Lane, e.Position, e.Hash = lane, position, [32]byte(hash)
		events = append(events, e)
		if size += len(frame); bytesMax > 0 && size > bytesMax {
			return events, nil
		}
	}
	if err := rows.Err(); err != nil {
		return nil, unknown(err)
	}
	return events, nil
}

// borrowed is bytes that are looked at before the next row is read, and not copied.
type borrowed []byte

// ScanBytes implements pgtype.BytesScanner.
func (b *borrowed) ScanBytes(v []byte) error { *b = v; return nil }

// Head is the position of a lane's last event; 0 when there is none.
func (s *Store) Head(ctx context.Context, lane int) (int64, error) {
	if lane < 0 || lane > laneMax {
		return 0, nil
	}
	var head int64
	err := s.config.Pool.QueryRow(ctx, "SELECT position FROM public.lanes WHERE lane = $1", lane).Scan(&head)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("read the head of lane %d: %w", lane, unknown(err))
	}
	return head, nil
}

// Claimed finds an idempotency key as it would count at the time now.
func (s *Store) Claimed(ctx context.Context, key ClaimKey, now time.Time) (found Claimed, ok bool, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	keys := []uuid.UUID{uuid.UUID(key)}
	rows, err := s.config.Pool.Query(ctx, statements[statementClaims], keys, []time.Time{now})
	if err == nil {
		err = eachClaim(rows, keys, func(_ int, claimed Claimed) { found, ok = claimed, true })
	}
	if err != nil {
		return Claimed{}, false, fmt.Errorf("look for an idempotency key: %w", unknown(err))
	}
	return found, ok, nil
}
