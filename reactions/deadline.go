package reactions

import (
	"context"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/payment"
)

// actorDeadline is who expires authorizations, as events say it.
const actorDeadline = "reaction:deadline"

// expire records that the hold ran out, by the merchant's clock. The issuer let go at
// the same moment by itself, so nobody is called.
func (w *Watch) expire(ctx context.Context, target commands.Target, state payment.State, clock time.Time) error {
	if state.Status != payment.StatusAuthorized || clock.Before(state.ExpiresAt) {
		return nil
	}
	expired, err := w.desk.Expire(ctx, actorDeadline, target)
	if expired {
		w.measures.expired.Inc()
	}
	return err
}
