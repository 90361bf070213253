package invariants

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/projections"
)

// rows judges I6: what a view shows of a stream is the fold of the stream's events,
// as many as the row says it has seen, and no fewer than the checkpoint promises.
type rows struct {
	k    *check
	r    *Result
	held []map[uuid.UUID]int // per view, the version that waits of parked streams
}

func newRows(k *check) *rows {
	j := &rows{k: k, r: newResult("I6", "every read model is the fold of the events up to its checkpoint", "rows and sums")}
	if len(k.Views) == 0 {
		j.r.NotChecked = "no read model was given"
	}
	return j
}

func (j *rows) result() *Result { return j.r }

func (j *rows) parked(ctx context.Context) (err error) {
	j.held = make([]map[uuid.UUID]int, len(j.k.Views))
	for i, view := range j.k.Views {
		if j.held[i], err = view.Parked(ctx); err != nil {
			return fmt.Errorf("read the parked streams of %s: %w", view.Name(), err)
		}
		if n := len(j.held[i]); n > 0 {
			j.k.note("%d streams are parked in %s: their events cannot be folded by this binary", n, view.Name())
		}
	}
	return nil
}

func (j *rows) streams(ctx context.Context, page []history) error {
	if j.held == nil {
		if err := j.parked(ctx); err != nil {
			return err
		}
	}
	for i, view := range j.k.Views {
		if err := j.view(ctx, i, view, page); err != nil {
			return fmt.Errorf("read rows of %s: %w", view.Name(), err)
		}
	}
	return nil
}

// view judges a page in one view. A row that seems wrong may be newer than what the
// walk read of its stream, so the stream is read once more before that counts.
func (j *rows) view(ctx context.Context, i int, view View, page []history) error {
	keys := make([]projections.RowKey, 0, len(page))
	for n := range page {
		if h := &page[n]; h.aggregate() == view.Aggregate() && len(h.entries) > 0 {
			first := &h.entries[0].event
			keys = append(keys, projections.RowKey{Stream: h.head.Stream, Merchant: first.Merchant, Livemode: first.Livemode})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	found, err := view.Rows(ctx, keys)
	if err != nil {
		return err
	}
	row := make(map[uuid.UUID]*Row, len(found))
	for n := range found {
		row[found[n].Stream] = &found[n]
	}
	var doubtful []uuid.UUID
	for n := range page {
		if h := &page[n]; h.aggregate() == view.Aggregate() && j.judge(i, view, h, row[h.head.Stream]) != "" {
			doubtful = append(doubtful, h.head.Stream)
		}
	}
	j.r.Checked += int64(len(keys))
	again, err := readHistories(ctx, j.k.Streams, doubtful)
	for n := range again {
		if wrong := j.judge(i, view, &again[n], row[again[n].head.Stream]); wrong != "" {
			j.r.violate(again[n].where(), "%s: %s", view.Name(), wrong)
		}
	}
	return err
}

// judge says what is wrong with a stream's row; nil is no row.
func (j *rows) judge(i int, view View, h *history, row *Row) (wrong string) {
	low, high := j.promised(i, h), len(h.entries)
	if waits, parked := j.held[i][h.head.Stream]; parked {
		low = min(low, waits-1)
	}
	var content []byte
	if row != nil {
		content = row.Content
		switch {
		case row.Version > high:
			return fmt.Sprintf("the row shows version %d, the stream has %d", row.Version, high)
		case row.Version > 0 && row.Version < low:
			return fmt.Sprintf("the row shows version %d, the checkpoint promises %d", row.Version, low)
		case row.Version > 0:
			low, high = row.Version, row.Version
		}
	}
	for version := low; version <= high; version++ {
		want, err := foldTo(view, h, version)
		if err != nil {
			return fmt.Sprintf("cannot be judged: %v", err)
		}
		if bytes.Equal(content, want.Content) && (content == nil) == (want.Content == nil) {
			return ""
		}
	}
	switch {
	case row == nil:
		return "the row is missing"
	case low == high:
		return fmt.Sprintf("the row is not the fold of versions 1 to %d", low)
	default:
		return fmt.Sprintf("the row is not the fold of versions 1 to %d, nor of any up to %d", low, high)
	}
}

// promised is the version that the view's checkpoint covers.
func (j *rows) promised(view int, h *history) (version int) {
	for i := range h.entries {
		if e := &h.entries[i]; e.Position <= min(j.k.projected[view][e.Lane], j.k.heads[e.Lane]) {
			version = i + 1
		}
	}
	return version
}

func foldTo(view View, h *history, version int) (Row, error) {
	if version == 0 {
		return Row{}, nil
	}
	events := make([]eventstore.Event, version)
	for i := range events {
		if h.entries[i].err != nil {
			return Row{}, h.entries[i].err
		}
		events[i] = h.entries[i].event
	}
	return view.Fold(events)
}

func (j *rows) finish(ctx context.Context) error {
	for i, view := range j.k.Views {
		checked, violations, err := view.Sums(ctx)
		if err != nil {
			return fmt.Errorf("check the sums of %s: %w", view.Name(), err)
		}
		j.r.Checked += checked
		for _, v := range violations {
			j.r.violate(v.Where, "%s: %s", view.Name(), v.What)
		}
		for _, lane := range j.k.lanes {
			if behind := j.k.heads[lane] - j.k.projected[i][lane]; behind > 0 && !j.k.Idle {
				j.r.violate(eventstore.Position{Lane: lane, Number: j.k.projected[i][lane] + 1}.String(),
					"%s is %d events behind after waiting %s: is the projector running?", view.Name(), behind, j.k.Patience)
			}
		}
	}
	return nil
}
