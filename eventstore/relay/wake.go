package relay

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/paymint/paymint/eventstore"
)

// WakeSubject is where processes that append without a relay of their own say that a
// lane has grown. It is outside the stream's subjects.
func WakeSubject(lane int) string { return "paymint.wake." + strconv.Itoa(lane) }

// listen takes in what the tail hands over and pings of other processes, until ctx
// ends. It returns what ends it earlier.
func (r *Relay) listen(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	pings, err := r.Conn.Subscribe(WakeSubject(r.Lane), func(*nats.Msg) { r.pinged.Store(true); r.rouse() })
	if err != nil {
		r.Logger.Warn("relay: cannot be woken by other processes, polling instead", "error", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.followTail(ctx)
	}()
	return func() {
		cancel()
		<-done
		if pings != nil {
			_ = pings.Unsubscribe() // the connection may be gone already
		}
	}
}

func (r *Relay) rouse() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// handoverMax is how many handed batches wait for the relay; more are dropped, and
// the log gives them. They are the tail's own memory, held a little longer.
const handoverMax = 256

// followTail moves batches from the tail to where pass takes them.
func (r *Relay) followTail(ctx context.Context) {
	if r.Tail == nil {
		return
	}
	for {
		batch, err := r.Tail.Next(ctx)
		if err != nil {
			return // the store closes or we do
		}
		if len(batch.Events) == 0 {
			continue
		}
		r.mu.Lock()
		if len(r.fresh) >= handoverMax {
			r.fresh = nil // far behind: begin with what is new
		}
		r.fresh = append(r.fresh, batch)
		r.mu.Unlock()
		r.rouse()
	}
}

// drain takes over what followTail has brought.
func (r *Relay) drain() {
	r.mu.Lock()
	fresh := r.fresh
	r.fresh = nil
	r.mu.Unlock()
	if len(r.queue)+len(fresh) > handoverMax {
		r.queue = nil
	}
	r.queue = append(r.queue, fresh...)
}

// await returns when there may be more to publish.
func (r *Relay) await(ctx context.Context) {
	timer := time.NewTimer(r.PollEvery)
	defer timer.Stop()
	select {
	case <-r.wake:
		r.ask = r.pinged.Swap(false)
	case <-timer.C:
		r.ask = true
	case <-ctx.Done():
	}
}

// pingsPerSecondMax bounds Ping: a relay that is awake needs no waking.
const pingsPerSecondMax = 200

// Ping tells the relays of other processes about every batch that this process
// commits, until the tail or ctx ends. A ping that is lost costs a poll.
func Ping(ctx context.Context, conn *nats.Conn, lane int, tail Tail) {
	ticker := time.NewTicker(time.Second / pingsPerSecondMax)
	defer ticker.Stop()
	for {
		if _, err := tail.Next(ctx); err != nil {
			return
		}
		_ = conn.Publish(WakeSubject(lane), nil) // without a connection there is nobody to wake
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

var _ Tail = (*eventstore.Tail)(nil)
