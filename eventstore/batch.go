package eventstore

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// The parameters of append_batch that are arrays, in order.
const (
	wCommand = iota
	wStream
	wExpected
	wCount
	wFirst
	eWrite
	eHash
	eFrame
	cCommand
	cKey
	cAt
	cStream
	cIntent
	cFingerprint
	aCommand
	aKey
	aAt
	aStatus
	aBody
	arrayCount
)

const scalarCount = 5 // lane, trusting, from, day, until

// form turns a batch into the parameters of append_batch and its reply back into
// results. It is used again from batch to batch.
type form struct {
	arrays  [arrayCount]array
	scalars [30]byte
	values  [scalarCount + arrayCount][]byte

	writeOf []int // command of each w_ row, by number from 1
	claimOf []int // command of each c_ row
	firstOf []int // first w_ row of each command
}

func newForm() *form {
	f := &form{}
	for i, element := range [arrayCount]uint32{
		wCommand: oidInt4, wStream: oidUUID, wExpected: oidInt4, wCount: oidInt4, wFirst: oidInt4,
		eWrite: oidInt4, eHash: oidBytea, eFrame: oidBytea,
		cCommand: oidInt4, cKey: oidUUID, cAt: oidTimestamptz, cStream: oidUUID, cIntent: oidUUID, cFingerprint: oidBytea,
		aCommand: oidInt4, aKey: oidUUID, aAt: oidTimestamptz, aStatus: oidInt2, aBody: oidBytea,
	} {
		f.arrays[i] = newArray(element)
	}
	return f
}

// fill lays batch out; oneDay tells whether all of its claims fall on one UTC day,
// without which the trusting road cannot be taken.
func (f *form) fill(lane int, batch []*entry) (oneDay bool) {
	for i := range f.arrays {
		f.arrays[i].reset()
	}
	f.writeOf, f.claimOf, f.firstOf = append(f.writeOf[:0], -1), append(f.claimOf[:0], -1), f.firstOf[:0]
	events := 0
	var first, last time.Time
	for i, e := range batch {
		f.firstOf = append(f.firstOf, len(f.writeOf))
		events = f.fillWrites(i, e, events)
		if c := e.command.Claim; c != nil {
			f.fillClaim(i, c)
			if first.IsZero() || c.At.Before(first) {
				first = c.At
			}
			if c.At.After(last) {
				last = c.At
			}
		}
		if a := e.command.Answer; a != nil {
			f.fillAnswer(i, a, e.prepared.Answer)
		}
	}
	return f.fillScalars(lane, first, last)
}

func (f *form) fillWrites(command int, e *entry, events int) int {
	k := 0
	for i := range e.command.Writes {
		w := &e.command.Writes[i]
		number := len(f.writeOf)
		f.writeOf = append(f.writeOf, command)
		f.arrays[wCommand].addInt4(command)
		f.arrays[wStream].addBytes(w.Stream.ID[:])
		f.arrays[wExpected].addInt4(w.Expected)
		f.arrays[wCount].addInt4(len(w.Events))
		f.arrays[wFirst].addInt4(events + 1)
		for range w.Events {
			f.arrays[eWrite].addInt4(number)
			f.arrays[eHash].addBytes(e.prepared.Events[k].Hash[:])
			f.arrays[eFrame].addBytes(e.prepared.Frames[k])
			k++
		}
		events += len(w.Events)
	}
	return events
}

func (f *form) fillClaim(command int, c *Claim) {
	f.claimOf = append(f.claimOf, command)
	f.arrays[cCommand].addInt4(command)
	f.arrays[cKey].addBytes(c.Key[:])
	f.arrays[cAt].addTime(c.At)
	f.arrays[cStream].addBytes(c.Stream[:])
	f.arrays[cIntent].addBytes(c.Intent[:])
	f.arrays[cFingerprint].addBytes(c.Fingerprint[:])
}

func (f *form) fillAnswer(command int, a *Answer, body []byte) {
	f.arrays[aCommand].addInt4(command)
	f.arrays[aKey].addBytes(a.Key[:])
	f.arrays[aAt].addTime(a.ClaimedAt)
	f.arrays[aStatus].addInt2(a.Status)
	f.arrays[aBody].addBytes(body)
}

func (f *form) fillScalars(lane int, first, last time.Time) bool {
	if first.IsZero() {
		first, last = time.Unix(0, 0), time.Unix(0, 0) // no claims: the window is not looked at
	}
	from, _ := ClaimWindow(first)
	_, until := ClaimWindow(last)
	b := binary.BigEndian.AppendUint16(f.scalars[:0], uint16(lane))
	b = append(b, 0)
	b = appendTime(b, from)
	b = appendTime(b, ClaimDay(first))
	appendTime(b, until)
	for i, end := 0, 0; i < scalarCount; i++ {
		start := end
		end += [scalarCount]int{2, 1, 8, 8, 8}[i]
		f.values[i] = f.scalars[start:end]
	}
	for i := range f.arrays {
		f.values[scalarCount+i] = f.arrays[i].bytes()
	}
	return ClaimDay(first).Equal(ClaimDay(last))
}

func (f *form) trust(trusting bool) {
	f.values[1][0] = 0
	if trusting {
		f.values[1][0] = 1
	}
}

// verdict is the reply of append_batch.
type verdict struct {
	head      int64
	claimed   []int // numbers of c_ rows
	conflicts []int // number of a w_ row and actual version, in turn
}

func readVerdict(row [][]byte) (verdict, error) {
	if len(row) != 3 || len(row[0]) != 8 {
		return verdict{}, errReply
	}
	claimed, err1 := readInts(row[1])
	conflicts, err2 := readInts(row[2])
	if err1 != nil || err2 != nil || len(conflicts)%2 != 0 {
		return verdict{}, errReply
	}
	return verdict{head: int64(binary.BigEndian.Uint64(row[0])), claimed: claimed, conflicts: conflicts}, nil
}

// refusals gives each refused command its error. A claim outweighs a conflict; of
// conflicts the first write's is told. The ClaimedErrors are empty as yet.
func (f *form) refusals(batch []*entry, v verdict) (claimed []*entry) {
	for i := 0; i < len(v.conflicts); i += 2 {
		number, actual := v.conflicts[i], v.conflicts[i+1]
		command := f.writeOf[number]
		if e := batch[command]; e.result.Err == nil {
			e.result.Err = e.command.Writes[number-f.firstOf[command]].refusal(actual)
		}
	}
	for _, number := range v.claimed {
		e := batch[f.claimOf[number]]
		e.result.Err = &ClaimedError{}
		claimed = append(claimed, e)
	}
	return claimed
}

func (w *Write) refusal(actual int) error {
	if actual < 0 {
		return fmt.Errorf("%w: stream %s belongs to another lane", ErrMalformed, w.Stream.ID)
	}
	return &ConflictError{Stream: w.Stream, Expected: w.Expected, Actual: actual}
}

// place numbers the events of the accepted commands from the head on and writes the
// receipts; it returns what was committed.
func place(lane int, batch []*entry, head int64) Batch {
	events := 0
	for _, e := range batch {
		if e.result.Err == nil {
			events += len(e.prepared.Events)
		}
	}
	committed := Batch{Events: make([]Event, 0, events), Frames: make([][]byte, 0, events)}
	end := head + int64(events)
	for _, e := range batch {
		if e.result.Err != nil {
			continue
		}
		for i := range e.prepared.Events {
			head++
			e.prepared.Events[i].Lane, e.prepared.Events[i].Position = lane, head
		}
		committed.Events = append(committed.Events, e.prepared.Events...)
		committed.Frames = append(committed.Frames, e.prepared.Frames...)
		e.result.Receipt.Last = Position{Lane: lane, Number: head}
		if len(e.prepared.Events) == 0 {
			e.result.Receipt.Last.Number = end
		}
	}
	return committed
}

// byPosition puts what a lost connection had left in the log before what came after.
func (b *Batch) byPosition() {
	order := make([]int, len(b.Events))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return int(b.Events[i].Position - b.Events[j].Position) })
	sorted := Batch{Events: make([]Event, len(order)), Frames: make([][]byte, len(order))}
	for to, from := range order {
		sorted.Events[to], sorted.Frames[to] = b.Events[from], b.Frames[from]
	}
	*b = sorted
}
