package main

import (
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/paymint/paymint/eventstore"
)

// appendersMax is how many sampled appends are remembered for the follower, which
// comes by within a second: sampling keeps them few.
const appendersMax = 1024

// appenders remembers which spans appended the latest events of this process, from
// the command that knows to the follower that folds them. Without traces nothing is
// ever added. The zero value is ready.
type appenders struct {
	mu     sync.Mutex
	recent [appendersMax]appender
	next   int
}

type appender struct {
	reached eventstore.Position
	span    trace.SpanContext
}

// add remembers span as the one that made the events up to reached durable.
func (a *appenders) add(reached eventstore.Position, span trace.SpanContext) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recent[a.next%appendersMax] = appender{reached, span}
	a.next++
}

// links are the spans remembered of a lane behind after and up to upTo.
func (a *appenders) links(lane int, after, upTo int64) (links []trace.Link) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, known := range a.recent[:min(a.next, appendersMax)] {
		if known.reached.Lane == lane && known.reached.Number > after && known.reached.Number <= upTo {
			links = append(links, trace.Link{SpanContext: known.span})
		}
	}
	return links
}
