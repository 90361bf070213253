package api

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/common/expfmt"
)

// Check is one thing that /readyz asks. Ask returns a detail for people, such as a
// lag; it must be quick and may be asked by anybody, so it names no host. Not ready
// is said only when a critical check fails.
type Check struct {
	Name     string
	Critical bool
	Ask      func(ctx context.Context) (detail string, err error)
}

// checkTimeout bounds a check: an orchestrator's probe gives up soon after.
const checkTimeout = 2 * time.Second

// healthz serves GET /healthz: the process is alive and answers.
func (s *Server) healthz(x *exchange) error {
	return x.json(http.StatusOK, []byte(`{"status":"ok"}`))
}

// readyz serves GET /readyz: may traffic come?
func (s *Server) readyz(x *exchange) error {
	results := s.ask(x.context())
	status, word := http.StatusOK, "ready"
	for i, result := range results {
		if result.err != nil && s.checks[i].Critical {
			status, word = http.StatusServiceUnavailable, "not_ready"
		}
	}
	o := object{buf: make([]byte, 0, 256)}
	o.open()
	o.text("status", word)
	o.name("checks")
	o.open()
	for i, result := range results {
		o.name(s.checks[i].Name)
		o.open()
		o.flag("ok", result.err == nil)
		o.flag("critical", s.checks[i].Critical)
		o.textOrNull("detail", result.detail)
		o.close()
	}
	o.close()
	o.close()
	if status != http.StatusOK {
		x.set("Retry-After", "1")
	}
	return x.json(status, o.buf)
}

type checked struct {
	detail string
	err    error
}

// ask runs all checks at once: one that hangs must not hide the others. What they
// say goes to the log; the client learns the detail alone.
func (s *Server) ask(ctx context.Context) []checked {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	results := make([]checked, len(s.checks))
	var asked sync.WaitGroup
	for i, check := range s.checks {
		asked.Go(func() {
			detail, err := check.Ask(ctx)
			results[i] = checked{detail, err}
			if err != nil {
				s.logger.WarnContext(ctx, "check failed", "check", check.Name, "critical", check.Critical, "cause", printable(err))
			}
		})
	}
	asked.Wait()
	return results
}

// metricsPage serves GET /metrics in Prometheus's text format. It stands on the
// public listener: who publishes the
// listener keeps the path to itself at the proxy.
func (s *Server) metricsPage(x *exchange) error {
	if s.gatherer == nil {
		return fail(codeRouteNotFound, "No such path. The API reference is at /docs.")
	}
	families, err := s.gatherer.Gather()
	if err != nil && len(families) == 0 {
		return err
	}
	format := expfmt.NewFormat(expfmt.TypeTextPlain)
	var b bytes.Buffer
	encoder := expfmt.NewEncoder(&b, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return x.answer(http.StatusOK, string(format), b.Bytes())
}
