package projections_test

import (
	"context"
	"testing"
	"testing/synctest"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/projectionstest"
)

func TestABatchIsLinkedToTheSpansThatAppendedIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, table := memory.New(), &projections.MemoryTable[payments.Resource]{}
		if _, err := log.Append(t.Context(), 0, projectionstest.NewLives(50, 1).Next().Command(0)); err != nil {
			t.Fatal(err)
		}
		by := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
		spans := tracetest.NewSpanRecorder()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		f := projections.NewFollower(projections.Config{
			Projections: []projections.Projection{payments.New(func(int) projections.Table[payments.Resource] { return table })},
			Decoders:    decoders(), Log: log, Storage: projections.NewMemory(),
			Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)),
			Appenders: func(lane int, after, upTo int64) []trace.Link {
				if lane != 0 || after != 0 || upTo < 1 {
					t.Errorf("asked of lane %d, %d to %d", lane, after, upTo)
				}
				return []trace.Link{{SpanContext: by}}
			},
		})
		go func() { defer close(done); _ = f.Run(ctx) }()
		if err := (projections.Waiter{Followers: []*projections.Follower{f}}).Wait(ctx, eventstore.Position{Number: 1}); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-done
		for _, s := range spans.Ended() {
			if s.Name() == "projections.batch" && len(s.Links()) == 1 && s.Links()[0].SpanContext.Equal(by) {
				return
			}
		}
		t.Error("no batch is linked to the append")
	})
}
