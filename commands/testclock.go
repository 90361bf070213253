package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/refusal"
)

// Clocks is told of test clocks that run ahead, because what is due then comes
// before its time on the wall.
type Clocks interface {
	// Moving comes before the move is recorded; on return it is durable that the
	// merchant's clock may be ahead. If we crash then, it was told too much, never too
	// little.
	Moving(ctx context.Context, lane int, merchant id.Merchant) error
	// Moved comes after: whatever waits by this merchant's clock is to be looked at.
	Moved(ctx context.Context, merchant id.Merchant) error
}

// AdvanceTestClock moves the caller's clock forward in test mode, under one
// idempotency key once. On return this process goes by the new time, and the reactions
// have been told: by a repeat too, in case the first request died before it told.
func (d *Desk) AdvanceTestClock(ctx context.Context, call Call, by time.Duration) (MerchantReply, error) {
	who := call.Principal
	if who.Livemode {
		return MerchantReply{}, refusal.New(refusal.TestClockInvalid, "Live mode has no test clock. Use a test key.")
	}
	if d.clocks != nil {
		if err := d.clocks.Moving(ctx, who.Lane, who.Merchant); err != nil {
			return MerchantReply{}, fmt.Errorf("announce the test clock of %s: %w", who.Merchant, err)
		}
	}
	at := place{stream: who.Merchant.UUID(), lane: who.Lane, merchant: who.Merchant, livemode: false}
	reply, err := d.changeMerchant(ctx, call, at, merchant.AdvanceTestClock{By: by}.Decide)
	if err != nil || d.clocks == nil {
		return reply, err
	}
	if err := d.clocks.Moved(context.WithoutCancel(ctx), who.Merchant); err != nil {
		return reply, fmt.Errorf("tell of the test clock of %s: %w", who.Merchant, err)
	}
	return reply, nil
}
