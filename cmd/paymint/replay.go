package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/paymint/paymint/cmd/invariants"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/projections/payments"
)

func newReplayCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "replay --until <time|lane.position>",
		Short: "Fold the log up to a moment and print what was true then",
		Long: `Fold the events recorded until a moment, and print how many payments stood where, and
with how much money; or how one payment stood. It reads the log alone: no read model
is asked, nothing is changed. A time takes every lane up to it; a position takes the
one lane it is in, up to and with that event.`,
		Example: `  paymint replay --until 2026-04-30T23:59:59Z
  paymint replay --until 0.1700 --json
  paymint replay --until 2026-04-11 --payment pay_01h455vb4pex5vsknk084sn02q`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	asJSON := jsonFlag(command, "print JSON")
	until := command.Flags().String("until", "", "a time (ISO 8601) or a position (<lane>.<number>)")
	one := command.Flags().String("payment", "", "print this payment alone")
	_ = command.MarkFlagRequired("until") // the flag exists
	command.RunE = func(command *cobra.Command, _ []string) error {
		at, err := parseReplayUntil(*until)
		if err != nil {
			return err
		}
		var wanted id.Payment
		if *one != "" {
			if wanted, err = id.Parse[id.Payment](*one); err != nil {
				return fmt.Errorf("--payment: %w", err)
			}
		}
		d, err := openData(command, settings)
		if err != nil {
			return err
		}
		defer d.close()
		if !wanted.IsZero() {
			return replayOne(command, d, at, wanted)
		}
		return replayAll(command, d, at, *asJSON)
	}
	return command
}

// replayUntil is where a replay ends: at a time, or at a position.
type replayUntil struct {
	text     string
	time     time.Time
	position eventstore.Position
}

func parseReplayUntil(text string) (replayUntil, error) {
	if position, err := eventstore.ParsePosition(text); err == nil {
		return replayUntil{text: text, position: position}, nil
	}
	at, err := parseMoment("--until", text)
	if err == nil && at.IsZero() {
		err = errors.New("--until: want a time such as 2026-04-11T14:30:00Z, or a position such as 0.1700")
	}
	return replayUntil{text: text, time: at}, err
}

// covers reports whether any of a stream can lie before the end.
func (u *replayUntil) covers(h invariants.Head) bool {
	return !u.time.IsZero() || h.Lane == u.position.Lane && h.First <= u.position.Number
}

// includes reports whether an event lies before the end. Of a stream, nothing behind
// the first event that does not is included, whatever a clock said after it.
func (u *replayUntil) includes(e *eventstore.Event) bool {
	if u.time.IsZero() {
		return e.Lane == u.position.Lane && e.Position <= u.position.Number
	}
	return !e.RecordedAt.After(u.time)
}

// history decodes as much of a payment's stream as lies before the end.
func (u *replayUntil) history(records []invariants.Record) (history []payment.Recorded, err error) {
	for _, r := range records {
		e, err := eventOf(r)
		if err != nil {
			return nil, err
		}
		if e.Stream.Aggregate != "payment" || !u.includes(&e) {
			break
		}
		fact, err := payment.Decode(e.Type, e.Schema, e.Body)
		if err != nil {
			return nil, fmt.Errorf("event %d.%d: %w", e.Lane, e.Position, err)
		}
		history = append(history, payment.Recorded{
			ID: id.From[id.Event](e.ID), Version: e.Version, RecordedAt: e.RecordedAt, EffectiveAt: e.EffectiveAt,
			Actor: e.Meta.Actor, RequestID: e.Meta.RequestID, IdempotencyKey: e.Meta.IdempotencyKey, Event: fact,
		})
	}
	return history, nil
}

func replayOne(command *cobra.Command, d *data, until replayUntil, wanted id.Payment) error {
	heads, err := d.events().HeadsOf(command.Context(), []uuid.UUID{wanted.UUID()})
	if err != nil {
		return fmt.Errorf("read payment %s: %w", wanted, err)
	}
	if len(heads) == 0 {
		return fmt.Errorf("there is no payment %s", wanted)
	}
	records, err := d.events().ReadStreams(command.Context(), heads)
	if err != nil {
		return fmt.Errorf("read payment %s: %w", wanted, err)
	}
	history, err := until.history(records)
	if err != nil {
		return err
	}
	if len(history) == 0 {
		return fmt.Errorf("payment %s did not exist yet at %s", wanted, until.text)
	}
	return printJSON(command, json.RawMessage(payments.AppendJSON(nil, payments.FoldAll(history))))
}

// replayTotals is what was true of all payments. Sums are of any size.
type replayTotals struct {
	Until   string        `json:"until"`
	Events  int64         `json:"events"` // folded
	InDoubt int64         `json:"in_doubt"`
	Totals  []*replayLine `json:"totals"`

	lines map[replayGroup]*replayLine
}

type replayGroup struct {
	Livemode bool   `json:"livemode"`
	Currency string `json:"currency"`
	Status   string `json:"status"`
}

// replayLine sums up the payments of one group, in minor units.
type replayLine struct {
	replayGroup
	Payments   int64   `json:"payments"`
	Requested  big.Int `json:"requested"`
	Authorized big.Int `json:"authorized"`
	Captured   big.Int `json:"captured"`
	Released   big.Int `json:"released"`
	Refunded   big.Int `json:"refunded"`
}

func replayAll(command *cobra.Command, d *data, until replayUntil, asJSON bool) error {
	totals := &replayTotals{Until: until.text, lines: map[replayGroup]*replayLine{}, Totals: []*replayLine{}}
	progress := newMeter(command.ErrOrStderr(), "replay")
	err := totals.fold(command.Context(), d.events(), until, progress)
	progress.end()
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(command, totals)
	}
	return printText(command, totals.text())
}

// Pages of streams are small enough to hold, whatever their length.
const (
	replayStreams = 512
	replayEvents  = 8192
)

// fold goes through the streams in order of id, a page at a time.
func (t *replayTotals) fold(ctx context.Context, log invariants.Postgres, until replayUntil, progress *meter) error {
	after := uuid.Nil
	for {
		heads, err := log.Heads(ctx, after, replayStreams)
		if err != nil {
			return fmt.Errorf("read the streams: %w", err)
		}
		if len(heads) == 0 {
			break
		}
		page := heads[:1]
		for events := heads[0].Version; len(page) < len(heads) && events+heads[len(page)].Version <= replayEvents; {
			events += heads[len(page)].Version
			page = heads[:len(page)+1]
		}
		after = page[len(page)-1].Stream
		covered := slices.DeleteFunc(slices.Clone(page), func(h invariants.Head) bool { return !until.covers(h) })
		if err := t.foldPage(ctx, log, until, covered); err != nil {
			return err
		}
		progress.at(t.Events, 0)
	}
	t.sort()
	return nil
}

func (t *replayTotals) foldPage(ctx context.Context, log invariants.Postgres, until replayUntil, heads []invariants.Head) error {
	records, err := log.ReadStreams(ctx, heads)
	if err != nil {
		return fmt.Errorf("read %d streams: %w", len(heads), err)
	}
	for len(records) > 0 {
		n := 1
		for n < len(records) && records[n].Stream == records[0].Stream {
			n++
		}
		history, err := until.history(records[:n])
		if err != nil {
			return err
		}
		t.add(history)
		records = records[n:]
	}
	return nil
}

func (t *replayTotals) add(history []payment.Recorded) {
	if len(history) == 0 {
		return
	}
	t.Events += int64(len(history))
	s := payment.Fold(payment.State{}, history)
	t.InDoubt += int64(len(s.Intents()))
	group := replayGroup{Livemode: s.Livemode, Currency: string(s.Currency), Status: string(s.Status)}
	line := t.lines[group]
	if line == nil {
		line = &replayLine{replayGroup: group}
		t.lines[group] = line
	}
	line.Payments++
	for _, sum := range []struct {
		to     *big.Int
		amount int64
	}{{&line.Requested, s.Requested}, {&line.Authorized, s.Authorized}, {&line.Captured, s.Captured}, {&line.Released, s.Released}, {&line.Refunded, s.AmountRefunded()}} {
		sum.to.Add(sum.to, big.NewInt(sum.amount))
	}
}

func (t *replayTotals) sort() {
	t.Totals = slices.AppendSeq(t.Totals, maps.Values(t.lines))
	slices.SortFunc(t.Totals, func(a, b *replayLine) int {
		return cmp.Or(strings.Compare(strconv.FormatBool(a.Livemode), strconv.FormatBool(b.Livemode)),
			strings.Compare(a.Currency, b.Currency), strings.Compare(a.Status, b.Status))
	})
}

func (t *replayTotals) text() string {
	out := table.NewWriter()
	out.SetStyle(table.StyleLight)
	out.AppendHeader(table.Row{"mode", "currency", "status", "payments", "requested", "authorized", "captured", "released", "refunded"})
	for _, line := range t.Totals {
		mode := "test"
		if line.Livemode {
			mode = "live"
		}
		out.AppendRow(table.Row{mode, line.Currency, line.Status, line.Payments, line.Requested.String(), line.Authorized.String(),
			line.Captured.String(), line.Released.String(), line.Refunded.String()})
	}
	return out.Render() + fmt.Sprintf("\n%d events of payments recorded until %s; %d acts in doubt then; amounts in minor units\n", t.Events, t.Until, t.InDoubt)
}
