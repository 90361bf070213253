package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/paymint/paymint/domain/access"
)

// bodyRule says what a route does with a request body.
type bodyRule int

const (
	bodyNone     bodyRule = iota // ignored if sent
	bodyOptional                 // absent means {}
	bodyRequired
)

// The largest bodies, in bytes.
const (
	bodyMax      = 256 << 10
	batchBodyMax = 1 << 20
)

// caching is the Cache-Control of a route's answers.
type caching string

const (
	cacheNever caching = "no-store"
	cacheDay   caching = "public, max-age=86400"
)

// route is one row of the table of routes. A route without a scope does not start:
// what everybody may do says so with scopePublic.
type route struct {
	method   string
	path     string // Echo's template, also the label in metrics and logs
	scope    access.Scope
	body     bodyRule
	bodyMax  int64
	cache    caching
	test     bool // test mode only
	platform bool // also for keys that are bound to no merchant
	serve    func(*exchange) error
}

// scopePublic marks routes that need no key.
const scopePublic access.Scope = "public"

func (r route) check() error {
	_, err := access.ScopesOf(r.scope)
	switch {
	case r.scope == "":
		return fmt.Errorf("route %s %s names no scope", r.method, r.path)
	case r.serve == nil:
		return fmt.Errorf("route %s %s has no handler", r.method, r.path)
	case r.scope != scopePublic && err != nil:
		return fmt.Errorf("route %s %s needs the unknown scope %q", r.method, r.path, r.scope)
	}
	return nil
}

// template is the path as OpenAPI writes it: /v1/payments/{id}.
func (r route) template() string {
	parts := strings.Split(r.path, "/")
	for i, part := range parts {
		if name, ok := strings.CutPrefix(part, ":"); ok {
			parts[i] = "{" + name + "}"
		}
	}
	return strings.Join(parts, "/")
}

// routes is the table. Order does not matter: static paths win over parameters.
func (s *Server) routes() []route {
	if s.desk == nil {
		return s.operationRoutes()
	}
	return append(s.paymentRoutes(), s.operationRoutes()...)
}

func (s *Server) paymentRoutes() []route {
	read, write := access.PaymentsRead, access.PaymentsWrite
	return []route{
		{method: http.MethodPost, path: "/v1/payments", scope: write, body: bodyRequired, serve: s.createPayment},
		{method: http.MethodGet, path: "/v1/payments", scope: read, serve: s.listPayments},
		{method: http.MethodPost, path: "/v1/payments/batch", scope: write, body: bodyRequired, bodyMax: batchBodyMax, serve: s.createBatch},
		{method: http.MethodGet, path: "/v1/payments/:id", scope: read, serve: s.retrievePayment},
		{method: http.MethodPost, path: "/v1/payments/:id/capture", scope: write, body: bodyOptional, serve: s.capturePayment},
		{method: http.MethodPost, path: "/v1/payments/:id/cancel", scope: write, body: bodyOptional, serve: s.cancelPayment},
		{method: http.MethodPost, path: "/v1/payments/:id/complete_action", scope: write, body: bodyOptional, test: true, serve: s.completeAction},
		{method: http.MethodPost, path: "/v1/payments/:id/corrections", scope: access.PlatformAdmin, platform: true, body: bodyRequired, serve: s.correctPayment},
		{method: http.MethodGet, path: "/v1/payments/:id/events", scope: read, serve: s.paymentHistory},
		{method: http.MethodPost, path: "/v1/payments/:id/refunds", scope: access.RefundsWrite, body: bodyOptional, serve: s.createRefund},
		{method: http.MethodGet, path: "/v1/payments/:id/refunds", scope: read, serve: s.listRefundsOfPayment},
		{method: http.MethodGet, path: "/v1/payments/:id/refunds/:refund_id", scope: read, serve: s.retrieveRefund},
		{method: http.MethodGet, path: "/v1/refunds", scope: read, serve: s.listRefunds},
		{method: http.MethodPost, path: "/v1/test_clock/advance", scope: write, body: bodyRequired, test: true, serve: s.advanceTestClock},

		{method: http.MethodGet, path: "/sandbox/3ds/:id", scope: scopePublic, serve: s.challengePage},
		{method: http.MethodPost, path: "/sandbox/3ds/:id/approve", scope: scopePublic, serve: s.challengeApproved},
		{method: http.MethodPost, path: "/sandbox/3ds/:id/fail", scope: scopePublic, serve: s.challengeFailed},
	}
}

// operationRoutes are served by every process, whatever its roles.
func (s *Server) operationRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/healthz", scope: scopePublic, serve: s.healthz},
		{method: http.MethodGet, path: "/readyz", scope: scopePublic, serve: s.readyz},
		{method: http.MethodGet, path: "/metrics", scope: scopePublic, serve: s.metricsPage},
		{method: http.MethodGet, path: "/openapi.yaml", scope: scopePublic, cache: cacheDay, serve: s.openAPI},
		{method: http.MethodGet, path: "/docs", scope: scopePublic, cache: cacheDay, serve: s.docsReference},
		{method: http.MethodGet, path: "/docs/errors", scope: scopePublic, cache: cacheDay, serve: s.docsErrors},
		{method: http.MethodGet, path: "/docs/style.css", scope: scopePublic, cache: cacheDay, serve: s.docsStyle},
	}
}
