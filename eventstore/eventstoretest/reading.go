package eventstoretest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
)

func streamInPieces(t *testing.T, log Log) {
	stream := Payment()
	mustAppend(t, log, Write(Payment(), 0, 3))
	mustAppend(t, log, Write(stream, 0, 4))
	mustAppend(t, log, Write(Payment(), 0, 3))
	mustAppend(t, log, Write(stream, 4, 3))
	for _, piece := range []struct {
		after, limit int
		want         []int
	}{{0, 3, []int{1, 2, 3}}, {3, 3, []int{4, 5, 6}}, {6, 3, []int{7}}, {7, 3, nil}, {99, 3, nil}, {0, 0, nil}, {0, -1, nil}, {-5, 1, []int{1}}} {
		events, err := log.ReadStream(t.Context(), stream.ID, piece.after, piece.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, e := range events {
			got = append(got, e.Version)
		}
		if !slices.Equal(got, piece.want) {
			t.Errorf("after %d, limit %d: versions %v, want %v", piece.after, piece.limit, got, piece.want)
		}
	}
	if events, err := log.ReadLog(t.Context(), 0, 5, 2); err != nil || len(events) != 2 || events[0].Position != 6 {
		t.Fatalf("log after 5: %v, %v", events, err)
	}
	if events, err := log.ReadLog(t.Context(), 0, 13, 2); err != nil || len(events) != 0 {
		t.Fatalf("log after its head: %v, %v", events, err)
	}
}

func streamsTogether(t *testing.T, log Log) {
	var ids []uuid.UUID
	for i := range 20 {
		stream := Payment()
		ids = append(ids, stream.ID)
		if i%2 == 0 {
			mustAppend(t, log, Write(stream, 0, i+1))
			mustAppend(t, log, Write(stream, i+1, 1))
		}
	}
	found, err := log.ReadStreams(t.Context(), append(ids, ids...))
	if err != nil || len(found) != 10 {
		t.Fatalf("%d streams found, %v", len(found), err)
	}
	for i, id := range ids {
		if events := found[id]; i%2 == 0 && (len(events) != i+2 || events[i+1].Version != i+2 || events[0].Stream.ID != id) {
			t.Errorf("stream %d: %d events", i, len(events))
		}
	}
	if _, err := log.ReadStreams(t.Context(), make([]uuid.UUID, eventstore.ReadStreamsMax+1)); !errors.Is(err, eventstore.ErrMalformed) {
		t.Fatalf("too many streams: %v", err)
	}
}

// tailingReader reads by position while many append: whatever it has passed must
// never grow an event behind it.
func tailingReader(t *testing.T, log Log) {
	const callers, each = 16, 20
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for range each {
				if _, err := log.Append(t.Context(), 0, Write(Payment(), 0, 1)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	var seen int64
	for ended := false; ; {
		events, err := log.ReadLog(t.Context(), 0, seen, 7)
		if err != nil {
			t.Fatal(err)
		}
		CheckLog(t, 0, seen, events)
		seen += int64(len(events))
		if len(events) > 0 {
			continue
		}
		if ended {
			break
		}
		select {
		case <-done:
			ended = true
		default:
		}
	}
	if seen != callers*each {
		t.Fatalf("the reader saw %d of %d", seen, callers*each)
	}
}

func tailInOrder(t *testing.T, log Log) {
	mustAppend(t, log, Write(Payment(), 0, 1))
	tail, closed := log.Tail(0), log.Tail(0)
	closed.Close()
	const callers, each = 8, 10
	var wait sync.WaitGroup
	for range callers {
		wait.Go(func() {
			for range each {
				if _, err := log.Append(t.Context(), 0, Write(Payment(), 0, 2)); err != nil {
					t.Errorf("append: %v", err)
				}
			}
		})
	}
	var events []eventstore.Event
	for len(events) < callers*each*2 {
		batch, err := tail.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range batch.Events {
			if eventstore.SumFrame(batch.Frames[i]) != e.Hash {
				t.Fatalf("position %d: frame and hash differ", e.Position)
			}
		}
		events = append(events, batch.Events...)
	}
	wait.Wait()
	CheckLog(t, 0, 1, events)
	if _, err := closed.Next(t.Context()); !errors.Is(err, eventstore.ErrClosed) {
		t.Fatalf("closed tail: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tail.Next(cancelled); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled reader: %v", err)
	}
}

func cancelledCaller(t *testing.T, log Log) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := log.Append(cancelled, 0, Write(Payment(), 0, 1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("append: %v", err)
	}
	if head, err := log.Head(t.Context(), 0); head != 0 || err != nil {
		t.Fatalf("head %d, %v", head, err)
	}
}
