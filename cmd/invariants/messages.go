package invariants

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/paymint/paymint/eventstore"
)

// messages judges I7: the message with sequence n of a lane's JetStream stream is
// the frame of event n. What the stream has discarded for age or size is not missed.
type messages struct {
	k     *check
	r     *Result
	first map[int]int64 // oldest message kept
}

func newMessages(k *check) *messages {
	m := &messages{k: k, r: newResult("I7", "JetStream message n is event n of the log, no holes, no duplicates", "messages"), first: map[int]int64{}}
	if k.Broker == nil {
		m.r.NotChecked = "no JetStream was given"
	}
	return m
}

func (m *messages) result() *Result { return m.r }

func (m *messages) lane(ctx context.Context, lane int, page []entry) error {
	if _, known := m.first[lane]; !known {
		first, _, err := m.k.Broker.Bounds(ctx, lane)
		if err != nil {
			return fmt.Errorf("look at the stream of lane %d: %w", lane, err)
		}
		m.first[lane] = first
	}
	from, to := max(page[0].Position, m.first[lane]), min(page[len(page)-1].Position, m.k.relayed[lane])
	if m.first[lane] == 0 && m.k.relayed[lane] > 0 {
		m.r.violate(page[0].where(), "JetStream lost its stream of lane %d while we looked", lane)
		return nil
	}
	if m.first[lane] == 0 || from > to {
		return nil
	}
	found, err := m.k.Broker.Read(ctx, lane, from, int(to-from+1))
	if err != nil {
		return fmt.Errorf("read messages %d to %d of lane %d: %w", from, to, lane, err)
	}
	if int64(len(found)) < to-from+1 {
		// What was discarded for age or size since the walk began is not missing.
		if m.first[lane], _, err = m.k.Broker.Bounds(ctx, lane); err != nil {
			return fmt.Errorf("look at the stream of lane %d: %w", lane, err)
		}
	}
	m.compare(lane, max(from, m.first[lane]), to, page, found)
	return nil
}

// compare walks both, each in its order.
func (m *messages) compare(lane int, from, to int64, page []entry, found []Message) {
	for i := range page {
		e := &page[i]
		if e.Position < from || e.Position > to {
			continue
		}
		for len(found) > 0 && found[0].Sequence < e.Position {
			m.r.violate(eventstore.Position{Lane: lane, Number: found[0].Sequence}.String(), "JetStream has a message here, the log has no event")
			found = found[1:]
		}
		if len(found) == 0 || found[0].Sequence > e.Position {
			m.r.violate(e.where(), "JetStream has no message for this event")
			continue
		}
		m.equal(lane, e, &found[0])
		found = found[1:]
	}
}

func (m *messages) equal(lane int, e *entry, message *Message) {
	m.r.Checked++
	switch {
	case !bytes.Equal(message.Data, e.Frame):
		m.r.violate(e.where(), "the message's bytes are not the event's")
	case e.err == nil && message.Subject != eventstore.Subject(lane, e.event):
		m.r.violate(e.where(), "the message has the subject %s, not %s", message.Subject, eventstore.Subject(lane, e.event))
	}
}

// finish looks whether a stream is ahead of its lane: somebody else publishes to it,
// or the log lost commits.
func (m *messages) finish(ctx context.Context) error {
	for _, lane := range m.k.lanes {
		_, last, err := m.k.Broker.Bounds(ctx, lane)
		if err != nil {
			return fmt.Errorf("look at the stream of lane %d: %w", lane, err)
		}
		head, err := m.k.Log.Head(ctx, lane) // after it, so that a commit in between cannot be missed
		if err != nil {
			return fmt.Errorf("read the head of lane %d: %w", lane, err)
		}
		if last > head {
			m.r.violate(eventstore.Position{Lane: lane, Number: head + 1}.String(), "JetStream is ahead of the log by %d messages", last-head)
		}
		m.late(lane)
	}
	if m.nothingSeen() {
		m.r.NotChecked = "JetStream has no message yet"
	}
	return nil
}

// late judges a lane that JetStream has not all of; with nobody at work that says only
// that a relay has work to do.
func (m *messages) late(lane int) {
	behind, relayed := m.k.heads[lane]-m.k.relayed[lane], m.k.relayed[lane]
	switch where := (eventstore.Position{Lane: lane, Number: relayed + 1}).String(); {
	case behind <= 0 || m.k.Idle:
	case relayed == 0:
		m.r.violate(where, "JetStream has no message of this lane after waiting %s: is the relay running?", m.k.Patience)
	default:
		m.r.violate(where, "JetStream is %d events behind after waiting %s: is the relay running?", behind, m.k.Patience)
	}
}

// nothingSeen reports whether there are events, and no message to hold against them:
// then nothing was checked, which must not be told as a pass.
func (m *messages) nothingSeen() bool {
	return m.r.Checked == 0 && m.r.Found == 0 && slices.ContainsFunc(m.k.lanes, func(lane int) bool {
		return m.k.heads[lane] > 0 && m.k.relayed[lane] == 0
	})
}
