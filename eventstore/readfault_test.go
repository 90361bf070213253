package eventstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/migrations"
)

// reads are the short reads of a command's road, each with the caller's own ctx.
func reads(store *eventstore.Store) map[string]func(context.Context) error {
	claim := eventstoretest.Claim(eventstoretest.Payment())
	return map[string]func(context.Context) error{
		"ReadStream":  func(ctx context.Context) error { _, err := store.ReadStream(ctx, uuid.New(), 0, 10); return err },
		"ReadStreams": func(ctx context.Context) error { _, err := store.ReadStreams(ctx, []uuid.UUID{uuid.New()}); return err },
		"Claimed":     func(ctx context.Context) error { _, _, err := store.Claimed(ctx, claim.Key, claim.At); return err },
		"LaneOf":      func(ctx context.Context) error { _, err := store.LaneOf(ctx, uuid.New()); return err },
		"AssignLane":  func(ctx context.Context) error { _, err := store.AssignLane(ctx, uuid.New(), 0); return err },
	}
}

func TestReadsOfADatabaseThatHangsEndInTimeAsUnavailable(t *testing.T) {
	t.Parallel()
	url := embeddedtest.Database(t, migrations.Up)
	store := open(t, url, eventstore.Config{AppendTimeout: 500 * time.Millisecond})
	tx, err := connect(t, url).BeginTx(t.Context(), pgx.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE events, stream_heads, claims, answers, merchant_lanes IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	for name, read := range reads(store) {
		begin := time.Now()
		err := read(context.WithoutCancel(t.Context())) // as after the network has answered
		if took := time.Since(begin); !errors.Is(err, eventstore.ErrUnavailable) || took > 5*time.Second {
			t.Errorf("%s: %v after %s", name, err, took)
		}
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, read := range reads(store) {
		if err := read(t.Context()); err != nil && (name != "LaneOf" || !errors.Is(err, eventstore.ErrUnassigned) || errors.Is(err, eventstore.ErrUnavailable)) {
			t.Errorf("%s afterwards: %v", name, err)
		}
	}
}
