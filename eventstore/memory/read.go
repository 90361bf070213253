package memory

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
)

// ReadStream returns up to limit events of a stream after a version; none when
// there is no such stream.
func (l *Log) ReadStream(ctx context.Context, stream uuid.UUID, afterVersion, limit int) ([]eventstore.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cut(l.streams[stream], int64(afterVersion), limit), ctx.Err()
}

// ReadStreams returns the whole history of each stream that exists.
func (l *Log) ReadStreams(ctx context.Context, streams []uuid.UUID) (map[uuid.UUID][]eventstore.Event, error) {
	if len(streams) > eventstore.ReadStreamsMax {
		return nil, fmt.Errorf("%w: %d streams at once, at most %d", eventstore.ErrMalformed, len(streams), eventstore.ReadStreamsMax)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found := make(map[uuid.UUID][]eventstore.Event, len(streams))
	for _, id := range streams {
		if events := l.streams[id]; len(events) > 0 {
			found[id] = append([]eventstore.Event(nil), events...)
		}
	}
	return found, ctx.Err()
}

// ReadLog returns up to limit events of a lane after a position.
func (l *Log) ReadLog(ctx context.Context, lane int, after int64, limit int) ([]eventstore.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.lanes[lane]; at != nil {
		return cut(at.events, after, limit), ctx.Err()
	}
	return nil, ctx.Err()
}

// Head is the position of a lane's last event, 0 when there is none.
func (l *Log) Head(ctx context.Context, lane int) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.lanes[lane]; at != nil {
		return int64(len(at.events)), ctx.Err()
	}
	return 0, ctx.Err()
}

// LaneOf tells a merchant's lane; ErrUnassigned when it has none.
func (l *Log) LaneOf(ctx context.Context, merchant uuid.UUID) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane, ok := l.belongs[merchant]
	if !ok {
		return 0, fmt.Errorf("merchant %s: %w", merchant, eventstore.ErrUnassigned)
	}
	return lane, ctx.Err()
}

// AssignLane puts a merchant into a lane, for ever: the first assignment stays and
// is returned.
func (l *Log) AssignLane(ctx context.Context, merchant uuid.UUID, lane int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if earlier, ok := l.belongs[merchant]; ok {
		return earlier, nil
	}
	l.belongs[merchant] = lane
	return lane, nil
}

// Tail follows a lane from now on. Of a lane that is not open here it ends at once.
func (l *Log) Tail(lane int) *eventstore.Tail {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.lanes[lane]; at != nil {
		return at.tails.Open()
	}
	var none eventstore.Tails
	none.Close()
	return none.Open()
}

// cut copies what lies after number n of a history that counts from 1.
func cut(events []eventstore.Event, after int64, limit int) []eventstore.Event {
	after = min(max(after, 0), int64(len(events)))
	limit = min(max(limit, 0), eventstore.ReadMax, len(events)-int(after))
	return append([]eventstore.Event(nil), events[after:int(after)+limit]...)
}
