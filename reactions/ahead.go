package reactions

import (
	"context"
	"fmt"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/projections/payments"
)

// actorRecheck is who asks about refunds again, as events say it.
const actorRecheck = "reaction:recheck"

// Moved is a merchant whose test clock may run ahead of the wall.
type Moved struct {
	Merchant id.Merchant
	// Recheck: it moved in the last RecheckFor.
	Recheck bool
}

// Ahead knows the merchants whose test clock may run ahead, and what is due for them
// before its time on the wall.
type Ahead interface {
	Moved(ctx context.Context, lane int) ([]Moved, error)
	// DueOf lists a merchant's payments in test mode that are due after from, up to to.
	DueOf(ctx context.Context, lane int, merchant id.Merchant, from, to time.Time, limit int) ([]payments.Due, error)
	// Refunded lists payments of a merchant in test mode with refunds that succeeded,
	// the newest first.
	Refunded(ctx context.Context, merchant id.Merchant, limit int) ([]id.Payment, error)
	// Offset is how far the merchant's clock runs ahead.
	Offset(ctx context.Context, merchant id.Merchant) (time.Duration, error)
}

// RecheckFor is how long after a move of the clock settled refunds are looked at: the
// read model that lists them may be behind the newest.
const RecheckFor = 3 * time.Second

// The rest after a long read of what is due ahead of time, so that one merchant's
// moved clock among millions of open holds costs a twentieth of a connection.
const (
	longRead     = 50 * time.Millisecond
	longReadRest = 20
)

// recheckMax bounds what one move of a clock has looked at again: a test of refunds
// has a handful.
const recheckMax = 100

// passAhead looks after one page of each merchant whose clock was moved.
func (w *Watch) passAhead(ctx context.Context, lane int) error {
	moved, err := w.ahead.Moved(ctx, lane)
	if err != nil {
		return err
	}
	for _, m := range moved {
		if err := w.lookAhead(ctx, lane, m); err != nil {
			return fmt.Errorf("merchant %s: %w", m.Merchant, err)
		}
	}
	return nil
}

func (w *Watch) lookAhead(ctx context.Context, lane int, m Moved) error {
	offset, err := w.ahead.Offset(ctx, m.Merchant)
	if err != nil || offset == 0 {
		return err
	}
	now := w.now()
	if now.Before(w.resting[lane][m.Merchant]) && !m.Recheck {
		return nil
	}
	due, err := w.ahead.DueOf(ctx, lane, m.Merchant, now, now.Add(offset), pageMax)
	if err != nil {
		return err
	}
	if took := w.now().Sub(now); took > longRead {
		w.resting[lane][m.Merchant] = now.Add(took * longReadRest)
	}
	if err := w.tendAll(ctx, lane, due); err != nil || !m.Recheck {
		return err
	}
	return w.recheck(ctx, lane, m.Merchant)
}

// recheck asks what became of refunds that had succeeded: by the moved clock the
// cardholder's bank may have sent the money back. In live mode the acquirer tells.
func (w *Watch) recheck(ctx context.Context, lane int, merchant id.Merchant) error {
	refunded, err := w.ahead.Refunded(ctx, merchant, recheckMax)
	if err != nil {
		return err
	}
	for _, p := range refunded {
		target := commands.Target{Lane: lane, Merchant: merchant, Payment: p}
		if _, err := w.desk.Recheck(ctx, actorRecheck, target); err != nil {
			return fmt.Errorf("refunds of %s: %w", p, err)
		}
	}
	return nil
}
