// Package commands is the desk: it takes a wish, lets the domain decide, speaks to
// the acquirer, and has the log keep what happened.
//
//	read stream → decide → append intent + claim ──► gateway ──► append outcome + answer
//	     ▲                       │ conflict             │ no word
//	     └───────────────────────┘ (at most 3×)         └──► outcome_unknown; reactions/inquiry finds out
//
// The intent is durable, with the idempotency key claimed in the same transaction,
// before the network hears anything; from then on the caller's disconnect changes
// nothing. The outcome is appended with the answer that a retry will get. If we
// crash between any two steps, the intent without an outcome is in the log, the
// inquiry reaction asks the acquirer by the reference fixed in it, and a retry
// under the same key is told the true state of the payment it began.
package commands

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
)

// Log is what the desk needs of the event store: durable appends, one stream at a
// time, and the look-up of an idempotency key.
type Log interface {
	Append(ctx context.Context, lane int, c eventstore.Command) (eventstore.Receipt, error)
	AppendAll(ctx context.Context, lane int, cs []eventstore.Command) []eventstore.Result
	ReadStream(ctx context.Context, stream uuid.UUID, afterVersion, limit int) ([]eventstore.Event, error)
	Claimed(ctx context.Context, key eventstore.ClaimKey, now time.Time) (eventstore.Claimed, bool, error)
}

// Config is what a Desk is made of. Log, Gateways, Router, Instruments and
// Merchants are needed; the zero value of everything else works.
type Config struct {
	Log         Log
	Gateways    []Gateway // at least one; each under a name of its own
	Router      Router
	Instruments Instruments
	Merchants   Merchants

	// Lanes places merchants; LaneNumbers are those that new ones are spread over
	// (0 when empty). Without Lanes there are no commands on merchants and keys.
	Lanes       Lanes
	LaneNumbers []int
	// Pepper keys the digests that API keys are found by: at least 32 random bytes.
	// Without it no key can be issued.
	Pepper []byte
	Random io.Reader // of secrets and salts; crypto/rand when nil
	Clocks Clocks    // told of test clocks; nobody when nil

	Breaker BreakerConfig

	Now     func() time.Time      // wall clock
	NewID   func() uuid.UUID      // UUIDv7
	Metrics prometheus.Registerer // counted into the void when nil
	Tracer  trace.TracerProvider  // no spans when nil
	// Appended is told which sampled span made the events up to a position durable, so
	// that whoever folds them can name it; nobody is when nil.
	Appended func(reached eventstore.Position, by trace.SpanContext)
	Logger   *slog.Logger // silent when nil
}

// Desk takes commands. Make it with New; its methods may be called from any number
// of goroutines.
type Desk struct {
	log         Log
	links       map[string]*link
	router      Router
	instruments Instruments
	merchants   Merchants
	lanes       Lanes
	laneNumbers []int
	pepper      []byte
	random      io.Reader
	clocks      Clocks
	now         func() time.Time
	newID       func() uuid.UUID
	meter       *meter
	tracer      trace.Tracer // nil: no spans
	appended    func(eventstore.Position, trace.SpanContext)
	logger      *slog.Logger
}

// New makes a Desk. It fails when a needed part is missing or two gateways share a name.
func New(c Config) (*Desk, error) {
	if c.Log == nil || len(c.Gateways) == 0 || c.Router == nil || c.Instruments == nil || c.Merchants == nil {
		return nil, errors.New("desk: log, gateways, router, instruments and merchants are needed")
	}
	d := &Desk{
		log: c.Log, links: map[string]*link{}, router: c.Router, instruments: c.Instruments, merchants: c.Merchants,
		lanes: c.Lanes, laneNumbers: c.LaneNumbers, pepper: c.Pepper, random: c.Random, clocks: c.Clocks,
		now: c.Now, newID: c.NewID, meter: newMeter(c.Metrics), logger: c.Logger,
	}
	d.fillIn()
	if c.Tracer != nil {
		d.tracer, d.appended = c.Tracer.Tracer("github.com/paymint/paymint/commands"), c.Appended
	}
	for _, g := range c.Gateways {
		name := g.Traits().Name
		if _, taken := d.links[name]; taken || name == "" {
			return nil, fmt.Errorf("desk: gateway name %q is empty or taken", name)
		}
		d.links[name] = newLink(g, payment.CallTimeout, c.Breaker, d.meter)
	}
	return d, nil
}

// fillIn gives the zero values of Config their meaning.
func (d *Desk) fillIn() {
	if len(d.laneNumbers) == 0 {
		d.laneNumbers = []int{0}
	}
	if d.random == nil {
		d.random = rand.Reader
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.newID == nil {
		d.newID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	}
	if d.logger == nil {
		d.logger = slog.New(slog.DiscardHandler)
	}
}

// observed is one command under observation.
type observed struct {
	desk  *Desk
	verb  verb
	began time.Time
	span  trace.Span
}

// observe starts the clock and, where traces are wanted, a span.
func (d *Desk) observe(ctx context.Context, v verb) (context.Context, observed) {
	o := observed{desk: d, verb: v, began: time.Now()}
	if d.tracer != nil {
		ctx, o.span = d.tracer.Start(ctx, "command "+string(v))
	}
	return ctx, o
}

func (o observed) end(how ending, err error) {
	if err != nil {
		how = endedFailed
	}
	o.desk.meter.command(o.verb, how, time.Since(o.began))
	if o.span != nil {
		if err != nil {
			o.span.RecordError(err)
		}
		o.span.End()
	}
}

// waited is the span of a wait for the log; nothing when nobody traces.
type waited struct {
	desk *Desk
	span trace.Span
}

// wait opens the span of an append: it ends when the events are durable, or are not.
func (d *Desk) wait(ctx context.Context, lane, commands int) (context.Context, waited) {
	if d.tracer == nil {
		return ctx, waited{}
	}
	ctx, span := d.tracer.Start(ctx, "append", trace.WithAttributes(attribute.Int("lane", lane), attribute.Int("commands", commands)))
	return ctx, waited{d, span}
}

func (w waited) end(reached eventstore.Position, err error) {
	if w.span == nil {
		return
	}
	if err != nil {
		w.span.RecordError(err)
	} else {
		w.span.SetAttributes(attribute.Int64("position", reached.Number))
		if by := w.span.SpanContext(); by.IsSampled() && w.desk.appended != nil {
			w.desk.appended(reached, by)
		}
	}
	w.span.End()
}

// alarm logs and counts what a person must look at. Amounts, references and ids
// may be said; what the client sent may not.
func (d *Desk) alarm(ctx context.Context, a Alarm, message string, attributes ...slog.Attr) {
	d.meter.alarms[a].Inc()
	d.logger.LogAttrs(ctx, slog.LevelError, message, append(attributes, slog.String("alarm", string(a)))...)
}
