package api_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	api "github.com/paymint/paymint/http"
)

func TestASpanGoesOnWithTheClientsTrace(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	w := newWorld(t, func(c *api.Config) {
		c.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	})
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	a := w.create(creation("pm_test_visa", "1000"), header("Traceparent", "00-"+trace+"-00f067aa0ba902b7-01"))
	spans := recorder.Ended()
	if a.StatusCode != http.StatusCreated || len(spans) != 1 {
		t.Fatalf("%d, %d spans", a.StatusCode, len(spans))
	}
	if got := spans[0]; got.SpanContext().TraceID().String() != trace || got.Name() != "POST /v1/payments" {
		t.Errorf("span %s of trace %s", got.Name(), got.SpanContext().TraceID())
	}
	for _, attribute := range spans[0].Attributes() {
		if strings.Contains(attribute.Value.String(), w.secret) {
			t.Errorf("attribute %s holds the key", attribute.Key)
		}
	}
}

func TestNotReadyIsAFailedSpanAndNoCrash(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	w := newWorld(t, func(c *api.Config) {
		c.Tracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
		c.Checks = []api.Check{{Name: "log", Critical: true, Ask: func(context.Context) (string, error) { return "", errors.New("gone") }}}
	})
	if a := w.get("/readyz", anonymous); a.StatusCode != http.StatusServiceUnavailable || a.text("status") != "not_ready" {
		t.Fatalf("%d %s", a.StatusCode, a.raw)
	}
	if spans := recorder.Ended(); len(spans) != 1 || spans[0].Status().Code != otelcodes.Error {
		t.Errorf("spans: %v", spans)
	}
}
