package projections

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/jackc/pgx/v5"
)

// switchOver puts the new tables in place of the old, in one transaction: followers
// wait at their checkpoint for the few events that are left, and then find that their
// version is gone. If we crash in it, nothing has changed.
func (s *site) switchOver(ctx context.Context) error {
	err := s.patiently(ctx, func(tx pgx.Tx) error {
		return s.orAsBefore(func() error {
			if err := s.join(ctx, tx); err != nil {
				return err
			}
			for _, b := range s.builds {
				if err := s.takeOver(ctx, tx, b); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("rebuild: switch to the new tables: %w", err)
	}
	return nil
}

// orAsBefore runs a step of a transaction that folds events. Should it fail, its rows
// are rolled back: the lanes stand where they stood before, and the stages are opened
// anew, because what they folded in memory is ahead of the tables. Without that the
// next attempt would leave the step's events out.
func (s *site) orAsBefore(step func() error) error {
	before := maps.Clone(s.reached)
	err := step()
	if err != nil {
		s.reached = before
		for _, b := range s.builds {
			b.stage = b.Open(b.to)
		}
	}
	return err
}

const lockCheckpoints = `
SELECT lane, position FROM projection_checkpoints WHERE name = $1 AND version = $2 ORDER BY lane FOR UPDATE`

// join makes followers wait and brings the new tables to where they stand.
func (s *site) join(ctx context.Context, tx pgx.Tx) error {
	furthest, err := s.hold(ctx, tx)
	if err != nil {
		return err
	}
	for _, lane := range s.Lanes {
		if err := s.foldTail(ctx, tx, lane, furthest[lane]); err != nil {
			return fmt.Errorf("lane %d: %w", lane, err)
		}
	}
	return nil
}

// hold locks the checkpoints and gives the furthest position of each lane.
func (s *site) hold(ctx context.Context, tx pgx.Tx) (map[int]int64, error) {
	furthest := map[int]int64{}
	for _, b := range s.builds {
		rows, err := tx.Query(ctx, lockCheckpoints, b.Name(), b.from)
		if err != nil {
			return nil, err
		}
		var lane int
		var position int64
		if _, err := pgx.ForEachRow(rows, []any{&lane, &position}, func() error {
			furthest[lane] = max(furthest[lane], position)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return furthest, nil
}

// foldTail folds the last events while followers wait. Its caller runs it, with
// whatever else may fail the transaction, in orAsBefore.
func (s *site) foldTail(ctx context.Context, tx pgx.Tx, lane int, upTo int64) error {
	for s.reached[lane] < upTo {
		events, err := s.Log.ReadLog(ctx, lane, s.reached[lane], int(min(rebuildPage, upTo-s.reached[lane])))
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("the log ends at %d, a checkpoint stands at %d", s.reached[lane], upTo)
		}
		decoded := make([]*Event, 0, len(events))
		for i := range events {
			e := &Event{Event: events[i]}
			if e.Fact, err = s.Decoders.Decode(&e.Event); err != nil {
				for _, b := range s.builds {
					b.parkFrom(&FoldError{Event: e, Err: err})
				}
				continue
			}
			decoded = append(decoded, e)
		}
		for _, b := range s.builds {
			if err := s.foldWithin(ctx, tx, b, b.unparked(decoded)); err != nil {
				return err
			}
		}
		s.reached[lane] = events[len(events)-1].Position
	}
	return nil
}

func (s *site) foldWithin(ctx context.Context, tx pgx.Tx, b *build, events []*Event) error {
	var load, save Trip
	b.stage.Load(&load, events)
	if !load.Empty() {
		if err := tx.SendBatch(ctx, &load.sql).Close(); err != nil {
			return err
		}
	}
	if err := b.stage.Fold(ctx, events, s.past); err != nil {
		return err
	}
	if err := prepareAndSave(ctx, tx, b.stage, &save); err != nil {
		return err
	}
	if err := send(ctx, tx, &save); err != nil {
		return err
	}
	b.stage.Settle(true)
	return nil
}

// takeOver makes a projection's new tables the ones in use.
func (s *site) takeOver(ctx context.Context, tx pgx.Tx, b *build) error {
	var batch pgx.Batch
	batch.Queue(`DELETE FROM projection_checkpoints WHERE name = $1`, b.Name())
	batch.Queue(`DELETE FROM parked_streams WHERE projection = $1`, b.Name())
	for _, lane := range s.Lanes {
		batch.Queue(`INSERT INTO projection_checkpoints (name, version, lane, position) VALUES ($1, $2, $3, $4)`, b.Name(), b.to, lane, s.reached[lane])
	}
	for _, p := range b.parked {
		batch.Queue(park, p.Projection, p.Version, p.Lane, p.Stream, p.Aggregate, p.Position, p.StreamAt, strings.ToValidUTF8(p.Reason, "?"))
	}
	batch.Queue(`UPDATE projection_versions SET version = $2 WHERE name = $1`, b.Name(), b.to)
	for _, table := range b.Tables(b.to) {
		batch.Queue("CREATE OR REPLACE VIEW " + viewOf(table.Name, b.to) + " AS SELECT * FROM " + table.Name)
	}
	return tx.SendBatch(ctx, &batch).Close()
}

// viewOf is payments for payments_v2.
func viewOf(table string, version int) string {
	return strings.TrimSuffix(table, fmt.Sprintf("_v%d", version))
}
