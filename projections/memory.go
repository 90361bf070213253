package projections

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"
)

// Memory is a Storage without a database: the same folds and the same follower run
// on it in a simulation. A commit is atomic; FailCommit makes one fail, before or
// after it took effect.
type Memory struct {
	mu       sync.Mutex
	progress map[memoryKey]*Progress
	parked   []Parked
	// FailCommit, when set, is asked at each commit; it must not call the Memory.
	FailCommit func(step Step) (before, after error)
}

type memoryKey struct {
	lane int
	name string
}

// NewMemory makes an empty Memory.
func NewMemory() *Memory { return &Memory{progress: map[memoryKey]*Progress{}} }

// Progress implements Storage.
func (m *Memory) Progress(_ context.Context, lane int, names []string) ([]Progress, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Progress, len(names))
	for i, name := range names {
		all[i] = *m.at(lane, name)
	}
	return all, nil
}

func (m *Memory) at(lane int, name string) *Progress {
	key := memoryKey{lane: lane, name: name}
	if m.progress[key] == nil {
		m.progress[key] = &Progress{Name: name, Version: 1}
	}
	return m.progress[key]
}

// Load implements Storage.
func (m *Memory) Load(_ context.Context, trip *Trip) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return trip.run()
}

// Commit implements Storage.
func (m *Memory) Commit(_ context.Context, step Step, trip *Trip) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var before, after error
	if m.FailCommit != nil {
		before, after = m.FailCommit(step)
	}
	if before != nil {
		return before
	}
	for _, of := range step.Of {
		if at := m.at(step.Lane, of.Name); at.Position != step.From || at.Version != of.Version {
			return ErrOvertaken
		}
	}
	if err := trip.run(); err != nil {
		return err
	}
	for _, of := range step.Of {
		m.at(step.Lane, of.Name).Position = step.To
	}
	m.parked = append(m.parked, step.Park...)
	m.parked = slices.DeleteFunc(m.parked, func(p Parked) bool {
		return slices.ContainsFunc(step.Unpark, func(u Parked) bool { return u.Projection == p.Projection && u.Stream == p.Stream })
	})
	return after
}

// Parked implements Storage.
func (m *Memory) Parked(_ context.Context, lane, limit int) ([]Parked, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.DeleteFunc(slices.Clone(m.parked), func(p Parked) bool { return p.Lane != lane })
	slices.SortStableFunc(all, func(a, b Parked) int { return cmp.Compare(a.Position, b.Position) })
	return all[:min(limit, len(all))], nil
}

func (t *Trip) run() error {
	for _, step := range t.steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// MemoryTable is a Table for Memory. Its methods are called by a Memory, one at a
// time; read Rows when no follower runs.
type MemoryTable[R any] struct{ Rows map[uuid.UUID]R }

// Load implements Table.
func (t *MemoryTable[R]) Load(trip *Trip, keys []RowKey, found func(uuid.UUID, *R)) {
	trip.Do(func() error {
		for _, key := range keys {
			if row, there := t.Rows[key.Stream]; there {
				found(key.Stream, &row)
			}
		}
		return nil
	})
}

// Save implements Table.
func (t *MemoryTable[R]) Save(trip *Trip, changes []*Change[R]) {
	trip.Do(func() error {
		if t.Rows == nil {
			t.Rows = map[uuid.UUID]R{}
		}
		for _, change := range changes {
			t.Rows[change.Stream] = *change.New
		}
		return nil
	})
}
