package eventstore

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// laneCacheMax bounds what a process remembers, some ten megabytes; beyond it all is
// forgotten and asked again.
const laneCacheMax = 100_000

// laneCache remembers which lane a merchant belongs to: it never changes.
type laneCache struct {
	mu    sync.RWMutex
	lanes map[uuid.UUID]int
}

func (c *laneCache) get(merchant uuid.UUID) (int, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	lane, ok := c.lanes[merchant]
	return lane, ok
}

func (c *laneCache) put(merchant uuid.UUID, lane int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lanes == nil || len(c.lanes) >= laneCacheMax {
		c.lanes = map[uuid.UUID]int{}
	}
	c.lanes[merchant] = lane
}

// LaneOf tells a merchant's lane; ErrUnassigned when it has none.
func (s *Store) LaneOf(ctx context.Context, merchant uuid.UUID) (int, error) {
	if lane, ok := s.lanes.get(merchant); ok {
		return lane, nil
	}
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	var lane int
	err := s.config.Pool.QueryRow(ctx, "SELECT lane FROM public.merchant_lanes WHERE merchant_id = $1", merchant).Scan(&lane)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, fmt.Errorf("lane of merchant %s: %w", merchant, ErrUnassigned)
	case err != nil:
		return 0, fmt.Errorf("lane of merchant %s: %w", merchant, unknown(err))
	}
	s.lanes.put(merchant, lane)
	return lane, nil
}

// AssignLane puts a merchant into a lane, for ever: the first assignment stays and is
// returned, whoever makes the next.
func (s *Store) AssignLane(ctx context.Context, merchant uuid.UUID, lane int) (int, error) {
	writing, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.config.Pool.Exec(writing, "INSERT INTO public.merchant_lanes (merchant_id, lane) VALUES ($1, $2) ON CONFLICT DO NOTHING", merchant, lane)
	if err != nil {
		return 0, fmt.Errorf("assign merchant %s to lane %d: %w", merchant, lane, unknown(err))
	}
	return s.LaneOf(ctx, merchant)
}
