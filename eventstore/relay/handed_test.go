package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/relay"
)

// tailGiven is a tail that hands over what the test sends.
type tailGiven chan eventstore.Batch

func (h tailGiven) Next(ctx context.Context) (eventstore.Batch, error) {
	select {
	case batch := <-h:
		return batch, nil
	case <-ctx.Done():
		return eventstore.Batch{}, ctx.Err()
	}
}

// A batch that was sent twice holds what the first sending wrote and what the second
// did; another process's events may stand between them, and be published already.
func TestABatchWithAHoleInItIsPublishedAroundIt(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]int{"from its beginning": 0, "from within the hole": 6, "from behind the hole": 9} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			r.append(before)
			tail := make(tailGiven)
			r.relay(relay.Config{Tail: tail, PollEvery: time.Hour})
			r.arrives()
			r.append(12 - before)
			events, err := r.log.ReadLog(t.Context(), 0, 0, 12)
			if err != nil || len(events) != 12 {
				t.Fatalf("%d events, %v", len(events), err)
			}
			for _, batch := range [][]eventstore.Event{{events[1], events[7], events[8]}, {events[9], events[11]}} {
				select {
				case tail <- eventstore.Batch{Events: batch}:
				case <-time.After(patience):
					t.Fatal("the relay does not read its tail")
				}
			}
			r.equal(r.arrives())
		})
	}
}
