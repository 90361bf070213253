package invariants

import (
	"context"
	"fmt"

	"github.com/google/uuid"
)

const (
	// lanePage is how many events the walk over a lane holds at once.
	lanePage = 4096
	// streamPage and streamPageEvents bound a page of streams.
	streamPage       = 512
	streamPageEvents = 8192
	// streamEventsMax bounds one stream: the longest life that the domain allows has a
	// fraction of it. A longer one is reported, not read.
	streamEventsMax = 10_000
)

// walk takes all judges over the lanes, then over the streams.
func (k *check) walk(ctx context.Context, judges []judge) error {
	active := judges[:0:0]
	for _, j := range judges {
		if j.result().NotChecked == "" {
			active = append(active, j)
		}
	}
	for _, lane := range k.lanes {
		if err := k.walkLane(ctx, lane, active); err != nil {
			return fmt.Errorf("walk lane %d: %w", lane, err)
		}
	}
	if err := k.walkStreams(ctx, active); err != nil {
		return fmt.Errorf("walk the streams: %w", err)
	}
	for _, j := range active {
		if f, ok := j.(finisher); ok {
			if err := f.finish(ctx); err != nil {
				return fmt.Errorf("check %s: %w", j.result().ID, err)
			}
		}
	}
	return nil
}

func (k *check) walkLane(ctx context.Context, lane int, judges []judge) error {
	for after := int64(0); after < k.heads[lane]; {
		records, err := k.Log.ReadLane(ctx, lane, after, int(min(lanePage, k.heads[lane]-after)))
		if err != nil {
			return err
		}
		for len(records) > 0 && records[len(records)-1].Position > k.heads[lane] {
			records = records[:len(records)-1] // behind a hole: the next check's
		}
		if len(records) == 0 {
			return nil // the rest is missing, which I11 finds by where it stopped
		}
		after = records[len(records)-1].Position
		page := read(records)
		for _, j := range judges {
			if w, ok := j.(laneWatcher); ok {
				if err := w.lane(ctx, lane, page); err != nil {
					return fmt.Errorf("check %s: %w", j.result().ID, err)
				}
			}
		}
		k.advance(len(page))
	}
	return nil
}

func (k *check) walkStreams(ctx context.Context, judges []judge) error {
	after := uuid.Nil
	for {
		heads, err := k.Streams.Heads(ctx, after, streamPage)
		if err != nil || len(heads) == 0 {
			return err
		}
		heads = cutPage(heads)
		after = heads[len(heads)-1].Stream
		page, err := readHistories(ctx, k.Streams, k.due(heads))
		if err != nil {
			return err
		}
		if err := watchStreams(ctx, page, judges); err != nil {
			return err
		}
		for i := range page {
			k.advance(len(page[i].entries))
			k.countDoubt(&page[i])
		}
		k.report.Streams += int64(len(page))
	}
}

// cutPage keeps a page of streams small enough to hold.
func cutPage(heads []Head) []Head {
	events := 0
	for i := range heads {
		if events += heads[i].Version; events > streamPageEvents && i > 0 {
			return heads[:i]
		}
	}
	return heads
}

// due names the streams that did not begin behind the judged head.
func (k *check) due(heads []Head) []uuid.UUID {
	due := make([]uuid.UUID, 0, len(heads))
	for _, h := range heads {
		if judged, known := k.heads[h.Lane]; !known || h.First <= judged {
			due = append(due, h.Stream)
		}
	}
	return due
}

// readHistories reads streams as they are now, in the order given; those that do not
// exist are left out.
func readHistories(ctx context.Context, from Streams, streams []uuid.UUID) ([]history, error) {
	if len(streams) == 0 {
		return nil, nil
	}
	heads, err := from.HeadsOf(ctx, streams)
	if err != nil {
		return nil, fmt.Errorf("read %d stream heads: %w", len(streams), err)
	}
	readable := heads[:0:0]
	for _, h := range heads {
		if h.Version <= streamEventsMax {
			readable = append(readable, h)
		}
	}
	records, err := from.ReadStreams(ctx, readable)
	if err != nil {
		return nil, fmt.Errorf("read %d streams: %w", len(readable), err)
	}
	entries := make(map[uuid.UUID][]entry, len(heads))
	for _, e := range read(records) {
		entries[e.Stream] = append(entries[e.Stream], e)
	}
	found := make(map[uuid.UUID]Head, len(heads))
	for _, h := range heads {
		found[h.Stream] = h
	}
	page := make([]history, 0, len(heads))
	for _, stream := range streams {
		if h, ok := found[stream]; ok {
			page = append(page, newHistory(h, entries[stream]))
		}
	}
	return page, nil
}

func watchStreams(ctx context.Context, page []history, judges []judge) error {
	for _, j := range judges {
		if w, ok := j.(streamWatcher); ok {
			if err := w.streams(ctx, page); err != nil {
				return fmt.Errorf("check %s: %w", j.result().ID, err)
			}
		}
	}
	return nil
}
