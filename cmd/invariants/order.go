package invariants

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
)

// order judges I11: positions 1…n in each lane, versions 1…n in each stream, heads
// that agree with both, and events that are what was once hashed.
type order struct {
	k *check
	r *Result
	// counted is how many events up to the head the walk over streams met, by lane: an
	// event that belongs to no stream's head is missing in it.
	counted map[int]int64
	last    map[int]int64 // position the walk over the lane has reached
}

func newOrder(k *check) *order {
	return &order{
		k: k, r: newResult("I11", "positions 1…n per lane, versions 1…n per stream, every event as it was hashed", "events"),
		counted: map[int]int64{}, last: map[int]int64{},
	}
}

func (o *order) result() *Result { return o.r }

func (o *order) lane(ctx context.Context, lane int, page []entry) error {
	for i := range page {
		e := &page[i]
		o.r.Checked++
		o.follows(lane, e)
		o.genuine(e)
	}
	return o.claimed(ctx, page)
}

// follows holds an event's position against the one before.
func (o *order) follows(lane int, e *entry) {
	switch want := o.last[lane] + 1; {
	case e.Position == want+1:
		o.r.violate(eventstore.Position{Lane: lane, Number: want}.String(), "the event is missing")
	case e.Position > want:
		o.r.violate(eventstore.Position{Lane: lane, Number: want}.String(), "%d events are missing, up to %d.%d", e.Position-want, lane, e.Position-1)
	case e.Position < want:
		o.r.violate(e.where(), "the position occurs twice")
	}
	o.last[lane] = max(o.last[lane], e.Position)
}

// genuine holds columns against frame and frame against hash.
func (o *order) genuine(e *entry) {
	if sum := eventstore.SumFrame(e.Frame); !bytes.Equal(sum[:], e.Hash) {
		o.r.violate(e.where(), "the event's content was altered: its hash is not the stored one (%s, version %d)", o.name(e), e.Version)
		return
	}
	switch {
	case e.err != nil:
		o.r.violate(e.where(), "%v", e.err)
	case e.event.Stream.ID != e.Stream || e.event.Version != e.Version:
		o.r.violate(e.where(), "is filed as version %d of %s, but says it is version %d of %s", e.Version, e.Stream, e.event.Version, o.name(e))
	}
}

func (o *order) name(e *entry) string { return NameOf(e.event.Stream.Aggregate, e.Stream) }

// claimed finds events that no stream's head covers: nobody who reads the stream
// would ever see them.
func (o *order) claimed(ctx context.Context, page []entry) error {
	seen := make(map[uuid.UUID]bool, len(page))
	streams := make([]uuid.UUID, 0, len(page))
	for i := range page {
		if !seen[page[i].Stream] {
			seen[page[i].Stream] = true
			streams = append(streams, page[i].Stream)
		}
	}
	heads, err := o.k.Streams.HeadsOf(ctx, streams)
	if err != nil {
		return fmt.Errorf("read %d stream heads: %w", len(streams), err)
	}
	of := make(map[uuid.UUID]Head, len(heads))
	for _, h := range heads {
		of[h.Stream] = h
	}
	for i := range page {
		e := &page[i]
		switch h, found := of[e.Stream]; {
		case !found:
			o.r.violate(e.where(), "no head of stream %s exists", o.name(e))
		case h.Lane != e.Lane || e.Position < h.First || e.Position > h.Last || e.Version > h.Version:
			o.r.violate(e.where(), "version %d of %s lies outside of what its head covers: versions 1 to %d, positions %d to %d of lane %d",
				e.Version, o.name(e), h.Version, h.First, h.Last, h.Lane)
		}
	}
	return nil
}

func (o *order) streams(_ context.Context, page []history) error {
	for i := range page {
		o.stream(&page[i])
	}
	return nil
}

func (o *order) stream(h *history) {
	if h.head.Version > streamEventsMax {
		o.r.violate(h.head.Stream.String(), "the stream is said to have %d events; none of ours has more than %d", h.head.Version, streamEventsMax)
		o.counted[h.head.Lane] += int64(h.head.Version)
		return
	}
	for i := range h.entries {
		e := &h.entries[i]
		if e.Position <= o.k.heads[e.Lane] {
			o.counted[e.Lane]++
		}
		if e.Version != i+1 {
			o.r.violate(h.where(), "version %d stands at %s, where version %d should be", e.Version, e.where(), i+1)
			return
		}
	}
	n := len(h.entries)
	switch {
	case n != h.head.Version:
		o.r.violate(h.where(), "the stream has %d events, its head says %d", n, h.head.Version)
	case n > 0 && (h.entries[0].Position != h.head.First || h.entries[n-1].Position != h.head.Last):
		o.r.violate(h.where(), "the stream's events stand at %d to %d, its head says %d to %d", h.entries[0].Position, h.entries[n-1].Position, h.head.First, h.head.Last)
	}
}

func (o *order) finish(ctx context.Context) error {
	for _, lane := range o.k.lanes {
		head, last := o.k.heads[lane], o.last[lane]
		if last < head {
			o.r.violate(eventstore.Position{Lane: lane, Number: last + 1}.String(), "the log ends here, %d events before the head of lane %d", head-last, lane)
		}
		if counted := o.counted[lane]; counted != head && o.r.Found == 0 {
			o.r.violate(fmt.Sprintf("lane %d", lane), "all streams together have %d events up to the head, which is %d", counted, head)
		}
		if err := o.beyond(ctx, lane); err != nil {
			return err
		}
	}
	return nil
}

// beyond looks for an event behind the lane's head. The head is read after it, so
// traffic cannot be taken for one.
func (o *order) beyond(ctx context.Context, lane int) error {
	head, err := o.k.Log.Head(ctx, lane)
	if err != nil {
		return err
	}
	records, err := o.k.Log.ReadLane(ctx, lane, head, 1)
	if err != nil || len(records) == 0 {
		return err
	}
	if head, err = o.k.Log.Head(ctx, lane); err != nil {
		return err
	}
	if records[0].Position > head {
		e := entry{Record: records[0]}
		o.r.violate(e.where(), "the event lies behind the head of its lane, which is %d", head)
	}
	return nil
}
