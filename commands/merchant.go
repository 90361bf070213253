package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
)

// Lanes keeps which lane a merchant belongs to, for ever. AssignLane keeps the
// first assignment and returns it.
type Lanes interface {
	AssignLane(ctx context.Context, merchant uuid.UUID, lane int) (int, error)
	LaneOf(ctx context.Context, merchant uuid.UUID) (int, error)
}

// MerchantReply is how a merchant stands after a command, and where that is written.
type MerchantReply struct {
	State    merchant.State
	Position eventstore.Position // zero for a repeat
	Answer   Answer              // what Call.Render made; for a repeat, what it made the first time
	Replayed bool                // the first answer to this idempotency key, again
}

// CreateMerchant makes a merchant, to be reviewed; w.Merchant is drawn here when it
// is zero. If we crash between the two steps, a lane is assigned to nobody.
func (d *Desk) CreateMerchant(ctx context.Context, call Call, w merchant.Create) (MerchantReply, error) {
	if w.Merchant.IsZero() {
		w.Merchant = id.From[id.Merchant](d.newID())
	}
	if _, refused := w.Decide(merchant.State{}); refused != nil {
		return MerchantReply{}, refused
	}
	if d.lanes == nil {
		return MerchantReply{}, errNoLanes
	}
	lane, err := d.lanes.AssignLane(ctx, w.Merchant.UUID(), d.laneFor(w.Merchant))
	if err != nil {
		return MerchantReply{}, fmt.Errorf("assign a lane to merchant %s: %w", w.Merchant, err)
	}
	return d.changeMerchant(ctx, call, place{stream: w.Merchant.UUID(), lane: lane, merchant: w.Merchant, livemode: true}, w.Decide)
}

// ActivateMerchant opens a reviewed merchant for payments.
func (d *Desk) ActivateMerchant(ctx context.Context, call Call, m id.Merchant) (MerchantReply, error) {
	return d.aboutMerchant(ctx, call, m, merchant.Activate{}.Decide)
}

// SuspendMerchant freezes a merchant: no new payments in any process within MerchantAgeMax.
func (d *Desk) SuspendMerchant(ctx context.Context, call Call, m id.Merchant, w merchant.Suspend) (MerchantReply, error) {
	return d.aboutMerchant(ctx, call, m, w.Decide)
}

// ThawMerchant ends a suspension.
func (d *Desk) ThawMerchant(ctx context.Context, call Call, m id.Merchant, w merchant.Thaw) (MerchantReply, error) {
	return d.aboutMerchant(ctx, call, m, w.Decide)
}

// TerminateMerchant ends the relation for good.
func (d *Desk) TerminateMerchant(ctx context.Context, call Call, m id.Merchant, w merchant.Terminate) (MerchantReply, error) {
	return d.aboutMerchant(ctx, call, m, w.Decide)
}

func (d *Desk) aboutMerchant(ctx context.Context, call Call, m id.Merchant, decide func(merchant.State) ([]merchant.Event, *refusal.Refusal)) (MerchantReply, error) {
	lane, err := d.laneOf(ctx, m)
	if err != nil {
		return MerchantReply{}, err
	}
	return d.changeMerchant(ctx, call, place{stream: m.UUID(), lane: lane, merchant: m, livemode: true}, decide)
}

// changeMerchant takes a wish down the road, and has this process know of it at once.
func (d *Desk) changeMerchant(ctx context.Context, call Call, at place, decide func(merchant.State) ([]merchant.Event, *refusal.Refusal)) (MerchantReply, error) {
	after, err := alter(ctx, d, merchants, call, at, decide)
	d.merchants.Forget(at.merchant)
	return MerchantReply{State: after.state, Position: after.position, Answer: after.answer, Replayed: after.replayed}, err
}

// errNoLanes: the desk was made without Lanes.
var errNoLanes = errors.New("desk: no lanes to place merchants in")

func (d *Desk) laneOf(ctx context.Context, m id.Merchant) (int, error) {
	if d.lanes == nil {
		return 0, errNoLanes
	}
	lane, err := d.lanes.LaneOf(ctx, m.UUID())
	if errors.Is(err, eventstore.ErrUnassigned) {
		return 0, refusal.New(refusal.NotFound, "No such merchant.")
	}
	if err != nil {
		return 0, fmt.Errorf("find the lane of merchant %s: %w", m, err)
	}
	return lane, nil
}

// laneFor spreads merchants over the lanes by the random bits of their ids.
func (d *Desk) laneFor(m id.Merchant) int {
	u := m.UUID()
	return d.laneNumbers[(int(u[14])<<8|int(u[15]))%len(d.laneNumbers)]
}
