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
	// Moved lists those that moved in the last RecheckFor, and up to limit others of the
	// lane behind after, by id.
	Moved(ctx context.Context, lane int, after id.Merchant, limit int) ([]Moved, error)
	// Forget drops a merchant whose clock stands at the wall's, unless one was about to
	// move in the last minute.
	Forget(ctx context.Context, merchant id.Merchant) error
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

// aheadCursor is how far the passes have come through the merchants, by id.
type aheadCursor struct{ after id.Merchant }

// passAhead looks after one page of each of a page of merchants whose clock was moved.
// One merchant's trouble is its own.
func (w *Watch) passAhead(ctx context.Context, lane int, at *aheadCursor) error {
	moved, err := w.ahead.Moved(ctx, lane, at.after, pageMax)
	if err != nil {
		return err
	}
	others := 0
	for _, m := range moved {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // stopping is no trouble
		}
		if err := w.lookAhead(ctx, lane, m); err != nil {
			w.trouble(ctx, "moved clock of merchant "+m.Merchant.String(), lane, err)
		}
		if !m.Recheck {
			others++
			at.after = m.Merchant
		}
	}
	if others < pageMax {
		at.after = id.Merchant{}
	}
	return nil
}

func (w *Watch) lookAhead(ctx context.Context, lane int, m Moved) error {
	offset, err := w.ahead.Offset(ctx, m.Merchant)
	if err != nil {
		return err
	}
	if offset == 0 { // the move was refused, or has not been recorded yet
		delete(w.resting[lane], m.Merchant)
		if m.Recheck {
			return nil
		}
		return w.ahead.Forget(ctx, m.Merchant)
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
