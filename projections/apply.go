package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/failpoint"
)

// batch is one step of some projections over consecutive events.
type batch struct {
	members []*member
	events  []*Event
	from    int64
	to      int64
	park    []Parked
	unpark  []Parked
}

// apply decodes events once and folds them into all members, in one transaction.
// Events that cannot be folded park their streams on the way.
func (f *Follower) apply(ctx context.Context, members []*member, events []eventstore.Event) error {
	began := time.Now()
	last := events[len(events)-1]
	ctx, span := f.startSpan(ctx, events)
	defer span.End()

	b := &batch{members: members, from: members[0].Position}
	if err := f.decode(b, events); err != nil || len(b.members) == 0 {
		return err
	}
	err := f.fold(ctx, b)
	if unfit := (*UnfitError)(nil); errors.As(err, &unfit) {
		forget(b)
		err = f.applySingly(ctx, members, events, unfit)
	}
	if err != nil {
		span.RecordError(err)
		return err
	}
	f.busy = len(events) >= busyFrom
	f.arrived()
	f.meter.batch(len(events), time.Since(began))
	f.meter.lagSeconds.Set(f.Now().Sub(last.RecordedAt).Seconds())
	f.measureLag(b.to)
	return nil
}

// startSpan opens a batch's span, linked to those of the commands it shows: a trace
// leads from a request to the moment its payment stands in the list.
func (f *Follower) startSpan(ctx context.Context, events []eventstore.Event) (context.Context, trace.Span) {
	first, last := events[0].Position, events[len(events)-1].Position
	options := []trace.SpanStartOption{trace.WithAttributes(
		attribute.String("follower", f.Name), attribute.Int("lane", f.Lane),
		attribute.Int64("position", last), attribute.Int("events", len(events)))}
	if f.Appenders != nil {
		options = append(options, trace.WithLinks(f.Appenders(f.Lane, first-1, last)...))
	}
	return f.tracer.Start(ctx, "projections.batch", options...)
}

// decode decodes a batch up to its end, or up to the event before which a projection
// over many streams must halt.
func (f *Follower) decode(b *batch, events []eventstore.Event) error {
	all := make([]Event, len(events))
	b.events = make([]*Event, 0, len(events))
	for i := range events {
		e := &all[i]
		e.Event = events[i]
		fact, err := f.Decoders.Decode(&e.Event)
		if err == nil {
			e.Fact = fact
			b.events = append(b.events, e)
			continue
		}
		if slices.ContainsFunc(b.members, func(m *member) bool { return m.Whole() }) {
			if i > 0 {
				b.to = events[i-1].Position // they are brought up to here first
				return nil
			}
			b.members = f.halt(b.members, &FoldError{Event: e, Err: err})
		}
		for _, m := range b.members {
			f.park(b, m, e, err)
		}
	}
	b.to = events[len(events)-1].Position
	return nil
}

// fold runs the members' stages until all of them get through, parking what stops
// one, and commits. Each round parks one stream at least, so there are not more
// rounds than events.
func (f *Follower) fold(ctx context.Context, b *batch) error {
	for range len(b.events) + 1 {
		stopped, err := f.try(ctx, b)
		if err == nil {
			f.settle(b)
			return nil
		}
		for _, m := range b.members {
			m.stage.Settle(false)
		}
		poison := (*FoldError)(nil)
		if !errors.As(err, &poison) {
			return err
		}
		if stopped.Whole() {
			if b.members = f.halt(b.members, poison, stopped); len(b.members) == 0 {
				return nil
			}
			continue
		}
		f.park(b, stopped, poison.Event, poison.Err)
	}
	return fmt.Errorf("events %d to %d of lane %d: more streams to park than events", b.from, b.to, f.Lane)
}

// try folds and commits once. If we crash before the commit nothing happened; after
// it everything did, the checkpoint with it.
func (f *Follower) try(ctx context.Context, b *batch) (stopped *member, err error) {
	var load, save Trip
	mine := make([][]*Event, len(b.members))
	for i, m := range b.members {
		mine[i] = m.unparked(b)
		m.stage.Load(&load, mine[i])
	}
	if !load.Empty() {
		if err := f.Storage.Load(ctx, &load); err != nil {
			return nil, err
		}
	}
	var prepare Trip
	for i, m := range b.members {
		if err := m.stage.Fold(ctx, mine[i], f.past); err != nil {
			return m, err
		}
		m.stage.Prepare(&prepare)
	}
	if !prepare.Empty() {
		if err := f.Storage.Load(ctx, &prepare); err != nil {
			return nil, err
		}
	}
	of := make([]Progress, len(b.members))
	for i, m := range b.members {
		m.stage.Save(&save)
		of[i] = m.Progress
	}
	failpoint.Hit("projection.rows_in_hand")
	err = f.Storage.Commit(ctx, Step{Lane: f.Lane, Of: of, From: b.from, To: b.to, Park: b.park, Unpark: b.unpark}, &save)
	failpoint.Hit("projection.rows_committed")
	return nil, err
}

// unparked is the batch without the streams that wait. While a stream is unparked,
// what waited is the batch.
func (m *member) unparked(b *batch) []*Event {
	if len(m.parked) == 0 || b.unpark != nil {
		return b.events
	}
	events := make([]*Event, 0, len(b.events))
	for _, e := range b.events {
		if p, waits := m.parked[e.Stream.ID]; !waits || e.Position < p.Position {
			events = append(events, e)
		}
	}
	return events
}

func (f *Follower) settle(b *batch) {
	for _, m := range b.members {
		m.stage.Settle(true)
		m.Position = b.to
	}
	for _, p := range b.park {
		f.Logger.Error("projections: a stream is parked until a mended binary starts",
			"projection", p.Projection, "aggregate", p.Aggregate, "stream", p.Stream, "position", p.Position, "reason", p.Reason)
	}
	f.meter.parked.Add(float64(len(b.park) - len(b.unpark)))
}

// applySingly finds the event PostgreSQL refuses by giving it one event at a time.
func (f *Follower) applySingly(ctx context.Context, members []*member, events []eventstore.Event, refusal *UnfitError) error {
	for i := range events {
		b := &batch{members: members, from: members[0].Position}
		if err := f.decode(b, events[i:i+1]); err != nil || len(b.members) == 0 {
			return err
		}
		err := f.fold(ctx, b)
		if errors.As(err, &refusal) {
			for _, m := range b.members {
				m.stage.Settle(false)
				f.park(b, m, b.events[0], refusal)
			}
			err = f.fold(ctx, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forget takes back the parking of a batch that was not committed.
func forget(b *batch) {
	for _, p := range b.park {
		for _, m := range b.members {
			if m.Progress.Name == p.Projection {
				delete(m.parked, p.Stream)
			}
		}
	}
}

// past gives a stream's earlier events, decoded.
func (f *Follower) past(ctx context.Context, stream streamID, before int) ([]*Event, error) {
	return pastOf(ctx, f.Log, f.Decoders, stream, before)
}

type streamID = uuid.UUID

func pastOf(ctx context.Context, log Streams, decoders Decoders, stream streamID, before int) ([]*Event, error) {
	events, err := log.ReadStream(ctx, stream, 0, min(before-1, StreamEventsMax))
	if err != nil {
		return nil, err
	}
	decoded := make([]*Event, 0, before)
	for i := range events {
		if events[i].Version >= before {
			break
		}
		fact, err := decoders.Decode(&events[i])
		if err != nil {
			return nil, err
		}
		decoded = append(decoded, &Event{Event: events[i], Fact: fact})
	}
	return decoded, nil
}
