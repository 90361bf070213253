package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
)

// Config is what a Server is made of. Desk, Payments, Refunds, Keys, KeyPeppers and
// CursorKey come together; without Desk the server shows health, metrics and
// documentation alone. The zero value of everything else works.
type Config struct {
	Desk     Desk
	Payments Payments
	Refunds  Refunds
	Keys     Keys
	// Merchants tells what a merchant's test clock shows; without it the clock cannot
	// be moved to a time, only by seconds.
	Merchants Merchants

	// LaneOf finds a merchant's lane, for the platform's operators; without it no
	// merchant is found.
	LaneOf func(ctx context.Context, merchant id.Merchant) (lane int, found bool, err error)
	// KeyOf finds an API key by its id, revoked ones too, as the log has it now;
	// without it nobody's approval of a correction counts.
	KeyOf func(ctx context.Context, key id.Key) (found access.Key, known bool, err error)
	// Challenges finds the payment behind a 3-D Secure page of the sandbox; without
	// it the pages answer 404.
	Challenges Challenges
	// WaitFor returns once the read models have reached a position, or with ctx's
	// error. Without it Paymint-Min-Position is taken as reached.
	WaitFor func(ctx context.Context, lane int, number int64) error
	// Checks are asked by /readyz, in this order.
	Checks []Check

	// KeyPeppers key the digests by which API keys are found: the current one first,
	// then the one before it while it is being changed.
	KeyPeppers [][]byte
	// CursorKey signs list cursors; 32 bytes, the same in all processes.
	CursorKey []byte
	// BaseURL, such as https://api.example.com, stands before paths in doc_url.
	BaseURL string
	// NoRateLimits lets every key call as often as it likes.
	NoRateLimits bool
	// HTTP2 accepts HTTP/2 without TLS (prior knowledge) besides HTTP/1.1.
	// Its clients are told that a header may have 12 KiB: net/http adds its slack of
	// 4 KiB to HTTP/1.1 alone.
	HTTP2 bool
	// LogRequests writes a line per request; without it only failures of ours are logged.
	LogRequests bool

	Now     func() time.Time     // time.Now when nil
	NewID   func() uuid.UUID     // UUIDv7; uuid.Must(uuid.NewV7()) when nil
	Log     *slog.Logger         // discarded when nil
	Tracer  trace.TracerProvider // no spans when nil
	Metrics prometheus.Registerer
	// Gatherer is what /metrics shows; without it the page answers 404.
	Gatherer prometheus.Gatherer
}

// Server is the HTTP API. Make it with New; its methods may be called from any goroutine.
type Server struct {
	desk       Desk
	payments   Payments
	refunds    Refunds
	merchants  Merchants
	challenges Challenges
	laneOf     func(ctx context.Context, merchant id.Merchant) (lane int, found bool, err error)
	keyOf      func(ctx context.Context, key id.Key) (found access.Key, known bool, err error)
	waitFor    func(ctx context.Context, lane int, number int64) error
	checks     []Check
	gatherer   prometheus.Gatherer

	keyring     *keyring
	limits      *limits
	cursors     cursors
	codes       codebook
	meter       *meter
	tracer      trace.Tracer
	logger      *slog.Logger
	logRequests bool
	baseURL     string
	now         func() time.Time
	newID       func() uuid.UUID

	paymentFields map[string]bool // names for the fields parameter
	refundFields  map[string]bool

	table    []route
	unrouted *served // stands for paths that no route knows
	pages    pages
	echo     *echo.Echo
	server   *http.Server
}

// Time-outs of a connection. The header must be there in two seconds, or slow
// openers would hold every connection; a batch of a hundred has a minute.
const (
	headerTimeout = 2 * time.Second
	bodyTimeout   = 30 * time.Second
	answerTimeout = 60 * time.Second
	idleTimeout   = 120 * time.Second
	headerMax     = 16 << 10
	// serverSlack is what net/http adds to MaxHeaderBytes before it refuses.
	serverSlack = 4 << 10
)

// New checks the configuration and the table of routes; nothing listens yet.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Server{
		desk: c.Desk, payments: c.Payments, refunds: c.Refunds, merchants: c.Merchants, challenges: c.Challenges,
		laneOf: c.LaneOf, keyOf: c.KeyOf, waitFor: c.WaitFor, checks: c.Checks, gatherer: c.Gatherer, cursors: cursors{key: slices.Clone(c.CursorKey)},
		codes: newCodebook(), logger: c.Log, logRequests: c.LogRequests, baseURL: strings.TrimSuffix(c.BaseURL, "/"),
		now: c.Now, newID: c.NewID,
	}
	s.defaults()
	if c.Tracer != nil {
		s.tracer = c.Tracer.Tracer("github.com/paymint/paymint/http")
	}
	if !c.NoRateLimits {
		s.limits = newLimits(s.now)
	}
	var err error
	if s.meter, err = newMeter(c.Metrics); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	s.keyring = newKeyring(c.Keys, c.KeyPeppers, s.now, s.meter)
	if s.pages, err = newPages(s.baseURL); err != nil {
		return nil, err
	}
	if err := s.register(); err != nil {
		return nil, err
	}
	s.serverFor(c.HTTP2)
	return s, nil
}

func (c Config) check() error {
	switch {
	case c.Desk == nil:
		return nil
	case c.Payments == nil || c.Refunds == nil || c.Keys == nil:
		return errors.New("http: a Desk needs Payments, Refunds and Keys beside it")
	case len(c.CursorKey) < 32 || len(c.KeyPeppers) == 0:
		return errors.New("http: a CursorKey of 32 bytes and a pepper of API keys are needed")
	}
	return nil
}

func (s *Server) defaults() {
	if s.now == nil {
		s.now = time.Now
	}
	if s.newID == nil {
		s.newID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.laneOf == nil {
		s.laneOf = func(context.Context, id.Merchant) (int, bool, error) { return 0, false, nil }
	}
	if s.keyOf == nil {
		s.keyOf = func(context.Context, id.Key) (access.Key, bool, error) { return access.Key{}, false, nil }
	}
	s.paymentFields = namesOf(payments.AppendJSON(nil, payments.Resource{}))
	s.refundFields = namesOf(refunds.AppendJSON(nil, refunds.Resource{}))
}

func (s *Server) serverFor(http2 bool) {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(http2)
	s.server = &http.Server{
		Handler:           s.echo,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerMax - serverSlack,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
		Protocols:         protocols,
	}
}

// register puts the table into Echo: each route, HEAD beside each GET, OPTIONS
// beside each path.
func (s *Server) register() error {
	s.echo = echo.New()
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.IPExtractor = echo.ExtractIPDirect() // X-Forwarded-For is whatever a client writes
	s.echo.HTTPErrorHandler = s.frameworkError
	s.table = s.routes()
	known := statuses()
	methods := map[string][]string{}
	for _, r := range s.table {
		if err := r.check(); err != nil {
			return err
		}
		handler := s.exchange(s.meter.serving(r, known))
		s.echo.Add(r.method, r.path, handler)
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == http.MethodGet {
			s.echo.HEAD(r.path, handler)
			methods[r.path] = append(methods[r.path], http.MethodHead)
		}
	}
	for path, allowed := range methods {
		allow := strings.Join(append(allowed, http.MethodOptions), ", ")
		s.echo.OPTIONS(path, s.exchange(s.meter.serving(s.options(path, allow), known)))
	}
	s.unrouted = s.meter.serving(route{method: "other", path: "unknown", scope: scopePublic, serve: unreachable}, known)
	return nil
}

func (s *Server) options(path, allow string) route {
	return route{method: http.MethodOptions, path: path, scope: scopePublic, serve: func(x *exchange) error {
		x.set("Allow", allow)
		x.status = http.StatusNoContent
		x.echo.Response().WriteHeader(http.StatusNoContent)
		return nil
	}}
}

func unreachable(*exchange) error { return errors.New("this handler is never called") }

// frameworkError dresses what Echo refuses by itself: unknown paths and methods.
func (s *Server) frameworkError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	x := exchanges.Get().(*exchange)
	x.begin(s, s.unrouted, c)
	defer x.end()
	x.fail(frameworkFailure(err, c.Response().Header().Get(echo.HeaderAllow)))
}

func frameworkFailure(err error, allow string) *failure {
	var refused *echo.HTTPError
	if errors.As(err, &refused) {
		switch refused.Code {
		case http.StatusNotFound:
			return fail(codeRouteNotFound, "No such path. The API reference is at /docs.")
		case http.StatusMethodNotAllowed:
			f := fail(codeMethodNotAllowed, "This path does not know the method.")
			f.allow = allow
			return f
		}
	}
	return &failure{fault: fault{Code: codeInternal, Message: messageInternal}, cause: err}
}

// Handler is the API without a listener, for whoever brings one.
func (s *Server) Handler() http.Handler { return s.echo }

// Serve answers requests on listener until Shutdown, then returns nil.
func (s *Server) Serve(listener net.Listener) error {
	err := s.server.Serve(dressed{Listener: listener, dress: s.bareEnvelope})
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve HTTP on %s: %w", listener.Addr(), err)
}

// Shutdown takes no more connections, lets every accepted request have its answer,
// and returns; with ctx's error if they take longer than ctx allows.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.server.Shutdown(ctx); err != nil {
		return fmt.Errorf("wait for requests to end: %w", err)
	}
	return nil
}

// Close drops every connection at once; requests under way lose their answers.
func (s *Server) Close() error { return s.server.Close() }

func (s *Server) newRequestID() string { return id.From[id.Request](s.newID()).String() }
