package commands_test

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/eventstore"
)

func TestACommandsTraceShowsItsWaitsForTheLog(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	var told []eventstore.Position
	w := newWorld(t, func(c *commands.Config) {
		c.Tracer = trace.NewTracerProvider(trace.WithSpanProcessor(spans))
		c.Appended = func(reached eventstore.Position, _ oteltrace.SpanContext) { told = append(told, reached) }
	})
	w.authorize("pm_test_visa", 5000)
	for _, r := range w.desk.AuthorizeBatch(t.Context(), []commands.Item{w.item("pm_test_visa", 5000)}) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	count := map[string]int{}
	for _, s := range spans.Ended() {
		count[s.Name()]++
		if s.Name() == "append" && (!s.Parent().IsValid() || len(s.Attributes()) != 3) {
			t.Errorf("append: parent %v, %v", s.Parent(), s.Attributes())
		}
	}
	if count["append"] != 4 || count["command authorize"] != 1 || count["command authorize_batch"] != 1 {
		t.Errorf("%v", count)
	}
	if len(told) != 4 || told[0].Number >= told[3].Number {
		t.Errorf("told of appends up to %v, want all four", told)
	}
}
