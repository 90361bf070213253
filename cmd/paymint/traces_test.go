package main

import (
	"testing"

	"go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/eventstore"
)

func TestAppendersAreRememberedByLaneAndPositionAndForgottenInTheEnd(t *testing.T) {
	t.Parallel()
	var a appenders
	span := func(n byte) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{n}})
	}
	a.add(eventstore.Position{Lane: 0, Number: 5}, span(1))
	a.add(eventstore.Position{Lane: 1, Number: 5}, span(2))
	a.add(eventstore.Position{Lane: 0, Number: 9}, span(3))
	if links := a.links(0, 4, 8); len(links) != 1 || !links[0].SpanContext.Equal(span(1)) {
		t.Errorf("got %v", links)
	}
	for n := range int64(appendersMax) {
		a.add(eventstore.Position{Lane: 2, Number: n}, span(4))
	}
	if links := a.links(0, 0, 100); len(links) != 0 {
		t.Errorf("still remembers %v", links)
	}
}
