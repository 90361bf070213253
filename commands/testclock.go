package commands

import (
	"context"
	"time"

	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/refusal"
)

// AdvanceTestClock moves the caller's clock forward in test mode. On return this
// process goes by the new time; the reactions have been woken.
func (d *Desk) AdvanceTestClock(ctx context.Context, call Call, by time.Duration) (MerchantReply, error) {
	who := call.Principal
	if who.Livemode {
		return MerchantReply{}, refusal.New(refusal.TestClockInvalid, "Live mode has no test clock. Use a test key.")
	}
	at := place{stream: who.Merchant.UUID(), lane: who.Lane, merchant: who.Merchant, livemode: false}
	reply, err := d.changeMerchant(ctx, call, at, merchant.AdvanceTestClock{By: by}.Decide)
	if err == nil && d.clockAdvanced != nil {
		d.clockAdvanced(who.Merchant)
	}
	return reply, err
}
