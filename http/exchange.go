package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/http/strictjson"
)

// version is the only released version of the API.
const version = "2026-04-01"

// readMax is how long what only reads may take: a client has given up by then, and
// a database that hangs must not collect connections.
const readMax = 5 * time.Second

// exchange is one request and its answer. It lives as long as the request and is
// then used again: nothing may keep it, or the body in it.
type exchange struct {
	server    *Server
	route     *served
	echo      echo.Context
	request   *http.Request
	header    http.Header // of the answer
	started   time.Time
	requestID id.Request
	ids       string // requestID as text
	principal access.Principal
	body      []byte
	object    strictjson.Object // body, read
	members   strictjson.Object // memory that object uses
	span      trace.Span
	status    int
	failed    *failure
	// values holds the texts of the answer's headers: one allocation for all.
	values []string
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// exchange makes Echo's handler of a route: everything that all requests have in common.
func (s *Server) exchange(r *served) echo.HandlerFunc {
	return func(c echo.Context) error {
		x := exchanges.Get().(*exchange)
		x.begin(s, r, c)
		defer x.end()
		if err := x.serve(); err != nil {
			x.fail(translate(err))
		}
		return nil
	}
}

func (x *exchange) begin(s *Server, r *served, c echo.Context) {
	x.server, x.route, x.echo, x.request = s, r, c, c.Request()
	x.header = c.Response().Header()
	x.started = s.now()
	x.requestID = id.From[id.Request](s.newID())
	x.ids = x.requestID.String()
	x.principal = access.Principal{}
	x.body, x.object, x.failed, x.span, x.status = x.body[:0], nil, nil, nil, 0
	x.values = make([]string, 0, headersPerAnswer)
	s.meter.inFlight.Inc()
	x.commonHeaders()
	x.startSpan()
}

// serve takes the steps in the order in which they may refuse: what is cheap and
// says nothing about anybody's data comes first.
func (x *exchange) serve() (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			if aborted, is := thrown.(error); is && errors.Is(aborted, http.ErrAbortHandler) {
				panic(thrown)
			}
			x.server.meter.panics.Inc()
			err = &failure{
				fault: fault{Code: codeInternal, Message: messageInternal},
				cause: fmt.Errorf("panic: %v\n%s", thrown, debug.Stack()),
			}
		}
	}()
	if err := x.checkHeaders(); err != nil {
		return err
	}
	if method := x.request.Method; method == http.MethodGet || method == http.MethodHead {
		ctx, cancel := context.WithTimeout(x.context(), readMax)
		defer cancel()
		x.request = x.request.WithContext(ctx)
	}
	if x.route.scope != scopePublic {
		if err := x.admit(); err != nil {
			return err
		}
	}
	if x.request.Method == http.MethodPost && x.request.URL.RawQuery != "" {
		if err := parseQuery(x.request.URL.RawQuery).check(); err != nil {
			return err // commands take no query parameters
		}
	}
	if err := x.readBody(); err != nil {
		return err
	}
	return x.route.serve(x)
}

// admit asks who calls, whether not too often, and whether for this.
func (x *exchange) admit() error {
	principal, err := x.server.keyring.authenticate(x.request.Context(), x.request.Header)
	if err != nil {
		return err
	}
	x.principal = principal
	if err := x.limit(); err != nil {
		return err
	}
	switch {
	case !principal.May(x.route.scope):
		return fail(codeScopeMissing, "This key lacks the scope "+string(x.route.scope)+".")
	case principal.Merchant.IsZero() && !x.route.platform:
		return fail(codeMerchantMissing, "This key is bound to no merchant. Use a merchant's key.")
	case x.route.test && principal.Livemode:
		return fail(codeTestModeOnly, "This endpoint exists in test mode only.")
	}
	return nil
}

func (x *exchange) end() {
	x.server.meter.observe(x)
	x.server.meter.inFlight.Dec()
	x.endSpan()
	x.log()
	x.server, x.route, x.echo, x.request, x.header, x.values, x.failed = nil, nil, nil, nil, nil, nil, nil
	clear(x.members)
	if cap(x.body) > bodyMax {
		x.body = nil // a batch's memory is not kept for every small request
	}
	exchanges.Put(x)
}

func (x *exchange) context() context.Context { return x.request.Context() }

// lookUp is the context of what a command looks up before it begins.
func (x *exchange) lookUp() (context.Context, context.CancelFunc) {
	return context.WithTimeout(x.context(), readMax)
}

// answer sends a body that is complete: Content-Length is set, so that it leaves
// in one piece, and a HEAD request learns the size.
func (x *exchange) answer(status int, contentType string, body []byte) error {
	x.set("Content-Type", contentType)
	x.set("Content-Length", strconv.Itoa(len(body)))
	x.status = status
	x.echo.Response().WriteHeader(status)
	if x.request.Method == http.MethodHead {
		return nil
	}
	// The client may be gone; what happened is durable and its retry will be told.
	_, _ = x.echo.Response().Write(body)
	return nil
}

const contentJSON = "application/json"

func (x *exchange) json(status int, body []byte) error { return x.answer(status, contentJSON, body) }

// fail sends the envelope of an error.
func (x *exchange) fail(f *failure) {
	x.failed = f
	if x.echo.Response().Committed {
		return // half an answer is out; the connection tells the client
	}
	row := x.server.codes.row(f.Code)
	x.failureHeaders(row, f)
	_ = x.json(row.Status, x.server.envelope(x.ids, row, f))
}

// fingerprint digests what makes two requests the same request.
func (x *exchange) fingerprint() [32]byte {
	return fingerprint(x.request.Method, x.request.URL.Path, x.object)
}

func fingerprint(method, path string, body strictjson.Object) [32]byte {
	var room [1024]byte
	b := append(room[:0], method...)
	b = append(b, '\n')
	b = append(b, path...)
	b = append(b, '\n')
	return sha256.Sum256(body.AppendCanonical(b))
}
