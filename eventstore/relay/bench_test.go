package relay_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/eventstore/relay"
)

// BenchmarkRelay publishes batches as the appender hands them over; ns/op is one
// event, CPU of server and relay together (they share the process).
func BenchmarkRelay(b *testing.B) {
	for _, size := range []int{16, 115, 500} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			conn, err := embeddedtest.NATS(b).Connect()
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			tail := make(handover, 1)
			running, err := relay.New(relay.Config{Log: memory.New(), Tail: tail, Conn: conn})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			go func() { _ = running.Run(ctx) }()
			events, frames := benchEvents(size)
			b.ResetTimer()
			defer reportCPU(b)()
			position := int64(0)
			for position < int64(b.N) {
				batch := eventstore.Batch{Events: make([]eventstore.Event, size), Frames: frames}
				copy(batch.Events, events)
				for i := range batch.Events {
					position++
					batch.Events[i].Position = position
				}
				tail <- batch
				for position-running.Reached() > int64(8*size) {
					time.Sleep(20 * time.Microsecond)
				}
			}
			for running.Reached() < position {
				time.Sleep(20 * time.Microsecond)
			}
		})
	}
}

// BenchmarkAtomicBatch is the other way to publish: JetStream's atomic batches, three
// headers on each message and the expected sequence on the first.
func BenchmarkAtomicBatch(b *testing.B) {
	for _, size := range []int{16, 115, 500} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			conn, err := embeddedtest.NATS(b).Connect()
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			js, err := jetstream.New(conn)
			if err != nil {
				b.Fatal(err)
			}
			config := jetstream.StreamConfig{Name: "ATOMIC", Subjects: []string{"paymint.0.>"}, AllowAtomicPublish: true}
			if _, err := js.CreateStream(b.Context(), config); err != nil {
				b.Fatal(err)
			}
			events, frames := benchEvents(size)
			b.ResetTimer()
			defer reportCPU(b)()
			position := 0
			for position < b.N {
				publishAtomically(b, conn, events, frames, position)
				position += size
			}
		})
	}
}

func publishAtomically(b *testing.B, conn *nats.Conn, events []eventstore.Event, frames [][]byte, after int) {
	b.Helper()
	batchID := fmt.Sprint(after)
	msg := nats.Msg{Header: nats.Header{"Nats-Batch-Id": {batchID}, "Nats-Batch-Sequence": {""}}}
	for i := range events {
		msg.Subject, msg.Data = eventstore.Subject(0, events[i]), frames[i]
		msg.Header["Nats-Batch-Sequence"][0] = fmt.Sprint(i + 1)
		delete(msg.Header, jetstream.ExpectedLastSeqHeader)
		if i == 0 {
			msg.Header[jetstream.ExpectedLastSeqHeader] = []string{fmt.Sprint(after)}
		}
		if i < len(events)-1 {
			if err := conn.PublishMsg(&msg); err != nil {
				b.Fatal(err)
			}
			continue
		}
		msg.Header["Nats-Batch-Commit"] = []string{"1"}
		answer, err := conn.RequestMsg(&msg, 5*time.Second)
		if err != nil {
			b.Fatal(err)
		}
		if after == 0 && len(answer.Data) == 0 {
			b.Fatal("empty acknowledgement")
		}
	}
}

// reportCPU reports the process's CPU time for an event; elapsed time says little on a
// machine that others use too.
func reportCPU(b *testing.B) func() {
	before := cpuTime(b)
	return func() {
		b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N)/1000, "cpu-µs/event")
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// handover is a Tail that a benchmark fills.
type handover chan eventstore.Batch

func (h handover) Next(ctx context.Context) (eventstore.Batch, error) {
	select {
	case batch := <-h:
		return batch, nil
	case <-ctx.Done():
		return eventstore.Batch{}, ctx.Err()
	}
}

func benchEvents(n int) ([]eventstore.Event, [][]byte) {
	events, frames := eventstoretest.Events(n), make([][]byte, n)
	for i := range events {
		events[i].Stream, events[i].Version = eventstoretest.Payment(), 1
		events[i].Body = make([]byte, 320)
		frames[i] = events[i].AppendFrame(nil)
	}
	return events, frames
}
