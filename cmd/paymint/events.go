package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/eventstore"
)

// eventsOptions are the flags of `paymint events`.
type eventsOptions struct {
	follow, json   bool
	after          []string
	types          string
	payment        string
	merchant       string
	since, until   string
	limit, tail    int64
	output         string
	followInterval time.Duration
}

func newEventsCommand() *cobra.Command {
	var o eventsOptions
	command := &cobra.Command{
		Use:   "events",
		Short: "Read the log: tail, filter, export",
		Long: `Print the events of the log in order of position, lane by lane: one line for people,
or JSON lines (--json, --output) with every field and the hash. Events hold neither
secrets nor card data. Memory stays the same however long the log is.`,
		Example: `  paymint events --tail 20                       the latest twenty
  paymint events --follow --type 'payment.*'     watch payments as they happen
  paymint events --payment pay_01h455vb4pex5vsknk084sn02q --json
  paymint events --since 2026-04-01T00:00:00Z --until 2026-05-01T00:00:00Z --output april.jsonl
  paymint events --after 0.1700 --limit 100 --json`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	flags := command.Flags()
	flags.BoolVarP(&o.follow, "follow", "f", false, "stay and print events as they are recorded; without --after, --since or --tail from now on")
	flags.StringSliceVar(&o.after, "after", nil, "begin behind this position, <lane>.<number>; repeat it for further lanes")
	flags.StringVar(&o.types, "type", "", "only events whose type matches this pattern, such as payment.* or *.failed")
	flags.StringVar(&o.payment, "payment", "", "only events of this payment")
	flags.StringVar(&o.merchant, "merchant", "", "only events of this merchant")
	flags.StringVar(&o.since, "since", "", "only events recorded at this time or later (ISO 8601)")
	flags.StringVar(&o.until, "until", "", "only events recorded before this time (ISO 8601)")
	flags.Int64Var(&o.limit, "limit", 0, "end after so many events; 0: no limit")
	flags.Int64Var(&o.tail, "tail", 0, "begin so many positions before the head of each lane")
	flags.BoolVar(&o.json, "json", false, "print JSON lines")
	flags.StringVarP(&o.output, "output", "o", "", "write JSON lines to this file")
	command.MarkFlagsMutuallyExclusive("after", "tail", "payment")
	command.MarkFlagsMutuallyExclusive("follow", "until")
	o.followInterval = 200 * time.Millisecond
	command.RunE = func(command *cobra.Command, _ []string) error {
		filter, err := o.filter()
		if err != nil {
			return err
		}
		d, err := openData(command, settings)
		if err != nil {
			return err
		}
		defer d.close()
		return o.run(command, d, filter)
	}
	return command
}

// run prints to where the flags say.
func (o *eventsOptions) run(command *cobra.Command, d *data, filter eventFilter) (err error) {
	out := command.OutOrStdout()
	if o.output != "" {
		file, err := os.OpenFile(o.output, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return fmt.Errorf("write events: %w", err)
		}
		defer file.Close()
		out = file
	}
	buffer := bufio.NewWriterSize(out, 64<<10)
	p := &eventPrinter{out: buffer, json: o.json || o.output != "", left: o.limit, limited: o.limit > 0}
	err = o.read(command.Context(), d, filter, p)
	if o.follow && errors.Is(err, context.Canceled) {
		err = nil // Ctrl-C is how one stops following
	}
	if errors.Is(err, errEnough) {
		err = nil
	}
	if flushed := buffer.Flush(); err == nil {
		err = flushed
	}
	if file, isFile := out.(*os.File); err == nil && o.output != "" && isFile {
		if err = file.Sync(); err == nil {
			_, err = fmt.Fprintf(command.ErrOrStderr(), "%d events written to %s\n", p.count, o.output)
		}
	}
	return err
}

// errEnough ends the reading: the limit is reached.
var errEnough = errors.New("limit reached")

func (o *eventsOptions) read(ctx context.Context, d *data, filter eventFilter, p *eventPrinter) error {
	tail := &eventTail{log: d.events(), filter: filter, print: p, next: map[int]int64{}}
	pass := tail.pass
	if filter.payment != uuid.Nil {
		pass = tail.passStream
	} else if err := o.place(ctx, tail); err != nil {
		return err
	}
	if err := pass(ctx); err != nil || !o.follow {
		return err
	}
	ticker := time.NewTicker(o.followInterval)
	defer ticker.Stop()
	for {
		if err := p.out.Flush(); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := pass(ctx); err != nil {
			return err
		}
	}
}

// place finds where reading begins in each lane.
func (o *eventsOptions) place(ctx context.Context, t *eventTail) error {
	lanes, err := t.log.Lanes(ctx)
	if err != nil {
		return fmt.Errorf("list the lanes: %w", err)
	}
	for _, lane := range lanes {
		head, err := t.log.Head(ctx, lane)
		if err != nil {
			return fmt.Errorf("read the head of lane %d: %w", lane, err)
		}
		switch {
		case o.tail > 0:
			t.next[lane] = max(0, head-o.tail)
		case o.since != "":
			if t.next[lane], err = t.seek(ctx, lane, head, t.filter.since); err != nil {
				return err
			}
		case o.follow && len(o.after) == 0:
			t.next[lane] = head
		default:
			t.next[lane] = 0
		}
	}
	for _, text := range o.after {
		position, err := eventstore.ParsePosition(text)
		if err != nil {
			return fmt.Errorf("--after: %w", err)
		}
		if _, known := t.next[position.Lane]; !known {
			return fmt.Errorf("--after %s: there is no lane %d", text, position.Lane)
		}
		t.next[position.Lane] = max(position.Number, t.next[position.Lane])
	}
	return nil
}

// eventFilter is what an event must be.
type eventFilter struct {
	types        string
	payment      uuid.UUID
	merchant     uuid.UUID
	since, until time.Time
}

func (o *eventsOptions) filter() (f eventFilter, err error) {
	if _, err := path.Match(o.types, ""); err != nil {
		return f, fmt.Errorf("--type %q: %w; use * and ?, such as payment.*", o.types, err)
	}
	f.types = o.types
	if o.payment != "" {
		p, err := id.Parse[id.Payment](o.payment)
		if err != nil {
			return f, fmt.Errorf("--payment: %w", err)
		}
		f.payment = p.UUID()
	}
	if o.merchant != "" {
		m, err := id.Parse[id.Merchant](o.merchant)
		if err != nil {
			return f, fmt.Errorf("--merchant: %w", err)
		}
		f.merchant = m.UUID()
	}
	if f.since, err = parseMoment("--since", o.since); err != nil {
		return f, err
	}
	f.until, err = parseMoment("--until", o.until)
	return f, err
}

// parseMoment reads an ISO 8601 time; a day alone is its first moment, in UTC.
func parseMoment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q: want a time such as 2026-04-11T14:30:00Z", flag, text)
}

func (f *eventFilter) passes(e *eventstore.Event) bool {
	if f.types != "" {
		if matches, _ := path.Match(f.types, e.Type); !matches { // the pattern was tried before
			return false
		}
	}
	return (f.payment == uuid.Nil || e.Stream.ID == f.payment) &&
		(f.merchant == uuid.Nil || e.Merchant == f.merchant) &&
		(f.since.IsZero() || !e.RecordedAt.Before(f.since)) &&
		(f.until.IsZero() || e.RecordedAt.Before(f.until))
}
