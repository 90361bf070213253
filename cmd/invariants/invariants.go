// Package invariants checks what must hold of Paymint's data, whatever happened to
// it: `paymint verify` runs it beside live traffic, tests and simulations run it on
// what they made.
//
//	heads of all lanes ──► wait until relay and read models have reached them
//	                              │
//	        ┌─────────────────────┴─────────────────────┐
//	        ▼ lane by lane, in order of position        ▼ stream by stream, in order of id
//	I2 one intent per idempotency key            I3, I4 amounts after each event
//	I7 JetStream equals the log                  I6  read models equal the fold
//	I11 positions 1…n, hashes, stream heads      I10 the acquirer's book equals ours
//	                                             I11 versions 1…n
//
// The head of each lane is read first and everything up to it is judged, so traffic
// may go on. An act whose outcome is not recorded yet is in doubt: counted, and no
// violation. Memory is bounded: both walks go in pages, and what needs a set (I2)
// is sorted in runs on disk.
//
// A further invariant is a further judge: it watches the walk it needs (see judge.go)
// and is added to Checker.judges.
package invariants

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Checker holds what to look at. Log and Streams are needed; a part that is nil is
// not checked, and the report says so.
type Checker struct {
	Log     Log
	Streams Streams
	Views   []View // I6
	Broker  Broker // I7
	Book    Book   // I10
	Gateway string // whose book it is: payments through others are not held against it

	// Patience is how long relay and read models may take to reach the heads.
	Patience time.Duration
	// Idle says that nobody relays or projects at present. What they have not reached
	// is then not judged, instead of a violation.
	Idle bool
	// TempDir is for sorting; empty: the system's.
	TempDir string
	// Progress, when set, is told now and then how many of total steps are done.
	Progress func(done, total int64)
}

// Report is the outcome of one check.
type Report struct {
	Passed  bool  `json:"passed"`
	InDoubt int64 `json:"in_doubt"` // acts without a recorded outcome
	// Invariants is every invariant, also those that were not checked.
	Invariants []*Result `json:"invariants"`
	// Positions is up to where each lane was judged.
	Positions map[string]int64 `json:"positions"`
	Streams   int64            `json:"streams"`
	// Notes are facts that are no violation, such as a read model that is behind while
	// no server runs.
	Notes []string `json:"notes"`
}

// Check reads everything up to the present heads and judges it. An error means that
// the check could not be done, not that something is wrong with the data.
func (c Checker) Check(ctx context.Context) (Report, error) {
	k := &check{Checker: c, report: Report{Positions: map[string]int64{}, Notes: []string{}}}
	if err := k.begin(ctx); err != nil {
		return k.report, err
	}
	judges := k.judges()
	defer func() {
		for _, j := range judges {
			if closer, ok := j.(interface{ close() }); ok {
				closer.close()
			}
		}
	}()
	if err := k.walk(ctx, judges); err != nil {
		return k.report, err
	}
	k.conclude(judges)
	return k.report, nil
}

// check is one run of a Checker.
type check struct {
	Checker
	report Report
	lanes  []int
	heads  map[int]int64 // judged up to here
	// relayed and projected (per view) say how far JetStream and the read models were.
	relayed   map[int]int64
	projected []map[int]int64
	steps     int64 // done, for Progress
	total     int64
}

// begin takes the heads and waits for those who follow.
func (k *check) begin(ctx context.Context) (err error) {
	if k.lanes, err = k.Log.Lanes(ctx); err != nil {
		return fmt.Errorf("list the lanes: %w", err)
	}
	slices.Sort(k.lanes)
	k.heads = make(map[int]int64, len(k.lanes))
	for _, lane := range k.lanes {
		if k.heads[lane], err = k.Log.Head(ctx, lane); err != nil {
			return fmt.Errorf("read the head of lane %d: %w", lane, err)
		}
		k.report.Positions[strconv.Itoa(lane)] = k.heads[lane]
		k.total += 2 * k.heads[lane] // each event is met on both walks
	}
	return k.drain(ctx)
}

// judges makes one judge for each invariant, in the order of the report.
func (k *check) judges() []judge {
	return []judge{
		newKeys(k.TempDir), newCaptures(), newRefunds(), newRows(k), newMessages(k), newHoldings(k), newOrder(k),
	}
}

func (k *check) conclude(judges []judge) {
	k.report.Passed = true
	for _, j := range judges {
		r := j.result()
		r.Passed = r.Found == 0
		k.report.Passed = k.report.Passed && r.Passed
		k.report.Invariants = append(k.report.Invariants, r)
	}
}

func (k *check) note(format string, arguments ...any) {
	k.report.Notes = append(k.report.Notes, fmt.Sprintf(format, arguments...))
}

func (k *check) advance(events int) {
	k.steps += int64(events)
	if k.Progress != nil {
		k.Progress(min(k.steps, k.total), k.total)
	}
}
