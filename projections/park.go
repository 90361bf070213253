package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// parkedMax bounds what a follower remembers of parked streams. More than that is
// not poison but a binary that is too old for its log: it stops and says so.
const parkedMax = 10_000

// park leaves a stream out for m from e on. The row that says so is written in the
// batch's transaction: a checkpoint never passes an event that is neither folded
// nor written down as waiting.
func (f *Follower) park(b *batch, m *member, e *Event, reason error) {
	if _, waits := m.parked[e.Stream.ID]; waits {
		return
	}
	p := Parked{
		Projection: m.Progress.Name, Version: m.Version, Lane: f.Lane, Stream: e.Stream.ID, Aggregate: e.Stream.Aggregate,
		Position: e.Position, StreamAt: e.Version, Reason: reason.Error(), Since: f.Now(),
	}
	m.parked[e.Stream.ID] = p
	b.park = append(b.park, p)
}

// halt stops projections over many streams (all of them, or only those named) before
// an event, and gives the members that go on.
func (f *Follower) halt(members []*member, poison *FoldError, only ...*member) []*member {
	var on []*member
	for _, m := range members {
		if !m.Whole() || len(only) > 0 && !slices.Contains(only, m) {
			on = append(on, m)
			continue
		}
		m.halted = poison
		f.meter.halted.Inc()
		f.Logger.Error("projections: a projection over many streams halts until a mended binary starts",
			"projection", m.Progress.Name, "position", poison.Event.Position, "stream", poison.Event.Stream.ID, "reason", poison)
	}
	return on
}

// retryParked lets every parked stream try again; those that still cannot be folded
// stay where they are.
func (f *Follower) retryParked(ctx context.Context) error {
	for _, m := range f.members {
		if len(m.parked) >= parkedMax {
			return fmt.Errorf("%d streams of %s are parked: this binary is too old for the log of lane %d", len(m.parked), m.Progress.Name, f.Lane)
		}
		for _, p := range m.parked {
			if err := f.unpark(ctx, m, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// unpark folds what waited of one stream, up to where the projection stands, in a
// transaction that moves nothing else. If we crash in it, the stream is still parked.
func (f *Follower) unpark(ctx context.Context, m *member, p Parked) error {
	events, err := f.Log.ReadStream(ctx, p.Stream, p.StreamAt-1, StreamEventsMax)
	if err != nil {
		return err
	}
	b := &batch{members: []*member{m}, from: m.Position, to: m.Position, unpark: []Parked{p}}
	for i := range events {
		if events[i].Position > m.Position {
			break
		}
		fact, err := f.Decoders.Decode(&events[i])
		if err != nil {
			return nil //nolint:nilerr // as before: the reason stands in the table
		}
		b.events = append(b.events, &Event{Event: events[i], Fact: fact})
	}
	if _, err := f.try(ctx, b); err != nil {
		m.stage.Settle(false)
		if stillUnfit(err) {
			return nil
		}
		return err
	}
	delete(m.parked, p.Stream)
	f.settle(b)
	f.Logger.Info("projections: a parked stream goes on", "projection", p.Projection, "stream", p.Stream, "events", len(b.events))
	return nil
}

// stillUnfit tells poison from trouble.
func stillUnfit(err error) bool {
	poison, unfit := (*FoldError)(nil), (*UnfitError)(nil)
	return errors.As(err, &poison) || errors.As(err, &unfit)
}
