package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// upkeepEvery is how often partitions are looked after; crossing into a new partition
// of events wakes it too.
const upkeepEvery = 5 * time.Minute

// claimDaysReady is how many days ahead claims find their partitions made: a process
// may be without upkeep for that long before an append has to make one itself.
const claimDaysReady = 2

func (s *Store) wakeUpkeep() {
	select {
	case s.grow <- struct{}{}:
	default:
	}
}

// runUpkeep ends with the context. A pass that fails is only late: the next partition
// is ready long before it is needed, and an append that meets none makes it.
func (s *Store) runUpkeep(ctx context.Context) {
	ticker := time.NewTicker(upkeepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.grow:
		}
		if err := s.Maintain(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Warn("upkeep of partitions failed, it is tried again", "error", err)
		}
	}
}

// Maintain is one pass over the partitions: each lane has one ready after that of its
// head, claims have today's and the next days', and those whose claims no longer count
// are dropped. Open does it first and a running Store every few minutes.
func (s *Store) Maintain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 4*s.config.AppendTimeout)
	defer cancel()
	connection, err := sessionConfig(&s.config)
	if err != nil {
		return fmt.Errorf("maintain partitions: %w", err)
	}
	conn, err := pgx.ConnectConfig(ctx, connection)
	if err != nil {
		return fmt.Errorf("maintain partitions: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return s.maintain(ctx, conn)
}

func (s *Store) maintain(ctx context.Context, conn *pgx.Conn) error {
	for lane := range s.appenders {
		if _, err := conn.Exec(ctx, "SELECT public.extend_lane($1, 0)", lane); err != nil {
			return fmt.Errorf("partitions of lane %d: %w", lane, err)
		}
	}
	today := ClaimDay(s.config.Now())
	if _, err := conn.Exec(ctx, "SELECT public.extend_claims($1, $2)", today, today.AddDate(0, 0, claimDaysReady)); err != nil {
		return fmt.Errorf("partitions of claims: %w", err)
	}
	// One day more than counts stays, for a process whose clock is behind.
	return dropClaims(ctx, conn, today.AddDate(0, 0, -ClaimDaysBack-1))
}

// dropClaims drops a day at a time, so that the lock it needs is held for moments.
func dropClaims(ctx context.Context, conn *pgx.Conn, before time.Time) error {
	for range 31 {
		var dropped int
		err := conn.QueryRow(ctx, "SELECT public.drop_claims($1)", before).Scan(&dropped)
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "55P03" {
			return nil // appends were busy; the next pass tries again
		}
		if err != nil {
			return fmt.Errorf("drop claims before %s: %w", before.Format(time.DateOnly), err)
		}
		if dropped == 0 {
			return nil
		}
	}
	return nil
}
