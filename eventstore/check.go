package eventstore

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
)

// BodyMax bounds one event's body in bytes, AnswerMax a stored answer's: both are
// built by us from input that HTTP has bounded before; more is a bug.
const (
	BodyMax   = 256 << 10
	AnswerMax = 1 << 20

	textMax = math.MaxUint8
	laneMax = math.MaxInt16
)

// ErrMalformed: the command breaks a limit or contradicts itself. It is a bug of
// the caller; nothing was written.
var ErrMalformed = errors.New("malformed command")

// Check tells whether a store can take c; errors wrap ErrMalformed.
func (c Command) Check() error {
	if err := c.check(); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

func (c *Command) check() error {
	if len(c.Writes) == 0 && c.Claim == nil && c.Answer == nil {
		return errors.New("it is empty")
	}
	events := 0
	for i := range c.Writes {
		events += len(c.Writes[i].Events)
		if err := c.Writes[i].check(); err != nil {
			return err
		}
		for j := range i {
			if c.Writes[j].Stream.ID == c.Writes[i].Stream.ID {
				return fmt.Errorf("it names stream %s twice", c.Writes[i].Stream.ID)
			}
		}
	}
	if events > EventsPerCommandMax {
		return fmt.Errorf("%d events, at most %d", events, EventsPerCommandMax)
	}
	return c.checkClaim()
}

func (c *Command) checkClaim() error {
	if c.Claim != nil && !storable(c.Claim.At) {
		return fmt.Errorf("claim made at %s", c.Claim.At)
	}
	if c.Answer == nil {
		return nil
	}
	switch a := c.Answer; {
	case len(a.Body) > AnswerMax:
		return fmt.Errorf("answer of %d bytes, at most %d", len(a.Body), AnswerMax)
	case a.Status < 100 || a.Status > 599:
		return fmt.Errorf("answer's status %d", a.Status)
	case !storable(a.ClaimedAt):
		return fmt.Errorf("answer to a claim made at %s", a.ClaimedAt)
	case c.Claim != nil && (c.Claim.Key != a.Key || !c.Claim.At.Equal(a.ClaimedAt)):
		return errors.New("it claims one key and answers another")
	}
	return nil
}

func (w *Write) check() error {
	switch {
	case len(w.Events) == 0:
		return errors.New("a write has no events")
	case w.Expected < 0 || w.Expected > math.MaxInt32-EventsPerCommandMax:
		return fmt.Errorf("expected version %d", w.Expected)
	case w.Stream.ID == uuid.Nil || w.Stream.Aggregate == "" || len(w.Stream.Aggregate) > textMax:
		return fmt.Errorf("stream %q %s", w.Stream.Aggregate, w.Stream.ID)
	}
	for i := range w.Events {
		if err := w.Events[i].check(w.Stream); err != nil {
			return err
		}
	}
	return nil
}

func (e *Event) check(stream Stream) error {
	switch {
	case e.Stream != (Stream{}) && e.Stream != stream:
		return fmt.Errorf("event %s belongs to %s %s", e.ID, e.Stream.Aggregate, e.Stream.ID)
	case e.ID == uuid.Nil:
		return errors.New("an event has no id")
	case e.Type == "" || len(e.Type) > textMax:
		return fmt.Errorf("event type %q", e.Type)
	case e.Schema < 1 || e.Schema > math.MaxUint16:
		return fmt.Errorf("event schema %d", e.Schema)
	case len(e.Meta.Actor) > textMax || len(e.Meta.RequestID) > textMax || len(e.Meta.IdempotencyKey) > textMax:
		return fmt.Errorf("event %s: a text of its meta has more than %d bytes", e.ID, textMax)
	case len(e.Body) > BodyMax:
		return fmt.Errorf("event %s: body of %d bytes, at most %d", e.ID, len(e.Body), BodyMax)
	case !storable(e.RecordedAt) || !e.EffectiveAt.IsZero() && !storable(e.EffectiveAt):
		return fmt.Errorf("event %s: recorded at %s, effective at %s", e.ID, e.RecordedAt, e.EffectiveAt)
	}
	return nil
}

// storable keeps out the zero time and years no clock of ours shows (1970–2999).
func storable(t time.Time) bool { return t.Unix() >= 0 && t.Unix() < 32_503_680_000 }

// Prepared is a command's events with the fields the store gives but for lane and
// position, and their frames, in the order of the writes.
type Prepared struct {
	Events []Event
	Frames [][]byte
	Answer []byte // a copy of the answer's body: its caller may leave before it is written
}

// Prepare checks c and completes copies of its events: stream, version, whole
// microseconds, effective time, hash. Every store does this first; the command
// itself is left alone, because a caller that lost a race appends it again.
func (c Command) Prepare() (Prepared, error) {
	if err := c.Check(); err != nil {
		return Prepared{}, err
	}
	count, size := 0, 0
	for i := range c.Writes {
		count += len(c.Writes[i].Events)
		for j := range c.Writes[i].Events {
			size += c.Writes[i].Events[j].frameSize() + len(c.Writes[i].Stream.Aggregate)
		}
	}
	if c.Answer != nil {
		size += len(c.Answer.Body)
	}
	p := Prepared{Events: make([]Event, 0, count), Frames: make([][]byte, 0, count)}
	buffer := make([]byte, 0, size)
	for i := range c.Writes {
		w := &c.Writes[i]
		for j := range w.Events {
			p.Events = append(p.Events, w.Events[j])
			e := &p.Events[len(p.Events)-1]
			e.complete(w.Stream, w.Expected+j+1)
			start := len(buffer)
			buffer = e.appendFrame(buffer)
			frame := buffer[start:len(buffer):len(buffer)]
			e.Hash = SumFrame(frame)
			e.Body = frame[len(frame)-len(e.Body):]
			p.Frames = append(p.Frames, frame)
		}
	}
	if c.Answer != nil {
		start := len(buffer)
		buffer = append(buffer, c.Answer.Body...)
		p.Answer = buffer[start:]
	}
	return p, nil
}

func (e *Event) complete(stream Stream, version int) {
	e.Lane, e.Position, e.Stream, e.Version = 0, 0, stream, version
	e.RecordedAt = e.RecordedAt.UTC().Truncate(time.Microsecond)
	if e.EffectiveAt.IsZero() {
		e.EffectiveAt = e.RecordedAt
	} else {
		e.EffectiveAt = e.EffectiveAt.UTC().Truncate(time.Microsecond)
	}
}
