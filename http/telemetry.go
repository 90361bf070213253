package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// w3c reads traceparent and tracestate.
var w3c = propagation.TraceContext{}

// startSpan makes the request's span a child of the client's; without a tracer it
// costs nothing.
func (x *exchange) startSpan() {
	if x.server.tracer == nil {
		return
	}
	ctx := w3c.Extract(x.request.Context(), propagation.HeaderCarrier(x.request.Header))
	ctx, span := x.server.tracer.Start(ctx, x.request.Method+" "+x.route.label, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", x.request.Method),
		attribute.String("http.route", x.route.label),
		attribute.String("paymint.request_id", x.ids),
	))
	x.span = span
	x.request = x.request.WithContext(ctx)
}

func (x *exchange) endSpan() {
	if x.span == nil {
		return
	}
	x.span.SetAttributes(attribute.Int("http.response.status_code", x.status))
	if x.status >= http.StatusInternalServerError {
		code := "" // /readyz says no with a body of its own
		if x.failed != nil {
			code = x.failed.Code
		}
		x.span.SetStatus(otelcodes.Error, code)
	}
	x.span.End()
}

// log writes what went wrong on our side, and each request where that is asked
// for. These fields are all that is ever logged of a request: no path (it holds
// ids), no query, no header, no body.
func (x *exchange) log() {
	level, message := slog.LevelInfo, "request"
	if x.failed != nil && x.status >= http.StatusInternalServerError {
		level, message = slog.LevelError, "request failed"
		switch {
		case errors.Is(x.failed.cause, context.Canceled):
			level = slog.LevelInfo // the client went away: nothing of ours is broken
		case x.failed.Code != codeInternal && x.failed.Code != codeUnavailable:
			level = slog.LevelWarn // busy, lagging, no acquirer: load, not a fault
		}
	} else if !x.server.logRequests {
		return
	}
	ctx := context.WithoutCancel(x.request.Context())
	if !x.server.logger.Enabled(ctx, level) {
		return
	}
	fields := []slog.Attr{
		slog.String("method", x.request.Method),
		slog.String("route", x.route.label),
		slog.Int("status", x.status),
		slog.Duration("latency", x.server.now().Sub(x.started)),
		slog.String("request_id", x.ids),
	}
	if !x.principal.Merchant.IsZero() {
		fields = append(fields, slog.String("merchant_id", x.principal.Merchant.String()), slog.String("key", x.principal.KeyPrefix))
	}
	if x.failed != nil {
		fields = append(fields, slog.String("code", x.failed.Code))
		if x.failed.cause != nil && level > slog.LevelInfo {
			fields = append(fields, slog.String("cause", printable(x.failed.cause)))
		}
	}
	x.server.logger.LogAttrs(ctx, level, message, fields...)
}

// printable writes an error in one line: a handler that does not escape must not
// let a value from outside forge log lines.
func printable(err error) string {
	if errors.Is(err, context.Canceled) {
		return "the client went away"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return ' '
		case r < ' ' || 0x7F <= r && r <= 0x9F:
			return '·'
		}
		return r
	}, err.Error())
}
