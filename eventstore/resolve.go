package eventstore

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// tellClaims fills the ClaimedErrors of entries with the claims that stand in their way.
func (s *session) tellClaims(ctx context.Context, entries []*entry) error {
	if len(entries) == 0 {
		return nil
	}
	keys, times := make([]uuid.UUID, len(entries)), make([]time.Time, len(entries))
	for i, e := range entries {
		keys[i], times[i] = uuid.UUID(e.command.Claim.Key), e.command.Claim.At
	}
	rows, _ := s.conn.Query(ctx, statementClaims, keys, times)
	return eachClaim(rows, keys, func(number int, found Claimed) {
		entries[number].result.Err = &ClaimedError{Claimed: found}
	})
}

// eachClaim reads the rows of find_claims.
func eachClaim(rows pgx.Rows, keys []uuid.UUID, tell func(number int, found Claimed)) error {
	var (
		number         int
		at             time.Time
		stream, intent uuid.UUID
		fingerprint    []byte
		status         *int
		body           []byte
	)
	_, err := pgx.ForEachRow(rows, []any{&number, &at, &stream, &intent, &fingerprint, &status, &body}, func() error {
		if len(fingerprint) != 32 || number < 1 || number > len(keys) {
			return fmt.Errorf("claim %d of %d, fingerprint of %d bytes", number, len(keys), len(fingerprint))
		}
		key := ClaimKey(keys[number-1])
		found := Claimed{Claim: Claim{Key: key, Fingerprint: [32]byte(fingerprint), Stream: stream, Intent: intent, At: at.UTC()}}
		if status != nil {
			found.Answer = &Answer{Key: key, ClaimedAt: found.At, Status: *status, Body: append([]byte{}, body...)}
		}
		tell(number-1, found)
		return nil
	})
	return err
}

// findEarlier looks, among the refused commands of a batch that was sent twice, for
// those that the first sending had committed: they are refused because they stand.
// It gives them their receipts and returns their events.
func (s *session) findEarlier(ctx context.Context, lane int, batch []*entry) (Batch, error) {
	var earlier Batch
	for _, e := range batch {
		if e.result.Err == nil {
			continue
		}
		found, err := s.stands(ctx, lane, e)
		if err != nil {
			return Batch{}, err
		}
		if found {
			earlier.Events = append(earlier.Events, e.prepared.Events...)
			earlier.Frames = append(earlier.Frames, e.prepared.Frames...)
		}
	}
	return earlier, nil
}

// stands tells whether e was committed. Its first event tells for all of it: a
// command is whole or not there. One without events is told by its claim.
func (s *session) stands(ctx context.Context, lane int, e *entry) (bool, error) {
	if len(e.prepared.Events) == 0 {
		refused, ok := e.result.Err.(*ClaimedError) //nolint:errorlint // made by tellClaims
		if !ok || !sameClaim(refused.Claimed.Claim, *e.command.Claim) {
			return false, nil
		}
		e.result = Result{}
		return true, nil
	}
	k := 0
	for i := range e.command.Writes {
		w := &e.command.Writes[i]
		events := e.prepared.Events[k : k+len(w.Events)]
		k += len(w.Events)
		if found, err := s.placed(ctx, lane, w.Expected, events); !found || err != nil {
			return false, err
		}
	}
	last := e.prepared.Events[len(e.prepared.Events)-1].Position
	e.result = Result{Receipt: Receipt{Last: Position{Lane: lane, Number: last}}}
	return true, nil
}

// placed gives one write's events the positions at which they stand, if they do.
func (s *session) placed(ctx context.Context, lane, expected int, events []Event) (bool, error) {
	rows, _ := s.conn.Query(ctx, statementStream, []uuid.UUID{events[0].Stream.ID}, expected, len(events))
	matched := 0
	var position int64
	var hash []byte
	_, err := pgx.ForEachRow(rows, []any{&position, &hash}, func() error {
		if matched < len(events) && string(hash) == string(events[matched].Hash[:]) {
			events[matched].Lane, events[matched].Position = lane, position
			matched++
		}
		return nil
	})
	return matched == len(events), err
}

// sameClaim compares to the microsecond that PostgreSQL keeps.
func sameClaim(a, b Claim) bool {
	at := a.At.UnixMicro() == b.At.UnixMicro()
	a.At, b.At = time.Time{}, time.Time{}
	return at && a == b
}

// makePartitions is the last resort of an append that met a missing partition:
// maintenance makes them long before they are needed.
func (s *session) makePartitions(ctx context.Context, lane, events int, days []time.Time) error {
	if _, err := s.conn.Exec(ctx, "SELECT public.extend_lane($1, position + $2) FROM public.lanes WHERE lane = $1", lane, events); err != nil {
		return fmt.Errorf("make partitions of lane %d: %w", lane, err)
	}
	for _, day := range days {
		if _, err := s.conn.Exec(ctx, "SELECT public.extend_claims($1, $1)", day); err != nil {
			return fmt.Errorf("make the claim partitions of %s: %w", day.Format(time.DateOnly), err)
		}
	}
	return nil
}
