package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp" // traces leave by OTLP, the one wire all collectors speak
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// logged are the only attributes that a log line may carry. A field that is not
// on this list is dropped, whoever logs it: the log can never become a place
// where card data, names or secrets collect.
var logged = map[string]bool{
	slog.TimeKey: true, slog.LevelKey: true, slog.MessageKey: true, slog.SourceKey: true,
	"address": true, "aggregate": true, "alarm": true, "cause": true, "check": true, "code": true, "commands": true, "component": true,
	"critical": true, "data": true, "error": true, "events": true, "failures": true, "fatal": true, "first": true, "first_start": true,
	"folder": true, "follower": true, "gateway": true, "key": true, "lane": true, "last_words": true, "latency": true, "merchant": true,
	"merchant_id": true, "method": true, "operation": true, "pause": true, "payment": true, "pid": true, "position": true,
	"projection": true, "projections": true, "reason": true, "reference": true, "relay": true, "request_id": true, "role": true,
	"route": true, "status": true, "stream": true, "took": true, "user": true, "version": true,
}

func newLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if !logged[a.Key] {
			return slog.Attr{}
		}
		return a
	}}))
}

// newTracer exports spans to the collector at endpoint. Without one there is no
// provider: nobody then pays for a span that goes nowhere (1.3 µs a request).
func newTracer(ctx context.Context, endpoint string) (trace.TracerProvider, func(context.Context) error, error) {
	if endpoint == "" {
		return nil, func(context.Context) error { return nil }, nil
	}
	exporter, err := otlptracehttp.New(ctx) // reads OTEL_EXPORTER_OTLP_* itself
	if err != nil {
		return nil, nil, fmt.Errorf("set up the trace exporter: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "paymint"), attribute.String("service.version", version))))
	return provider, provider.Shutdown, nil
}

// servePprof serves profiles on a port of its own, on loopback only: a profile
// shows what is in memory.
func servePprof(ctx context.Context, address string, log *slog.Logger) error {
	if address == "off" || address == "" {
		return nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for pprof on %s: %w", address, err)
	}
	if host := listener.Addr().(*net.TCPAddr).IP; !host.IsLoopback() {
		_ = listener.Close()
		return fmt.Errorf("PAYMINT_DEBUG_LISTEN is %s: pprof listens on loopback only", address)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 2 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	log.Info("profiles are served", "address", "http://"+listener.Addr().String()+"/debug/pprof/")
	return nil
}
