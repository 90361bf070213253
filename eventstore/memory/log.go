// Package memory keeps a log in memory, under the same contract as the one in
// PostgreSQL (eventstoretest holds both to it).
//
// It serves simulation: it has no goroutines, no clock and no randomness of its
// own, each call is done when it returns, and Fault lets a simulation decide for
// each command whether it is lost, refused or kept without its caller learning it.
// A log survives the "crash" of everything that uses it.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
)

// Log is the whole store. Make it with New.
type Log struct {
	mu      sync.Mutex
	lanes   map[int]*lane
	streams map[uuid.UUID][]eventstore.Event
	claims  map[dayKey]eventstore.Claim
	answers map[answerKey]eventstore.Answer
	belongs map[uuid.UUID]int
	fault   func(lane int, c eventstore.Command) Fault
	closed  bool
}

type lane struct {
	events []eventstore.Event
	tails  eventstore.Tails
}

// dayKey is where PostgreSQL would keep a claim: the partition and the key in it.
type dayKey struct {
	day time.Time
	key eventstore.ClaimKey
}

// answerKey is which claim an answer belongs to.
type answerKey struct {
	at  time.Time
	key eventstore.ClaimKey
}

// New makes an empty log that takes appends to the lanes named; none means lane 0.
func New(lanes ...int) *Log {
	if len(lanes) == 0 {
		lanes = []int{0}
	}
	l := &Log{
		lanes:   map[int]*lane{},
		streams: map[uuid.UUID][]eventstore.Event{},
		claims:  map[dayKey]eventstore.Claim{},
		answers: map[answerKey]eventstore.Answer{},
		belongs: map[uuid.UUID]int{},
	}
	for _, n := range lanes {
		l.lanes[n] = &lane{}
	}
	return l
}

// Append does the command or refuses it, as eventstore.Store does.
func (l *Log) Append(ctx context.Context, lane int, c eventstore.Command) (eventstore.Receipt, error) {
	result := l.AppendAll(ctx, lane, []eventstore.Command{c})[0]
	return result.Receipt, result.Err
}

// AppendAll does each command or refuses it, in order.
func (l *Log) AppendAll(ctx context.Context, lane int, cs []eventstore.Command) []eventstore.Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	results := make([]eventstore.Result, len(cs))
	var batch eventstore.Batch
	for i := range cs {
		results[i].Receipt, results[i].Err = l.append(ctx, lane, &cs[i], len(cs), &batch)
	}
	if len(batch.Events) > 0 {
		l.lanes[lane].tails.Push(batch)
	}
	return results
}

func (l *Log) append(ctx context.Context, lane int, c *eventstore.Command, together int, batch *eventstore.Batch) (eventstore.Receipt, error) {
	at := l.lanes[lane]
	switch {
	case l.closed:
		return eventstore.Receipt{}, eventstore.ErrClosed
	case at == nil:
		return eventstore.Receipt{}, eventstore.ErrNoLane
	case together > eventstore.BatchMax:
		return eventstore.Receipt{}, eventstore.ErrMalformed
	case ctx.Err() != nil:
		return eventstore.Receipt{}, ctx.Err()
	}
	prepared, err := c.Prepare()
	if err != nil {
		return eventstore.Receipt{}, err
	}
	fault := l.ask(lane, *c)
	if err := fault.before(); err != nil {
		return eventstore.Receipt{}, err
	}
	if err := l.refuse(lane, c); err != nil {
		return eventstore.Receipt{}, err
	}
	l.keep(lane, c, prepared, batch)
	return eventstore.Receipt{Last: eventstore.Position{Lane: lane, Number: int64(len(at.events))}}, fault.after()
}

// refuse looks in the order of the contract: claim first, then versions.
func (l *Log) refuse(lane int, c *eventstore.Command) error {
	if c.Claim != nil {
		if found, ok := l.claimed(c.Claim.Key, c.Claim.At); ok {
			return &eventstore.ClaimedError{Claimed: found}
		}
	}
	for i := range c.Writes {
		w := &c.Writes[i]
		history := l.streams[w.Stream.ID]
		if len(history) > 0 && history[0].Lane != lane {
			return fmt.Errorf("%w: stream %s belongs to another lane", eventstore.ErrMalformed, w.Stream.ID)
		}
		if actual := len(history); actual != w.Expected {
			return &eventstore.ConflictError{Stream: w.Stream, Expected: w.Expected, Actual: actual}
		}
	}
	return nil
}

func (l *Log) keep(lane int, c *eventstore.Command, prepared eventstore.Prepared, batch *eventstore.Batch) {
	at := l.lanes[lane]
	for _, e := range prepared.Events {
		e.Lane, e.Position = lane, int64(len(at.events))+1
		at.events = append(at.events, e)
		l.streams[e.Stream.ID] = append(l.streams[e.Stream.ID], e)
		batch.Events = append(batch.Events, e)
	}
	batch.Frames = append(batch.Frames, prepared.Frames...)
	if c.Claim != nil {
		claim := *c.Claim
		claim.At = claim.At.UTC().Truncate(time.Microsecond)
		l.claims[dayKey{eventstore.ClaimDay(claim.At), claim.Key}] = claim
	}
	if c.Answer != nil {
		l.answer(*c.Answer)
	}
}

func (l *Log) answer(a eventstore.Answer) {
	a.ClaimedAt = a.ClaimedAt.UTC().Truncate(time.Microsecond)
	of := answerKey{a.ClaimedAt, a.Key}
	if _, answered := l.answers[of]; answered {
		return
	}
	a.Body = append([]byte{}, a.Body...)
	l.answers[of] = a
}

// claimed looks from the youngest day that counts to the oldest.
func (l *Log) claimed(key eventstore.ClaimKey, at time.Time) (eventstore.Claimed, bool) {
	from, until := eventstore.ClaimWindow(at)
	for day := until.AddDate(0, 0, -1); !day.Before(from); day = day.AddDate(0, 0, -1) {
		claim, ok := l.claims[dayKey{day, key}]
		if !ok {
			continue
		}
		found := eventstore.Claimed{Claim: claim}
		if answer, answered := l.answers[answerKey{claim.At, key}]; answered {
			found.Answer = &answer
		}
		return found, true
	}
	return eventstore.Claimed{}, false
}

// Claimed finds an idempotency key as it would count at the time now.
func (l *Log) Claimed(ctx context.Context, key eventstore.ClaimKey, now time.Time) (eventstore.Claimed, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, ok := l.claimed(key, now)
	return found, ok, ctx.Err()
}

// Close refuses further appends and ends the tails.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, n := range l.laneNumbers() {
		l.lanes[n].tails.Close()
	}
}

func (l *Log) laneNumbers() []int {
	numbers := make([]int, 0, len(l.lanes))
	for n := range l.lanes {
		numbers = append(numbers, n)
	}
	slices.SortFunc(numbers, cmp.Compare)
	return numbers
}
