package api

import (
	"context"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
)

// Desk takes commands; *commands.Desk does.
type Desk interface {
	Authorize(ctx context.Context, call commands.Call, wish commands.Authorize) (commands.Reply, error)
	AuthorizeBatch(ctx context.Context, items []commands.Item) []commands.ItemReply
	Capture(ctx context.Context, call commands.Call, wish commands.Capture) (commands.Reply, error)
	Cancel(ctx context.Context, call commands.Call, wish commands.Cancel) (commands.Reply, error)
	Refund(ctx context.Context, call commands.Call, wish commands.Refund) (commands.Reply, error)
	CompleteAction(ctx context.Context, call commands.Call, wish commands.CompleteAction) (commands.Reply, error)
	AdvanceTestClock(ctx context.Context, call commands.Call, by time.Duration) (commands.MerchantReply, error)
	Correct(ctx context.Context, call commands.Call, target commands.Target, wish payment.Correct) (commands.Reply, error)
}

// Payments answers questions about payments; payments.Query does. What is not the
// merchant's, in this mode, is projections.ErrNotFound.
type Payments interface {
	Get(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment) (payments.Resource, error)
	At(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment, asOf time.Time) (payments.Resource, error)
	History(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment) ([]payments.Moment, error)
	List(ctx context.Context, filter payments.Filter) (payments.Page, error)
}

// Refunds answers questions about refunds; refunds.Query does.
type Refunds interface {
	Get(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment, refund id.Refund) (refunds.Resource, error)
	At(ctx context.Context, merchant id.Merchant, livemode bool, payment id.Payment, refund id.Refund, asOf time.Time) (refunds.Resource, error)
	List(ctx context.Context, filter refunds.Filter) (refunds.Page, error)
}

// Merchants tells how a merchant stands; *commands.MerchantCache does.
type Merchants interface {
	Find(ctx context.Context, merchant id.Merchant) (merchant.State, error)
}

// Challenges tells on whose behalf a cardholder acts on the sandbox's 3-D Secure
// page of a payment: the merchant's principal, with its lane.
type Challenges interface {
	Find(ctx context.Context, payment id.Payment) (on access.Principal, found bool, err error)
}
