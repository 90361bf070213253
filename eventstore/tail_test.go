package eventstore_test

import (
	"testing"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/eventstore/memory"
)

func TestAReaderThatIsBehindLosesTheOldestBatches(t *testing.T) {
	t.Parallel()
	log := memory.New()
	tail := log.Tail(0)
	const more = 100
	for range (eventstore.TailEventsMax)/eventstore.EventsPerCommandMax + more {
		command := eventstoretest.Write(eventstoretest.Payment(), 0, eventstore.EventsPerCommandMax)
		if _, err := log.Append(t.Context(), 0, command); err != nil {
			t.Fatal(err)
		}
	}
	head, err := log.Head(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	next := int64(more*eventstore.EventsPerCommandMax) + 1
	for next <= head {
		batch, err := tail.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if batch.Events[0].Position != next {
			t.Fatalf("the batch begins at %d, want %d", batch.Events[0].Position, next)
		}
		next += int64(len(batch.Events))
	}
}
