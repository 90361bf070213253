package commands

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/failpoint"
)

// BatchItemsMax bounds a batch: each of its calls to the acquirer has a goroutine.
const BatchItemsMax = 100

// Item is one payment of a batch: a wish and a call of its own.
type Item struct {
	Call Call
	Wish Authorize
}

// ItemReply is what Desk.Authorize would have returned for the item.
type ItemReply struct {
	Reply Reply
	Err   error
}

// AuthorizeBatch makes up to BatchItemsMax payments of one principal, each judged on
// its own: the intents in one append, the calls at the same time, the outcomes in
// one append. Two items with one key are the first request and its repeat.
func (d *Desk) AuthorizeBatch(ctx context.Context, items []Item) []ItemReply {
	ctx, o := d.observe(ctx, verbBatch)
	defer o.end(endedDone, nil)
	b := batch{desk: d, entries: make([]entry, len(items))}
	for i := range items {
		b.plan(ctx, &b.entries[i], items[i], i)
	}
	b.begin(ctx)
	ctx = detached(ctx)
	b.call(ctx)
	b.conclude(ctx)
	b.each(func(e *entry) bool { return e.rest != nil }, func(e *entry) { e.reply, e.err = e.rest() })
	replies := make([]ItemReply, len(items))
	for i := range b.entries {
		replies[i] = ItemReply{Reply: b.entries[i].reply, Err: b.entries[i].err}
	}
	return replies
}

type batch struct {
	desk    *Desk
	entries []entry
}

// entry is one item under way. It is done when rest is nil and stage is settled.
type entry struct {
	*authorization
	stage   stage
	command eventstore.Command
	word    word
	draft   draft
	rest    func() (Reply, error) // what remains to be done alone, after everybody's outcome
	reply   Reply
	err     error
}

type stage int

const (
	settled  stage = iota // reply, err or rest say the end
	opening               // command claims and, if it is no refusal, begins
	begun                 // intent durable, the network to be called
	answered              // command holds the outcome
)

// plan judges one item and words its first command: an intent, or a refusal to keep
// under the item's key.
func (b *batch) plan(ctx context.Context, e *entry, item Item, index int) {
	if index >= BatchItemsMax {
		e.err = fmt.Errorf("item %d of a batch of at most %d", index, BatchItemsMax)
		return
	}
	if e.authorization, e.err = b.desk.plan(ctx, item.Call, item.Wish); e.err != nil {
		return
	}
	switch {
	case e.refused != nil && e.keyed:
		e.reply = e.refusal(e.refused)
		e.stage, e.command = opening, e.closing(e.reply.Answer)
	case e.refused != nil:
		e.reply = e.refusal(e.refused)
	case e.link == nil:
		e.rest = func() (Reply, error) { return e.unavailable(ctx) }
	default:
		e.stage, e.command = opening, e.opening(e.intended)
	}
}

// begin makes all intents durable in one append. If we crash after it, each of them
// is the inquiry's.
func (b *batch) begin(ctx context.Context) {
	b.append(ctx, opening, func(e *entry, result eventstore.Result) {
		e.stage = settled
		switch {
		case result.Err != nil:
			e.release()
			e.rest = func() (Reply, error) { return e.beganLate(ctx, result) }
		case e.refused == nil:
			e.turn(e.intended, result.Receipt)
			e.stage = begun
		}
	})
	failpoint.Hit("desk.intent_committed")
}

// beganLate goes on alone with an item whose append met trouble: a repeat is
// answered; an intent that is in the log after all is acted on.
func (e *entry) beganLate(ctx context.Context, result eventstore.Result) (Reply, error) {
	if e.refused != nil {
		return e.notBegun(ctx, page{}, result.Err)
	}
	reply, isBegun, err := e.began(ctx, e.intended, result.Receipt, result.Err)
	if !isBegun {
		return reply, err
	}
	a := e.assignment()
	answer, trouble := e.askAnew(detached(ctx), e.link, a)
	reply, next, err := e.conclude(ctx, e.link, word{a, answer, trouble})
	return e.goOn(ctx, e.link, reply, next, err)
}

// call asks the acquirer about all at the same time: the slowest decides how long
// the batch takes, and a gateway that writes its own book can write it once.
func (b *batch) call(ctx context.Context) {
	b.each(func(e *entry) bool { return e.stage == begun }, func(e *entry) {
		e.word.assignment = e.assignment()
		e.word.answer, e.word.err = e.ask(ctx, e.link, e.take(), e.word.assignment)
		if e.draft, e.err = e.authorization.draft(ctx, e.link, e.word); e.err != nil {
			e.stage = settled
			return
		}
		e.stage, e.command = answered, e.draft.command
		if e.draft.empty() {
			e.stage = settled
			e.reply, e.err = e.accept(ctx, e.word, e.draft, eventstore.Receipt{})
		}
	})
	failpoint.Hit("desk.after_network")
}

// conclude appends all outcomes at once; what met trouble, or leads to a second
// message, goes on alone.
func (b *batch) conclude(ctx context.Context) {
	b.append(ctx, answered, func(e *entry, result eventstore.Result) {
		e.stage = settled
		if result.Err == nil && e.draft.next == nil {
			e.reply, e.err = e.accept(ctx, e.word, e.draft, result.Receipt)
			return
		}
		e.rest = func() (Reply, error) {
			reply, next, err := e.insist(ctx, e.link, e.word, e.draft, result.Receipt, result.Err)
			return e.goOn(ctx, e.link, reply, next, err)
		}
	})
	failpoint.Hit("desk.outcome_committed")
}

// append sends the commands of all entries at a stage as one submission.
func (b *batch) append(ctx context.Context, at stage, then func(*entry, eventstore.Result)) {
	waiting := make([]*entry, 0, len(b.entries))
	commands := make([]eventstore.Command, 0, len(b.entries))
	for i := range b.entries {
		if e := &b.entries[i]; e.stage == at {
			waiting = append(waiting, e)
			commands = append(commands, e.command)
		}
	}
	if len(commands) == 0 {
		return
	}
	ctx, w := b.desk.wait(ctx, waiting[0].target.Lane, len(commands))
	results := b.desk.log.AppendAll(detached(ctx), waiting[0].target.Lane, commands)
	last := results[len(results)-1]
	w.end(last.Receipt.Last, last.Err)
	for i, e := range waiting {
		then(e, results[i])
	}
}

// each does a thing for all entries that want it, at the same time. No caller's
// recover reaches these goroutines: a bug that panics is its own item's trouble, and
// what that item did in the world is the inquiry's to find out.
func (b *batch) each(wants func(*entry) bool, do func(*entry)) {
	var all sync.WaitGroup
	for i := range b.entries {
		if e := &b.entries[i]; wants(e) {
			all.Go(func() {
				defer e.recovered()
				do(e)
			})
		}
	}
	all.Wait()
}

// recovered ends an item that panicked.
func (e *entry) recovered() {
	panicked := recover() //nolint:revive // this function is itself what is deferred
	if panicked == nil {
		return
	}
	e.release()
	e.stage, e.rest, e.reply = settled, nil, Reply{}
	e.err = fmt.Errorf("%w: panic: %v\n%s", eventstore.ErrUnavailable, panicked, debug.Stack())
}
