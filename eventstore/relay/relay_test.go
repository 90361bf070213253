package relay_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/eventstore/eventstoretest"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/eventstore/relay"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

const patience = 20 * time.Second

// room is a log and a server.
type room struct {
	*testing.T
	log    *memory.Log
	server *embedded.NATS
	conn   *nats.Conn
}

func open(t *testing.T) *room {
	t.Helper()
	server := embeddedtest.NATS(t)
	conn, err := server.Connect(nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return &room{T: t, log: memory.New(), server: server, conn: conn}
}

// append puts n events into the log, four to a command.
func (r *room) append(n int) {
	r.Helper()
	for ; n > 0; n -= 4 {
		if _, err := r.log.Append(r.Context(), 0, eventstoretest.Write(eventstoretest.Payment(), 0, min(n, 4))); err != nil {
			r.Fatal(err)
		}
	}
}

// relay starts a relay and stops it when the test ends; finished says how it ended.
func (r *room) relay(c relay.Config) (running *relay.Relay, finished <-chan error) {
	r.Helper()
	if c.Conn == nil {
		c.Conn = r.conn
	}
	if c.Log == nil {
		c.Log = r.log
	}
	if c.PollEvery == 0 {
		c.PollEvery = 20 * time.Millisecond
	}
	running, err := relay.New(c)
	if err != nil {
		r.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { ended <- running.Run(ctx) })
	r.Cleanup(func() { cancel(); done.Wait() })
	return running, ended
}

func (r *room) stream() (jetstream.Stream, error) {
	js, err := jetstream.New(r.conn)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	return js.Stream(ctx, relay.StreamName(0))
}

func (r *room) eventually(what string, holds func() bool) {
	r.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			r.Fatal("never happened: " + what)
		}
	}
}

// arrives waits until the stream ends where the log does.
func (r *room) arrives() jetstream.Stream {
	r.Helper()
	head, err := r.log.Head(r.Context(), 0)
	if err != nil {
		r.Fatal(err)
	}
	var stream jetstream.Stream
	r.eventually("the stream reaches the log's head", func() bool {
		stream, err = r.stream()
		return err == nil && stream.CachedInfo().State.LastSeq == uint64(head)
	})
	return stream
}

// equal holds each message of the stream against the event at its position.
func (r *room) equal(stream jetstream.Stream) {
	r.Helper()
	events, err := r.log.ReadLog(r.Context(), 0, 0, 1<<20)
	if err != nil {
		r.Fatal(err)
	}
	state := stream.CachedInfo().State
	if state.Msgs != state.LastSeq-state.FirstSeq+1 {
		r.Fatalf("%d messages between %d and %d: there are holes", state.Msgs, state.FirstSeq, state.LastSeq)
	}
	for sequence := state.FirstSeq; sequence <= state.LastSeq; sequence++ {
		message, err := stream.GetMsg(r.Context(), sequence)
		if err != nil {
			r.Fatalf("message %d: %v", sequence, err)
		}
		e := events[sequence-1]
		if !bytes.Equal(message.Data, e.AppendFrame(nil)) || message.Subject != eventstore.Subject(0, e) {
			r.Fatalf("message %d is not the event at its position", sequence)
		}
	}
}

func TestMessageNIsTheEventAtPositionN(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.append(50)
	tail := r.log.Tail(0)
	r.relay(relay.Config{Tail: tail, PollEvery: time.Hour})
	r.arrives()
	r.append(50) // handed over in memory: nobody polls for an hour
	r.equal(r.arrives())
}

func TestAPingOfAnotherProcessWakesTheRelay(t *testing.T) {
	t.Parallel()
	r := open(t)
	tail := r.log.Tail(0)
	go relay.Ping(t.Context(), r.conn, 0, tail)
	r.relay(relay.Config{PollEvery: time.Hour})
	r.append(4)
	r.arrives()
	r.append(4)
	r.equal(r.arrives())
}

func TestTwoRelaysOnALaneDoNotHurtEachOther(t *testing.T) {
	t.Parallel()
	r := open(t)
	for range 2 {
		conn, err := r.server.Connect()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(conn.Close)
		r.relay(relay.Config{Tail: r.log.Tail(0), Conn: conn})
	}
	r.relay(relay.Config{}) // and one of another process, which polls
	for range 200 {
		r.append(10)
	}
	r.equal(r.arrives())
}

func TestAWipedStreamBeginsAgainNearTheHead(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.relay(relay.Config{Tail: r.log.Tail(0), Stream: relay.StreamConfig{Backfill: 30}})
	r.append(100)
	r.arrives()
	js, err := jetstream.New(r.conn)
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(t.Context(), relay.StreamName(0)); err != nil {
		t.Fatal(err)
	}
	r.append(20)
	stream := r.arrives()
	if first := stream.CachedInfo().State.FirstSeq; first < 71 || first > 91 {
		t.Fatalf("the new stream begins at %d, want 30 positions behind the head", first)
	}
	r.equal(stream)
}

func TestAnOlderCopyOfTheStreamIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.append(40)
	older, err := relay.New(relay.Config{Log: shorter{r.log, 15}, Conn: r.conn, PollEvery: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- older.Run(ctx) }()
	r.eventually("the older copy exists", func() bool {
		stream, err := r.stream()
		return err == nil && stream.CachedInfo().State.LastSeq == 15
	})
	cancel()
	<-done
	r.relay(relay.Config{})
	r.equal(r.arrives())
}

func TestAStreamAheadOfTheLogStopsTheRelayLoudly(t *testing.T) {
	t.Parallel()
	for name, restored := range map[string]int{"the log went back": 10, "the log went back and has grown since": 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := open(t)
			_, finished := r.relay(relay.Config{Tail: r.log.Tail(0), PollEvery: 5 * time.Millisecond})
			r.append(20)
			r.arrives()
			_ = finished
			r.log = memory.New() // another history
			r.append(restored)
			registry := prometheus.NewRegistry()
			running, stopped := r.relay(relay.Config{Metrics: registry})
			select {
			case err := <-stopped:
				if ahead := (*relay.AheadError)(nil); !errors.As(err, &ahead) {
					t.Fatalf("ended with %v, want an AheadError", err)
				}
			case <-time.After(patience):
				t.Fatal("the relay went on")
			}
			if running.Err() == nil {
				t.Error("Err does not tell the health check")
			}
			stream, err := r.stream()
			if err != nil || stream.CachedInfo().State.LastSeq != 20 {
				t.Errorf("the stream was touched: %v", err)
			}
		})
	}
}

func TestAServerThatDoesNotAcknowledgeIsRestarted(t *testing.T) {
	t.Parallel()
	r := open(t)
	restarted := make(chan struct{}, 1)
	js, err := jetstream.New(r.conn)
	if err != nil {
		t.Fatal(err)
	}
	// A stream that takes nothing: what a full disk looks like from outside.
	full := jetstream.StreamConfig{Name: relay.StreamName(0), Subjects: []string{"paymint.0.>"}, MaxMsgs: 1, Discard: jetstream.DiscardNew}
	if _, err := js.CreateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	r.append(8)
	running, _ := r.relay(relay.Config{AckPatience: 300 * time.Millisecond, Restart: func() error {
		select {
		case restarted <- struct{}{}:
		default:
		}
		return js.DeleteStream(context.Background(), relay.StreamName(0)) // space has returned
	}})
	select {
	case <-restarted:
	case <-time.After(patience):
		t.Fatal("never restarted")
	}
	r.equal(r.arrives())
	r.eventually("health is good again", func() bool { return running.Err() == nil })
}

func TestPublishingGoesOnAfterTheServerWasAway(t *testing.T) {
	t.Parallel()
	r := open(t)
	r.relay(relay.Config{Tail: r.log.Tail(0), AckPatience: 300 * time.Millisecond})
	r.append(12)
	r.arrives()
	if err := r.server.Restart(); err != nil {
		t.Fatal(err)
	}
	r.append(12)
	r.equal(r.arrives())
}

// shorter is a log as it was at a position.
type shorter struct {
	*memory.Log
	upTo int64
}

func (s shorter) ReadLog(ctx context.Context, lane int, after int64, limit int) ([]eventstore.Event, error) {
	return s.Log.ReadLog(ctx, lane, after, min(limit, int(max(0, s.upTo-after))))
}

func (s shorter) Head(context.Context, int) (int64, error) { return s.upTo, nil }
