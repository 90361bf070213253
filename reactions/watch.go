// Package reactions does what time asks for: it finds out what became of calls to
// acquirers that nobody answered, and lets authorizations expire.
//
//	payments read model ── due ──► Watch ──┬─ an act in doubt ──► Desk.Inquire ──► asked, sent again, reversed
//	inquiries (back-off, lease) ◄──┘       ├─ a hold ran out ───► Desk.Expire
//	moved_clocks ── a test clock moved ────┴─ refunds settled ──► Desk.Recheck
//
// A reaction acts on the world and is never replayed: a rebuild of the read model
// fires nothing. It writes payments through the desk alone, at expected versions, so
// any number of reactors may run beside the callers and beside each other; the lease
// in its own table only saves work. What a crash leaves open is due again when the
// next reactor looks.
package reactions

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections/payments"
)

// Desk is what the reactions act through. *commands.Desk is one.
type Desk interface {
	Standing(ctx context.Context, target commands.Target) (payment.State, time.Time, error)
	Inquire(ctx context.Context, actor string, target commands.Target, tried map[id.Reference]payment.Tried) ([]commands.Finding, error)
	Expire(ctx context.Context, actor string, target commands.Target) (bool, error)
	Recheck(ctx context.Context, actor string, target commands.Target) (failed int, err error)
	Escalate(ctx context.Context, target commands.Target, f commands.Finding)
}

// Payments lists what is due; payments.Query is one.
type Payments interface {
	DueAfter(ctx context.Context, lane int, now time.Time, after payments.Due, limit int) ([]payments.Due, error)
}

// Config is what a Watch is made of. Desk, Payments, Notes, Ahead and Lanes are needed.
type Config struct {
	Desk     Desk
	Payments Payments
	Notes    Notes
	Ahead    Ahead
	Lanes    []int

	Every   time.Duration // between looks; one second when zero
	Now     func() time.Time
	Metrics prometheus.Registerer
	Logger  *slog.Logger
}

// Watch looks after the payments of some lanes. Make it with New.
type Watch struct {
	desk     Desk
	payments Payments
	notes    Notes
	ahead    Ahead
	lanes    []int
	every    time.Duration
	now      func() time.Time
	logger   *slog.Logger
	measures measures
	wake     map[int]alarmClock
	resting  map[int]map[id.Merchant]time.Time // by lane; see longRead
}

const (
	// pageMax bounds one pass: a page is read at once, and its notes with it.
	pageMax = 256
	// passesMax bounds one turn while an outage has thousands in doubt; the next turn
	// goes on a second later.
	passesMax = 40
	// togetherMax bounds the calls under way: an acquirer that is silent holds each
	// for three seconds, and one that has just come back is not to be knocked over.
	togetherMax = 16
)

// New makes a Watch.
func New(c Config) *Watch {
	w := &Watch{
		desk: c.Desk, payments: c.Payments, notes: c.Notes, ahead: c.Ahead, lanes: c.Lanes,
		every: c.Every, now: c.Now, logger: c.Logger, measures: newMeasures(c.Metrics), wake: map[int]alarmClock{},
		resting: map[int]map[id.Merchant]time.Time{},
	}
	if w.every == 0 {
		w.every = time.Second
	}
	if w.now == nil {
		w.now = time.Now
	}
	if w.logger == nil {
		w.logger = slog.New(slog.DiscardHandler)
	}
	for _, lane := range c.Lanes {
		w.wake[lane] = alarmClock{due: make(chan struct{}, 1), ahead: make(chan struct{}, 1)}
		w.resting[lane] = map[id.Merchant]time.Time{}
	}
	return w
}

// Run looks after all lanes until ctx is done.
func (w *Watch) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, lane := range w.lanes {
		var at cursor
		var by aheadCursor
		all.Go(func() { w.run(ctx, w.wake[lane].due, func() { w.turn(ctx, lane, &at) }) })
		all.Go(func() { w.run(ctx, w.wake[lane].ahead, func() { w.turnAhead(ctx, lane, &by) }) })
	}
	all.Wait()
}

// run takes a turn every tick, and when it is woken.
func (w *Watch) run(ctx context.Context, woken <-chan struct{}, turn func()) {
	ticks := time.NewTicker(w.every)
	defer ticks.Stop()
	for {
		turn()
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		case <-woken:
		}
	}
}

// alarmClock wakes a lane's two loops: test clocks must not hold up what is due by
// the wall's.
type alarmClock struct{ due, ahead chan struct{} }

// Wake has every lane looked at without waiting for the next tick.
func (w *Watch) Wake() {
	for _, lane := range w.wake {
		for _, woken := range []chan struct{}{lane.due, lane.ahead} {
			select {
			case woken <- struct{}{}:
			default: // it is awake already
			}
		}
	}
}

// turn looks at what is due, from where the last turn ended: what is behind a long
// backlog gets its look however many turns the backlog takes.
func (w *Watch) turn(ctx context.Context, lane int, at *cursor) {
	for range passesMax {
		more, err := w.pass(ctx, lane, at)
		if err != nil {
			w.trouble(ctx, "look after due payments", lane, err)
			return
		}
		if !more {
			*at = cursor{}
			return
		}
	}
}

func (w *Watch) turnAhead(ctx context.Context, lane int, at *aheadCursor) {
	if err := w.passAhead(ctx, lane, at); err != nil {
		w.trouble(ctx, "look after moved clocks", lane, err)
	}
}

// trouble logs what the next turn will try again.
func (w *Watch) trouble(ctx context.Context, what string, lane int, err error) {
	if ctx.Err() != nil {
		return // stopping
	}
	w.measures.troubles.Inc()
	w.logger.LogAttrs(ctx, slog.LevelWarn, "reaction: "+what, slog.Int("lane", lane), slog.String("error", err.Error()))
}

// cursor is how far the turns have come through the due payments; zero to begin with
// the longest due.
type cursor struct{ after payments.Due }

// pass looks after one page of due payments; more says that there is another.
func (w *Watch) pass(ctx context.Context, lane int, at *cursor) (more bool, err error) {
	due, err := w.payments.DueAfter(ctx, lane, w.now(), at.after, pageMax)
	if err != nil || len(due) == 0 {
		return false, err
	}
	if err := w.tendAll(ctx, lane, due); err != nil {
		return false, err
	}
	at.after = due[len(due)-1]
	return len(due) == pageMax, nil
}

// tendAll tends what is not waiting for its next look, several at the same time.
func (w *Watch) tendAll(ctx context.Context, lane int, due []payments.Due) error {
	ids := make([]id.Payment, len(due))
	for i := range due {
		ids[i] = due[i].Payment
	}
	waiting, err := w.notes.Waiting(ctx, ids, w.now())
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	places := make(chan struct{}, togetherMax)
	for _, d := range due {
		if waiting[d.Payment] || ctx.Err() != nil {
			continue
		}
		target := commands.Target{Lane: lane, Merchant: d.Merchant, Livemode: d.Livemode, Payment: d.Payment}
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			if err := w.tend(ctx, target); err != nil {
				w.trouble(ctx, "payment "+target.Payment.String(), lane, err)
			}
		})
	}
	all.Wait()
	return nil
}

// tend does for one payment what is due now; nothing, when somebody has done it.
func (w *Watch) tend(ctx context.Context, target commands.Target) error {
	state, clock, err := w.desk.Standing(ctx, target)
	if err != nil {
		return err
	}
	switch {
	case w.inDoubt(state):
		return w.inquire(ctx, target)
	case len(state.Intents()) == 0:
		return w.expire(ctx, target, state, clock)
	}
	return nil
}
