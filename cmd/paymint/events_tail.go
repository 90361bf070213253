package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/cmd/invariants"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/eventstore"
)

const (
	// eventsPage is how many events are held at once.
	eventsPage = 1024
	// clockSlack is how far recorded_at may run against the order of positions: several
	// processes append, each with a clock of its own.
	clockSlack = time.Minute
)

// eventTail reads lanes page by page from where it left off.
type eventTail struct {
	log    invariants.Postgres
	filter eventFilter
	print  *eventPrinter
	next   map[int]int64 // position read up to, by lane; version, of one stream
	seen   int           // version printed up to, when one stream is read
}

// pass prints what there is in every lane.
func (t *eventTail) pass(ctx context.Context) error {
	lanes := make([]int, 0, len(t.next))
	for lane := range t.next {
		lanes = append(lanes, lane)
	}
	slices.Sort(lanes)
	for _, lane := range lanes {
		if err := t.passLane(ctx, lane); err != nil {
			return err
		}
	}
	return nil
}

func (t *eventTail) passLane(ctx context.Context, lane int) error {
	for {
		records, err := t.log.ReadLane(ctx, lane, t.next[lane], eventsPage)
		if err != nil {
			return fmt.Errorf("read lane %d after %d: %w", lane, t.next[lane], err)
		}
		if len(records) == 0 {
			return nil
		}
		last, err := t.show(records)
		if err != nil {
			return err
		}
		t.next[lane] = records[len(records)-1].Position
		if !t.filter.until.IsZero() && last.After(t.filter.until.Add(clockSlack)) {
			return nil
		}
	}
}

// show prints records that pass and tells when the last one was recorded.
func (t *eventTail) show(records []invariants.Record) (last time.Time, err error) {
	for _, r := range records {
		e, err := eventOf(r)
		if err != nil {
			return last, err
		}
		last = e.RecordedAt
		if !t.filter.passes(&e) {
			continue
		}
		if err := t.print.event(&e); err != nil {
			return last, err
		}
	}
	return last, nil
}

// passStream prints what is new of one payment.
func (t *eventTail) passStream(ctx context.Context) error {
	heads, err := t.log.HeadsOf(ctx, []uuid.UUID{t.filter.payment})
	if err != nil {
		return fmt.Errorf("read the payment: %w", err)
	}
	if len(heads) == 0 {
		return fmt.Errorf("there is no payment %s", id.From[id.Payment](t.filter.payment))
	}
	if heads[0].Version <= t.seen {
		return nil
	}
	records, err := t.log.ReadStreams(ctx, heads)
	if err != nil {
		return fmt.Errorf("read the payment: %w", err)
	}
	fresh := slices.DeleteFunc(records, func(r invariants.Record) bool { return r.Version <= t.seen })
	t.seen = heads[0].Version
	_, err = t.show(fresh)
	return err
}

// seek finds a position before which nothing was recorded since a moment, in as many
// look-ups as the head has binary digits.
func (t *eventTail) seek(ctx context.Context, lane int, head int64, since time.Time) (int64, error) {
	low, high := int64(0), head // what lies at low is too early
	for low < high {
		middle := low + (high-low)/2
		records, err := t.log.ReadLane(ctx, lane, middle, 1)
		if err != nil {
			return 0, fmt.Errorf("read lane %d after %d: %w", lane, middle, err)
		}
		if len(records) == 0 {
			high = middle
			continue
		}
		e, err := eventOf(records[0])
		if err != nil {
			return 0, err
		}
		if e.RecordedAt.Before(since.Add(-clockSlack)) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// eventPrinter writes events as lines.
type eventPrinter struct {
	out     *bufio.Writer
	json    bool
	limited bool
	left    int64
	count   int64
}

// event prints one event, or errEnough once the limit is reached.
func (p *eventPrinter) event(e *eventstore.Event) (err error) {
	if p.limited && p.left == 0 {
		return errEnough
	}
	p.left--
	p.count++
	if p.json {
		err = writeEventJSON(p.out, e)
	} else {
		err = writeEventLine(p.out, e)
	}
	if err == nil && p.limited && p.left == 0 {
		err = errEnough
	}
	return err
}

// eventJSON is an event as `paymint events --json` prints it: every field there is.
type eventJSON struct {
	Position       string          `json:"position"`
	ID             string          `json:"id"`
	Type           string          `json:"type"`
	Schema         int             `json:"schema"`
	Aggregate      string          `json:"aggregate"`
	Stream         string          `json:"stream"`
	Version        int             `json:"version"`
	Merchant       string          `json:"merchant_id"`
	Livemode       bool            `json:"livemode"`
	RecordedAt     time.Time       `json:"recorded_at"`
	EffectiveAt    time.Time       `json:"effective_at"`
	Actor          string          `json:"actor,omitempty"`
	RequestID      string          `json:"request_id,omitempty"`
	IdempotencyKey string          `json:"idempotency_key,omitempty"`
	Correlation    string          `json:"correlation_id,omitempty"`
	Cause          string          `json:"caused_by,omitempty"`
	Body           json.RawMessage `json:"body"`
	Hash           string          `json:"hash"`
}

func writeEventJSON(out *bufio.Writer, e *eventstore.Event) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false) // the body stays what was hashed, to the byte
	return encoder.Encode(eventJSON{
		Position: eventstore.Position{Lane: e.Lane, Number: e.Position}.String(), ID: id.From[id.Event](e.ID).String(),
		Type: e.Type, Schema: e.Schema, Aggregate: e.Stream.Aggregate, Stream: invariants.NameOf(e.Stream.Aggregate, e.Stream.ID), Version: e.Version,
		Merchant: id.From[id.Merchant](e.Merchant).String(), Livemode: e.Livemode, RecordedAt: e.RecordedAt, EffectiveAt: e.EffectiveAt,
		Actor: e.Meta.Actor, RequestID: e.Meta.RequestID, IdempotencyKey: e.Meta.IdempotencyKey,
		Correlation: id.From[id.Event](e.Meta.Correlation).String(), Cause: id.From[id.Event](e.Meta.Cause).String(),
		Body: json.RawMessage(e.Body), Hash: hex.EncodeToString(e.Hash[:]),
	})
}

// eventSummary are the fields of a body that fit on a line.
type eventSummary struct {
	Amount   *int64 `json:"amount"`
	Currency string `json:"currency"`
	Code     string `json:"code"`
	Reason   string `json:"reason"`
}

func writeEventLine(out *bufio.Writer, e *eventstore.Event) error {
	mode := "test"
	if e.Livemode {
		mode = "live"
	}
	line := fmt.Appendf(out.AvailableBuffer(), "%-10s %s  %-32s %s v%d  %s", eventstore.Position{Lane: e.Lane, Number: e.Position},
		e.RecordedAt.Format("2006-01-02T15:04:05.000Z"), e.Type, invariants.NameOf(e.Stream.Aggregate, e.Stream.ID), e.Version, mode)
	var about eventSummary
	if json.Unmarshal(e.Body, &about) == nil { // a body of another shape has no such fields
		line = about.append(line)
	}
	if e.Meta.Actor != "" {
		line = fmt.Appendf(line, "  by %s", e.Meta.Actor)
	}
	_, err := out.Write(append(line, '\n'))
	return err
}

func (s *eventSummary) append(line []byte) []byte {
	if s.Amount != nil {
		line = fmt.Appendf(line, "  %d", *s.Amount)
	}
	if s.Currency != "" {
		line = fmt.Appendf(line, " %s", s.Currency)
	}
	for _, text := range []string{s.Code, s.Reason} {
		if text != "" {
			line = fmt.Appendf(line, "  %q", text)
		}
	}
	return line
}
