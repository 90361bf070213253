package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/commands"
	domainaccess "github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/relay"
	"github.com/paymint/paymint/gateways/sandbox"
	api "github.com/paymint/paymint/http"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/access"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
	"github.com/paymint/paymint/reactions"
)

// openRelays gives each lane a relay, which takes over this process's commits from
// memory. A process that appends and does not relay wakes the relays of others instead.
func (a *app) openRelays(context.Context) error {
	appends := a.has(roleAPI) || a.has(roleReactor)
	for _, lane := range a.lanes() {
		var tail relay.Tail // nil: none
		if appends {
			opened := a.store.Tail(lane)
			a.onClose(opened.Close)
			tail = opened
		}
		switch {
		case a.has(roleRelay):
			if err := a.openRelay(lane, tail); err != nil {
				return err
			}
		case appends:
			a.loops = append(a.loops, loop{fmt.Sprintf("wake-up calls of lane %d", lane), func(ctx context.Context) error {
				relay.Ping(ctx, a.bus, lane, tail)
				return nil
			}})
		}
	}
	return nil
}

func (a *app) openRelay(lane int, tail relay.Tail) error {
	c := relay.Config{
		Lane: lane, Log: a.store, Tail: tail, Conn: a.bus, Logger: a.log, Metrics: a.registry,
		Stream: relay.StreamConfig{Replicas: a.config.Replicas, MaxBytes: a.config.StreamBytes},
	}
	if a.env.NATS != nil {
		c.Restart = a.env.NATS.Restart
	}
	r, err := relay.New(c)
	if err != nil {
		return err
	}
	a.loops = append(a.loops, loop{fmt.Sprintf("relay of lane %d", lane), r.Run})
	a.check(fmt.Sprintf("relay_%d", lane), false, func(context.Context) (string, error) { return "", r.Err() })
	return nil
}

// readModelsOf lists the projections, decoded once and written in one transaction.
func readModelsOf() []projections.Projection {
	return []projections.Projection{payments.Projection(), refunds.Projection(), access.Keys(), access.Merchants()}
}

func decoders() projections.Decoders {
	return projections.Decoders{
		projections.AggregatePayment: projections.DecodePayment,
		access.AggregateKey:          access.DecodeKey,
		access.AggregateMerchant:     access.DecodeMerchant,
	}
}

func (a *app) openProjector(ctx context.Context) error {
	if !a.has(roleProjector) {
		return nil
	}
	storage, err := projections.OpenPostgres(ctx, a.env.DatabaseURL, "paymint_projector")
	if err != nil {
		return err
	}
	a.onClose(storage.Close)
	for _, lane := range a.lanes() {
		f := projections.NewFollower(projections.Config{
			Lane: lane, Projections: readModelsOf(), Decoders: decoders(), Log: a.store, Storage: storage,
			Live: a.live(lane),
			Now:  a.now, Logger: a.log, Metrics: a.registry, Tracer: a.tracer, Appenders: a.traces.links,
		})
		a.followers = append(a.followers, f)
		a.loops = append(a.loops, loop{fmt.Sprintf("projector of lane %d", lane), f.Run})
	}
	a.check("projections", false, a.projectionLag)
	return nil
}

// live is where the follower hears of events: from memory beside the appender, which
// spares JetStream's delivery; from JetStream in a process of its own. Events of
// other appenders on the lane are holes, and holes are read from the log.
func (a *app) live(lane int) projections.LiveSource {
	if a.has(roleAPI) {
		return projections.Tail{Of: func() *eventstore.Tail { return a.store.Tail(lane) }}
	}
	return projections.JetStream{Conn: a.bus, Lane: lane, Stream: relay.StreamName(lane)}
}

// lagMax is how many events behind the read models are called unready.
const lagMax = 100_000

func (a *app) projectionLag(ctx context.Context) (string, error) {
	var lag int64
	for _, f := range a.followers {
		head, err := a.store.Head(ctx, f.Lane)
		if err != nil {
			return "", err
		}
		lag = max(lag, head-f.Reached())
		if halted := f.Halted(); len(halted) > 0 {
			return "", fmt.Errorf("%v stands still before an event it cannot fold; see the log, then start a mended binary", halted)
		}
	}
	detail := fmt.Sprintf("%d events behind", lag)
	if lag > lagMax {
		return detail, errors.New("lists are stale; single payments are current")
	}
	return detail, nil
}

// openDesk wires the commands with their one gateway, the sandbox.
func (a *app) openDesk(ctx context.Context) (err error) {
	if len(a.roles) > 0 && !a.has(roleAPI) && !a.has(roleReactor) {
		return nil
	}
	if a.book, err = sandbox.OpenPostgres(ctx, sandbox.PostgresConfig{URL: a.env.DatabaseURL, Pool: a.pool}); err != nil {
		return err
	}
	a.onClose(func() { a.book.Close() })
	a.merchants = commands.NewMerchantCache(a.store, a.now)
	notes := a.notes()
	notes.Wake = func() {
		if a.watch != nil {
			a.watch.Wake()
		}
	}
	a.desk, err = commands.New(commands.Config{
		Log:         a.store,
		Gateways:    []commands.Gateway{sandbox.New(sandbox.Config{Book: a.book, BaseURL: a.config.BaseURL})},
		Router:      commands.FixedRoutes{Test: []string{sandbox.Name}},
		Instruments: sandbox.NewInstruments(a.key("payment method fingerprints")),
		Merchants:   a.merchants,
		Lanes:       a.store, LaneNumbers: a.lanes(),
		Pepper: []byte(a.config.Pepper),
		Clocks: notes.Clocks(),
		Now:    a.now, NewID: a.newID, Metrics: a.registry, Tracer: a.tracer, Appended: a.traces.add, Logger: a.log,
	})
	if err != nil {
		return err
	}
	a.check("acquirer", false, func(context.Context) (string, error) {
		if away := a.desk.Unreachable(); len(away) > 0 {
			return "", fmt.Errorf("%v does not answer; new authorizations through it are refused until it does", away)
		}
		return "", nil
	})
	return nil
}

// key derives a key of its own for each use from the one pepper (RFC 5869).
func (a *app) key(use string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(a.config.Pepper), nil, "paymint: "+use, 32)
	if err != nil {
		panic(err) // 32 bytes are always within HKDF's bound
	}
	return key
}

func (a *app) notes() *reactions.Postgres {
	return &reactions.Postgres{DB: a.pool, Refunds: a.refundQuery(), Merchants: a.merchants, Now: a.now}
}

func (a *app) paymentQuery() payments.Query {
	return payments.Query{DB: a.pool, Log: a.store, ClockOffset: func(ctx context.Context, m id.Merchant) (time.Duration, error) {
		state, err := a.merchants.Find(ctx, m)
		return state.ClockOffset, err
	}}
}

func (a *app) refundQuery() refunds.Query { return refunds.Query{DB: a.pool, Log: a.store} }

func (a *app) openReactor(context.Context) error {
	if !a.has(roleReactor) {
		return nil
	}
	notes := a.notes()
	a.watch = reactions.New(reactions.Config{
		Desk: a.desk, Payments: a.paymentQuery(), Notes: notes, Ahead: notes, Lanes: a.lanes(),
		Now: a.now, Metrics: a.registry, Logger: a.log,
	})
	a.loops = append(a.loops, loop{"reactor", func(ctx context.Context) error { a.watch.Run(ctx); return nil }})
	return nil
}

// openServer serves the API, or with other roles alone their health and metrics.
func (a *app) openServer(context.Context) (err error) {
	c := api.Config{
		Checks: a.checks, BaseURL: a.config.BaseURL, LogRequests: a.config.LogRequests, Log: a.log, Tracer: a.tracer,
		Now: a.now, NewID: a.newID, Metrics: a.registry, Gatherer: prometheus.Gatherer(a.registry), HTTP2: true,
	}
	if a.has(roleAPI) {
		c.Desk, c.Payments, c.Refunds, c.Merchants = a.desk, a.paymentQuery(), a.refundQuery(), a.merchants
		c.Keys, c.KeyPeppers = access.KeyQuery{DB: a.pool}, [][]byte{[]byte(a.config.Pepper)}
		c.CursorKey, c.NoRateLimits = []byte(a.config.CursorKey), a.config.NoRateLimits
		c.LaneOf, c.KeyOf, c.Challenges = a.laneOf, a.keyOf, challenges{a}
		c.WaitFor = func(ctx context.Context, lane int, number int64) error {
			return a.waitFor(ctx, eventstore.Position{Lane: lane, Number: number})
		}
	}
	a.server, err = api.New(c)
	return err
}

func (a *app) laneOf(ctx context.Context, merchant id.Merchant) (lane int, found bool, err error) {
	lane, err = a.store.LaneOf(ctx, merchant.UUID())
	if errors.Is(err, eventstore.ErrUnassigned) {
		return 0, false, nil
	}
	return lane, err == nil, err
}

// keyOf folds an API key from the log: an approver's key counts as it stands now.
func (a *app) keyOf(ctx context.Context, key id.Key) (found domainaccess.Key, known bool, err error) {
	events, err := a.store.ReadStream(ctx, key.UUID(), 0, eventstore.EventsPerCommandMax)
	if err != nil || len(events) == 0 || events[0].Stream.Aggregate != access.AggregateKey {
		return found, false, err
	}
	for i := range events {
		fact, err := domainaccess.Decode(events[i].Type, events[i].Schema, events[i].Body)
		if err != nil {
			return found, false, err
		}
		found = domainaccess.Evolve(found, fact)
	}
	return found, true, nil
}

// challenges finds on whose behalf a cardholder acts on the sandbox's 3-D Secure page.
type challenges struct{ app *app }

// Find implements api.Challenges.
func (c challenges) Find(ctx context.Context, payment id.Payment) (domainaccess.Principal, bool, error) {
	events, err := c.app.store.ReadStream(ctx, payment.UUID(), 0, 1)
	if err != nil || len(events) == 0 || events[0].Livemode || events[0].Stream.Aggregate != projections.AggregatePayment {
		return domainaccess.Principal{}, false, err
	}
	return domainaccess.Principal{
		Merchant: id.From[id.Merchant](events[0].Merchant), Lane: events[0].Lane,
	}, true, nil
}
