// Package codec turns the events of one kind of stream into bytes and back, for
// ever.
//
// What is written is canonical: one spelling per event (fields in the order of the
// struct, map names sorted, times in UTC, no whitespace), because the bytes are
// hashed, stored and published. What is read is strict: an unknown or repeated
// field is an error, not a surprise.
//
//	body of schema 1 ──upcast──► schema 2 ──upcast──► newest schema ──Decode──► event
//
// A changed meaning is a new schema and an upcaster from the one before. The old
// bodies are never touched; they are lifted each time they are read.
package codec

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
)

// ErrUnknownType: no event of that name is known to this binary. A follower parks
// the stream and alarms; a newer binary may have written it.
var ErrUnknownType = errors.New("unknown event type")

// ErrUnknownSchema: the type is known, this version of its shape is not.
var ErrUnknownSchema = errors.New("unknown schema version of an event")

// Upcaster lifts a body from one schema to the next.
type Upcaster func(body []byte) ([]byte, error)

// Kind is what is known of one event type. Its newest schema is 1 plus the number
// of upcasters; Upcast[0] lifts schema 1 to 2, and so on.
type Kind[E any] struct {
	Decode func(body []byte) (E, error) // of the newest schema
	Upcast []Upcaster
}

// Schema is the newest version of the shape, which is the one that is written.
func (k Kind[E]) Schema() int { return 1 + len(k.Upcast) }

// Kinds are all events of one sort of stream, by type.
type Kinds[E any] map[string]Kind[E]

// Types lists the event types in the order of the alphabet.
func (ks Kinds[E]) Types() []string { return slices.Sorted(maps.Keys(ks)) }

// Encode gives what the log stores of an event of type typ: the newest schema's
// version and a canonical body.
func (ks Kinds[E]) Encode(typ string, event E) (_ string, schema int, body []byte, err error) {
	kind, known := ks[typ]
	if !known {
		return typ, 0, nil, fmt.Errorf("%w: %q", ErrUnknownType, typ)
	}
	body, err = Append(nil, event)
	return typ, kind.Schema(), body, err
}

// Decode reads a body of any schema that was ever written. Errors wrap
// ErrUnknownType, ErrUnknownSchema, or say where the body is malformed.
func (ks Kinds[E]) Decode(typ string, schema int, body []byte) (event E, err error) {
	kind, known := ks[typ]
	if !known {
		return event, fmt.Errorf("%w: %q", ErrUnknownType, typ)
	}
	if schema < 1 || schema > kind.Schema() {
		return event, fmt.Errorf("%w: %s has 1 to %d, not %d", ErrUnknownSchema, typ, kind.Schema(), schema)
	}
	for from := schema; from < kind.Schema(); from++ {
		if body, err = kind.Upcast[from-1](body); err != nil {
			return event, fmt.Errorf("lift %s from schema %d: %w", typ, from, err)
		}
	}
	if event, err = kind.Decode(body); err != nil {
		return event, fmt.Errorf("decode %s: %w", typ, err)
	}
	return event, nil
}

// Of is the Kind of an event type T whose shape never changed.
func Of[T any, E any](upcast ...Upcaster) Kind[E] {
	return Kind[E]{
		Decode: func(body []byte) (E, error) {
			var event T
			err := Read(body, &event)
			e, ok := any(event).(E)
			if err == nil && !ok {
				err = fmt.Errorf("%T is not of this stream", event)
			}
			return e, err
		},
		Upcast: upcast,
	}
}

// Read decodes an object strictly into v, a pointer. (The library would take null
// for an empty one.)
func Read(body []byte, v any) error {
	if len(body) == 0 || body[0] != '{' {
		return errors.New("not a JSON object")
	}
	return json.Unmarshal(body, v, json.RejectUnknownMembers(true))
}

// Append writes v by reflection, canonically. Events on the hot path have a
// written-out encoder instead, which a test holds against this one.
func Append(b []byte, v any) ([]byte, error) {
	body, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return b, fmt.Errorf("encode %T: %w", v, err)
	}
	return append(b, body...), nil
}
