package invariants

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
)

// Memory is a Log and Streams over events in memory, for simulations.
type Memory struct {
	lanes   map[int][]Record
	streams map[uuid.UUID][]Record
	heads   []Head // in order of stream id
}

// Reader is what Snapshot needs of a log: memory.Log has it, and eventstore.Store.
type Reader interface {
	Head(ctx context.Context, lane int) (int64, error)
	ReadLog(ctx context.Context, lane int, after int64, limit int) ([]eventstore.Event, error)
}

// Snapshot copies the lanes of a log as they are now.
func Snapshot(ctx context.Context, log Reader, lanes ...int) (*Memory, error) {
	m := &Memory{lanes: map[int][]Record{}, streams: map[uuid.UUID][]Record{}}
	for _, lane := range lanes {
		m.lanes[lane] = []Record{}
		for after := int64(0); ; {
			events, err := log.ReadLog(ctx, lane, after, eventstore.ReadMax)
			if err != nil {
				return nil, fmt.Errorf("copy lane %d after %d: %w", lane, after, err)
			}
			if len(events) == 0 {
				break
			}
			for _, e := range events {
				m.add(lane, e)
			}
			after = events[len(events)-1].Position
		}
	}
	for stream, records := range m.streams {
		first, last := records[0], records[len(records)-1]
		m.heads = append(m.heads, Head{Stream: stream, Lane: last.Lane, Version: last.Version, First: first.Position, Last: last.Position})
	}
	slices.SortFunc(m.heads, func(a, b Head) int { return bytes.Compare(a.Stream[:], b.Stream[:]) })
	return m, nil
}

func (m *Memory) add(lane int, e eventstore.Event) {
	hash := e.Hash
	r := Record{Lane: e.Lane, Position: e.Position, Stream: e.Stream.ID, Version: e.Version, Hash: hash[:], Frame: e.AppendFrame(nil)}
	m.lanes[lane] = append(m.lanes[lane], r)
	m.streams[r.Stream] = append(m.streams[r.Stream], r)
}

// Lanes implements Log.
func (m *Memory) Lanes(context.Context) ([]int, error) {
	lanes := make([]int, 0, len(m.lanes))
	for lane := range m.lanes {
		lanes = append(lanes, lane)
	}
	return lanes, nil
}

// Head implements Log.
func (m *Memory) Head(_ context.Context, lane int) (int64, error) {
	records := m.lanes[lane]
	if len(records) == 0 {
		return 0, nil
	}
	return records[len(records)-1].Position, nil
}

// ReadLane implements Log.
func (m *Memory) ReadLane(_ context.Context, lane int, after int64, limit int) ([]Record, error) {
	records := m.lanes[lane]
	from, _ := slices.BinarySearchFunc(records, after+1, func(r Record, position int64) int { return cmp.Compare(r.Position, position) })
	return slices.Clone(records[from:min(from+limit, len(records))]), nil
}

// Heads implements Streams.
func (m *Memory) Heads(_ context.Context, after uuid.UUID, limit int) ([]Head, error) {
	from, found := m.place(after)
	if found {
		from++
	}
	return slices.Clone(m.heads[from:min(from+limit, len(m.heads))]), nil
}

func (m *Memory) place(stream uuid.UUID) (int, bool) {
	return slices.BinarySearchFunc(m.heads, stream, func(h Head, id uuid.UUID) int { return bytes.Compare(h.Stream[:], id[:]) })
}

// HeadsOf implements Streams.
func (m *Memory) HeadsOf(_ context.Context, streams []uuid.UUID) (heads []Head, _ error) {
	for _, stream := range streams {
		if at, found := m.place(stream); found {
			heads = append(heads, m.heads[at])
		}
	}
	return heads, nil
}

// ReadStreams implements Streams.
func (m *Memory) ReadStreams(_ context.Context, heads []Head) (records []Record, _ error) {
	for _, h := range heads {
		records = append(records, m.streams[h.Stream]...)
	}
	return records, nil
}
