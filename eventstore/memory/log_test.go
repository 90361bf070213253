package memory_test

import (
	"errors"
	"testing"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/eventstore/memory"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	t.Parallel()
	eventstoretest.Contract(t, func(*testing.T) eventstoretest.Log { return memory.New(0, 1) })
}

func TestAFaultDecidesWhetherACommandStays(t *testing.T) {
	t.Parallel()
	for fault, want := range map[memory.Fault]struct {
		err    error
		events int
	}{
		memory.None: {nil, 1}, memory.Busy: {eventstore.ErrBusy, 0},
		memory.Lost: {eventstore.ErrUnavailable, 0}, memory.Doubt: {eventstore.ErrUnavailable, 1},
	} {
		log := memory.New()
		log.SetFault(func(int, eventstore.Command) memory.Fault { return fault })
		_, err := log.Append(t.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1))
		events, readErr := log.ReadLog(t.Context(), 0, 0, 10)
		if !errors.Is(err, want.err) || len(events) != want.events || readErr != nil {
			t.Errorf("fault %d: %v and %d events, want %v and %d", fault, err, len(events), want.err, want.events)
		}
	}
}

func TestAClosedLogTakesNothingAndEndsItsTails(t *testing.T) {
	t.Parallel()
	log := memory.New()
	tail := log.Tail(0)
	log.Close()
	if _, err := log.Append(t.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, 1)); !errors.Is(err, eventstore.ErrClosed) {
		t.Errorf("append: %v", err)
	}
	for _, tail := range []*eventstore.Tail{tail, log.Tail(0)} {
		if _, err := tail.Next(t.Context()); !errors.Is(err, eventstore.ErrClosed) {
			t.Errorf("tail: %v", err)
		}
	}
}
