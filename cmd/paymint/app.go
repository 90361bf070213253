package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/gateways/sandbox"
	api "github.com/paymint/paymint/http"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/access"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
	"github.com/paymint/paymint/reactions"
)

// app is one process of Paymint: its parts, in the order in which data flows.
type app struct {
	config   Config
	env      *environment
	roles    []role
	log      *slog.Logger
	registry *prometheus.Registry
	tracer   trace.TracerProvider
	traces   appenders
	now      func() time.Time
	newID    func() uuid.UUID

	listener  net.Listener
	pool      *pgxpool.Pool
	bus       *nats.Conn
	store     *eventstore.Store
	book      *sandbox.Postgres
	merchants *commands.MerchantCache
	desk      *commands.Desk
	followers []*projections.Follower
	watch     *reactions.Watch
	server    *api.Server

	loops   []loop
	checks  []api.Check
	closers []func() // run last to first
}

// loop is a part that runs until ctx ends. An error ends it alone: what it was for
// stops, /readyz says so, and everything else goes on.
type loop struct {
	name string
	run  func(context.Context) error
}

// newApp wires the parts of roles. It starts no loop and takes no request yet.
func newApp(ctx context.Context, c Config, env *environment, roles []role, log *slog.Logger) (*app, error) {
	a := newParts(c, env, roles, log)
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	err := a.open(ctx, a.openTelemetry, a.openListener, a.openDatabase, a.openStore, a.openBus,
		a.openRelays, a.openProjector, a.openDesk, a.openReactor, a.openServer)
	return a, err
}

// newTool wires what a subcommand needs to give commands of its own: no loop, no
// server; the running processes carry on what it appends.
func newTool(ctx context.Context, c Config, env *environment, log *slog.Logger) (*app, error) {
	a := newParts(c, env, nil, log)
	err := a.open(ctx, a.openDatabase, a.openStore, a.openDesk)
	return a, err
}

func newParts(c Config, env *environment, roles []role, log *slog.Logger) *app {
	return &app{
		config: c, env: env, roles: roles, log: log, registry: prometheus.NewRegistry(), now: time.Now,
		newID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) },
	}
}

// open takes the steps in order; after a failed one everything is closed again.
func (a *app) open(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			a.close()
			return err
		}
	}
	return nil
}

func (a *app) has(r role) bool { return slices.Contains(a.roles, r) }

func (a *app) onClose(f func()) { a.closers = append(a.closers, f) }

func (a *app) close() {
	for _, f := range slices.Backward(a.closers) {
		f()
	}
	a.closers = nil
}

func (a *app) openTelemetry(ctx context.Context) error {
	provider, shutdown, err := newTracer(ctx, a.config.TraceEndpoint)
	if err != nil {
		return err
	}
	a.tracer = provider
	a.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = shutdown(ctx)
	})
	return servePprof(ctx, a.config.DebugListen, a.log)
}

// openListener claims the address first: a port in use is known before anything starts.
func (a *app) openListener(ctx context.Context) (err error) {
	var listen net.ListenConfig
	if a.listener, err = listen.Listen(ctx, "tcp", a.config.Listen); err != nil {
		return fmt.Errorf("listen on %s: %w; choose another with --listen or PAYMINT_LISTEN", a.config.Listen, err)
	}
	if a.config.BaseURL == "" {
		a.config.BaseURL = "http://" + a.listener.Addr().String()
	}
	a.onClose(func() { _ = a.listener.Close() })
	return nil
}

// openDatabase makes the pool for reads and queries. Appender, follower and book
// have sessions of their own, so that a busy pool never holds them up.
func (a *app) openDatabase(ctx context.Context) (err error) {
	if a.pool, err = openPool(ctx, a.env.DatabaseURL, a.config.DatabasePool); err != nil {
		return err
	}
	a.onClose(a.pool.Close)
	a.check("database", true, func(ctx context.Context) (string, error) { return "", a.pool.Ping(ctx) })
	return nil
}

// connectTimeout bounds the wait for a database that does not answer at all.
const connectTimeout = 5 * time.Second

func openPool(ctx context.Context, url string, size int) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.MaxConns = int32(min(max(size, 1), 1000)) //nolint:gosec // bounded
	for name, value := range projections.ReaderSettings() {
		config.ConnConfig.RuntimeParams[name] = value
	}
	eventstore.SetRole(&config.ConnConfig.Config, eventstore.RoleApp) // reads; appends through one function
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return pool, nil
}

func (a *app) lanes() []int {
	lanes := make([]int, max(a.config.Lanes, 1))
	for i := range lanes {
		lanes[i] = i
	}
	return lanes
}

func (a *app) openStore(ctx context.Context) (err error) {
	a.store, err = eventstore.Open(ctx, eventstore.Config{
		URL: a.env.DatabaseURL, Pool: a.pool, Lanes: a.lanes(), Now: a.now, Metrics: a.registry, Log: a.log,
	})
	if err != nil {
		return err
	}
	a.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if err := a.store.Close(ctx); err != nil {
			a.log.Error("the event store did not close in time", "error", err)
		}
	})
	return nil
}

func (a *app) openBus(context.Context) (err error) {
	if a.bus, err = a.env.connectNATS("paymint"); err != nil {
		return err
	}
	a.onClose(a.bus.Close)
	a.check("nats", false, func(context.Context) (string, error) {
		if !a.bus.IsConnected() {
			return a.bus.Status().String(), errors.New("not connected; events wait in PostgreSQL")
		}
		return "", nil
	})
	return nil
}

func (a *app) check(name string, critical bool, ask func(context.Context) (string, error)) {
	a.checks = append(a.checks, api.Check{Name: name, Critical: critical, Ask: ask})
}

// run serves until ctx ends, then stops in the order of the data's way: no more
// requests, then the commands under way, then everything behind them. ready is
// called once the loops run and requests are taken.
func (a *app) run(ctx context.Context, ready func(context.Context) error) error {
	defer a.close()
	loops, stopLoops := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, l := range a.loops {
		running.Go(func() { a.runLoop(loops, l) })
	}
	serving := make(chan error, 1)
	go func() { serving <- a.server.Serve(a.listener) }()
	a.log.Info("paymint is up", "address", a.listener.Addr().String(), "version", version, "role", fmt.Sprint(a.roles))
	err := ready(ctx)
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-serving:
		}
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.config.StopTimeout)
	defer cancel()
	if stopped := a.server.Shutdown(stopping); stopped != nil {
		_ = a.server.Close() // whoever is still served loses the connection before we take its parts away
		err = errors.Join(err, stopped)
	}
	stopLoops()
	running.Wait()
	a.log.Info("paymint has stopped")
	return err
}

func (a *app) runLoop(ctx context.Context, l loop) {
	if err := l.run(ctx); err != nil && ctx.Err() == nil {
		a.log.Error(l.name+" has stopped; restart the process once the cause is mended", "error", err, "component", l.name)
	}
}

// waitFor returns once the read models have reached a position.
func (a *app) waitFor(ctx context.Context, position eventstore.Position) error {
	return a.waiter().Wait(ctx, position)
}

func (a *app) waiter() projections.Waiter {
	return projections.Waiter{Followers: a.followers, DB: a.pool, Names: readModels}
}

// readModels are the projections that API readers wait for.
var readModels = []string{payments.Name, refunds.Name, access.KeysName, access.MerchantsName}
