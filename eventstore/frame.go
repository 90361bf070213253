package eventstore

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/google/uuid"
)

// The frame is an event as bytes: what is hashed, stored and published. All of
// the event but Lane, Position and Hash, integers big-endian:
//
//	version of the frame   1 byte, 1
//	flags                  1 byte: livemode, effective_at, correlation, cause follow
//	schema                 2
//	stream id, version     16 + 4
//	event id, merchant     16 + 16
//	recorded at            8, microseconds since 1970
//	effective at           8  if it differs from recorded at
//	correlation, cause     16 each, if there
//	aggregate, type, actor, request id, idempotency key   1 + n each
//	body                   4 + n
//
// An event has one frame and a frame one event: ParseFrame refuses all else, so
// equal hashes mean equal events.
const (
	frameVersion = 1

	flagLivemode    = 1 << 0
	flagEffective   = 1 << 1
	flagCorrelation = 1 << 2
	flagCause       = 1 << 3
	flagsKnown      = flagLivemode | flagEffective | flagCorrelation | flagCause

	frameFixed   = 1 + 1 + 2 + 16 + 4 + 16 + 16 + 8
	frameStrings = 5
	frameSizeMin = frameFixed + frameStrings + 4
)

// ErrFrame is wrapped by every error of ParseFrame.
var ErrFrame = errors.New("malformed frame")

// ErrHash: an event's hash is not that of its fields. Somebody changed the
// database behind our back, or a disk did.
var ErrHash = errors.New("hash does not match the event")

// AppendFrame appends e's frame to b. The fields must keep the limits of
// Command.Check and the times whole microseconds, as every event read from a
// store does.
func (e Event) AppendFrame(b []byte) []byte { return e.appendFrame(b) }

func (e *Event) appendFrame(b []byte) []byte {
	flags, recorded, effective := e.flags()
	b = append(b, frameVersion, flags)
	b = binary.BigEndian.AppendUint16(b, uint16(e.Schema))
	b = append(b, e.Stream.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(e.Version))
	b = append(b, e.ID[:]...)
	b = append(b, e.Merchant[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(recorded))
	if flags&flagEffective != 0 {
		b = binary.BigEndian.AppendUint64(b, uint64(effective))
	}
	if flags&flagCorrelation != 0 {
		b = append(b, e.Meta.Correlation[:]...)
	}
	if flags&flagCause != 0 {
		b = append(b, e.Meta.Cause[:]...)
	}
	b = appendShort(b, e.Stream.Aggregate)
	b = appendShort(b, e.Type)
	b = appendShort(b, e.Meta.Actor)
	b = appendShort(b, e.Meta.RequestID)
	b = appendShort(b, e.Meta.IdempotencyKey)
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Body)))
	return append(b, e.Body...)
}

func (e *Event) flags() (flags byte, recorded, effective int64) {
	recorded, effective = e.RecordedAt.UnixMicro(), e.EffectiveAt.UnixMicro()
	if e.Livemode {
		flags |= flagLivemode
	}
	if effective != recorded {
		flags |= flagEffective
	}
	if e.Meta.Correlation != uuid.Nil {
		flags |= flagCorrelation
	}
	if e.Meta.Cause != uuid.Nil {
		flags |= flagCause
	}
	return flags, recorded, effective
}

func appendShort(b []byte, s string) []byte {
	return append(append(b, byte(len(s))), s...)
}

func (e *Event) frameSize() int {
	return frameSizeMin + 8 + 16 + 16 + len(e.Stream.Aggregate) + len(e.Type) +
		len(e.Meta.Actor) + len(e.Meta.RequestID) + len(e.Meta.IdempotencyKey) + len(e.Body)
}

// ParseFrame reads what AppendFrame writes and nothing else. Body and the strings
// lie in frame, which must not change afterwards. Lane, Position and Hash stay
// zero: they come from beside the frame (SumFrame gives the hash).
func ParseFrame(frame []byte) (Event, error) {
	var e Event
	if err := parseFrame(&e, frame); err != nil {
		return Event{}, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	return e, nil
}

func parseFrame(e *Event, frame []byte) error {
	if len(frame) < frameSizeMin {
		return errors.New("too short")
	}
	flags := frame[1]
	if frame[0] != frameVersion || flags&^flagsKnown != 0 {
		return fmt.Errorf("version %d, flags %#x are unknown", frame[0], flags)
	}
	e.Livemode = flags&flagLivemode != 0
	e.Schema = int(binary.BigEndian.Uint16(frame[2:]))
	e.Stream.ID = uuid.UUID(frame[4:20])
	e.Version = int(binary.BigEndian.Uint32(frame[20:]))
	e.ID = uuid.UUID(frame[24:40])
	e.Merchant = uuid.UUID(frame[40:56])
	recorded := int64(binary.BigEndian.Uint64(frame[56:]))
	e.RecordedAt = time.UnixMicro(recorded).UTC()
	e.EffectiveAt = e.RecordedAt
	rest, err := e.parseOptional(frame[frameFixed:], flags, recorded)
	if err != nil {
		return err
	}
	return e.parseTexts(rest)
}

func (e *Event) parseOptional(rest []byte, flags byte, recorded int64) ([]byte, error) {
	size := 0
	if flags&flagEffective != 0 {
		size += 8
	}
	if flags&flagCorrelation != 0 {
		size += 16
	}
	if flags&flagCause != 0 {
		size += 16
	}
	if len(rest) < size {
		return nil, errors.New("too short")
	}
	if flags&flagEffective != 0 {
		effective := int64(binary.BigEndian.Uint64(rest))
		if effective == recorded {
			return nil, errors.New("effective time repeats the recorded one")
		}
		e.EffectiveAt = time.UnixMicro(effective).UTC()
		rest = rest[8:]
	}
	for _, optional := range [...]struct {
		flag byte
		id   *uuid.UUID
	}{{flagCorrelation, &e.Meta.Correlation}, {flagCause, &e.Meta.Cause}} {
		if flags&optional.flag == 0 {
			continue
		}
		*optional.id = uuid.UUID(rest[:16])
		if *optional.id == uuid.Nil {
			return nil, errors.New("an optional id is there and empty")
		}
		rest = rest[16:]
	}
	return rest, nil
}

func (e *Event) parseTexts(rest []byte) error {
	for _, field := range [frameStrings]*string{&e.Stream.Aggregate, &e.Type, &e.Meta.Actor, &e.Meta.RequestID, &e.Meta.IdempotencyKey} {
		if len(rest) == 0 || len(rest) < 1+int(rest[0]) {
			return errors.New("a text is cut off")
		}
		size := int(rest[0])
		if size > 0 {
			*field = unsafe.String(&rest[1], size) //nolint:gosec // within the slice, and the frame does not change: that is its contract
		}
		rest = rest[1+size:]
	}
	if len(rest) < 4 || uint64(binary.BigEndian.Uint32(rest)) != uint64(len(rest)-4) {
		return errors.New("the body's length is wrong")
	}
	e.Body = rest[4:len(rest):len(rest)]
	return nil
}

// SumFrame is the content hash of the event whose frame this is.
func SumFrame(frame []byte) [32]byte { return sha256.Sum256(frame) }

// CheckHash tells whether e is what was once appended: errors wrap ErrHash.
func (e Event) CheckHash() error {
	if SumFrame(e.appendFrame(make([]byte, 0, e.frameSize()))) != e.Hash {
		return fmt.Errorf("event %s at %d.%d: %w", e.ID, e.Lane, e.Position, ErrHash)
	}
	return nil
}
