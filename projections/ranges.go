package projections

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// IDRange is the UUIDv7 made between two instants, both inclusive; zero instants
// leave their end open.
func IDRange(from, to time.Time) (lowest, highest uuid.UUID) {
	highest = uuid.Max
	if !from.IsZero() {
		milliseconds := from.UnixMilli()
		if from.Nanosecond()%int(time.Millisecond) != 0 {
			milliseconds++
		}
		lowest = idAt(milliseconds, lowest)
	}
	if !to.IsZero() {
		highest = idAt(to.UnixMilli(), highest)
	}
	return lowest, highest
}

func idAt(milliseconds int64, rest uuid.UUID) uuid.UUID {
	milliseconds = min(max(milliseconds, 0), 1<<48-1)
	binary.BigEndian.PutUint64(rest[:8], uint64(milliseconds)<<16|binary.BigEndian.Uint64(rest[:8])&0xffff)
	return rest
}

// BeyondID narrows a range of ids to what lies behind key, going up or down.
func BeyondID(from, to, key uuid.UUID, down bool) (lowest, highest uuid.UUID) {
	if down {
		if before := neighbour(key, -1); bytes.Compare(before[:], to[:]) < 0 {
			to = before
		}
		return from, to
	}
	if after := neighbour(key, 1); bytes.Compare(after[:], from[:]) > 0 {
		from = after
	}
	return from, to
}

// neighbour is the id before or after u. No resource has the first or the last one.
func neighbour(u uuid.UUID, step int64) uuid.UUID {
	high, low := binary.BigEndian.Uint64(u[:8]), binary.BigEndian.Uint64(u[8:])
	next := low + uint64(step)
	if step > 0 && next < low {
		high++
	}
	if step < 0 && next > low {
		high--
	}
	binary.BigEndian.PutUint64(u[:8], high)
	binary.BigEndian.PutUint64(u[8:], next)
	return u
}
