// Package strictjson reads request bodies. One reading of a body is possible or
// none: what two parsers could understand differently is refused.
//
//	bytes ─► plain (depth, control characters) ─► jsontext (grammar, duplicates, UTF-8) ─► Object ─► fields
//
// Refused are duplicate names, comments, trailing commas and data, invalid UTF-8,
// lone surrogates, control characters (also escaped ones, NUL among them) and
// nesting deeper than DepthMax. Whether a field is absent, null or zero stays
// visible; unknown fields are the caller's to refuse (see Object.Unknown).
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// DepthMax is how deep objects and arrays may nest, the outermost one counted.
const DepthMax = 16

// SyntaxError says why a body cannot be read and where. Field is the innermost
// name (amount, payments.3.amount), empty where none is to blame.
type SyntaxError struct {
	Offset int // in bytes, from 0
	Field  string
	Reason string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	if e.Field != "" {
		return fmt.Sprintf("%s at byte %d, in %s", e.Reason, e.Offset, e.Field)
	}
	return fmt.Sprintf("%s at byte %d", e.Reason, e.Offset)
}

// Member is one name and value of an object. Name is unquoted.
type Member struct {
	Name  []byte
	Value Value
}

// Object is a JSON object in the order of the body. It refers to the body's
// bytes, which must not change while it is used.
type Object []Member

// Parse reads body, which must hold exactly one object. Errors are *SyntaxError.
func Parse(body []byte) (Object, error) {
	return ParseInto(nil, body)
}

// ParseInto is Parse that appends to members, so that a caller can reuse memory.
func ParseInto(members Object, body []byte) (Object, error) {
	if err := plain(body); err != nil {
		return nil, err
	}
	if err := grammar(body); err != nil {
		return nil, err
	}
	value := Value{raw: bytes.Trim(body, whitespace)}
	if value.Kind() != KindObject {
		return nil, &SyntaxError{Reason: "the body must be a JSON object"}
	}
	return value.appendMembers(members), nil
}

// Get finds a member by name. A null counts as found.
func (o Object) Get(name string) (Value, bool) {
	for i := range o {
		if string(o[i].Name) == name {
			return o[i].Value, true
		}
	}
	return Value{}, false
}

// Unknown yields the names that known does not contain, in order of the body.
func (o Object) Unknown(known ...string) (names []string) {
next:
	for i := range o {
		for _, name := range known {
			if string(o[i].Name) == name {
				continue next
			}
		}
		names = append(names, string(o[i].Name))
	}
	return names
}

const whitespace = " \t\r\n"

// reader is a decoder with the buffer it reads from; made once, used again.
type reader struct {
	buffer  bytes.Buffer
	decoder *jsontext.Decoder
}

var readers = sync.Pool{New: func() any {
	r := new(reader)
	r.decoder = jsontext.NewDecoder(&r.buffer)
	return r
}}

// grammar lets the library judge the whole body: one value and nothing after it.
func grammar(body []byte) error {
	r := readers.Get().(*reader)
	defer readers.Put(r)
	r.buffer = *bytes.NewBuffer(body)
	r.decoder.Reset(&r.buffer)
	if _, err := r.decoder.ReadValue(); err != nil {
		return translate(err, len(body))
	}
	end := int(r.decoder.InputOffset())
	rest := bytes.TrimLeft(body[end:], whitespace)
	if len(rest) > 0 {
		return &SyntaxError{Offset: len(body) - len(rest), Reason: "data after the object"}
	}
	return nil
}

func translate(err error, size int) error {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) {
		return &SyntaxError{Offset: size, Reason: "the body is empty or incomplete"} // io.EOF
	}
	reason := "invalid JSON"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		reason = "duplicate name"
	case errors.Is(err, errEOF):
		reason = "the body is incomplete"
	}
	return &SyntaxError{Offset: int(syntactic.ByteOffset), Field: dotted(syntactic.JSONPointer), Reason: reason}
}

// dotted writes a JSON pointer as params are written: payments.3.amount. Names
// come from outside, so length is bounded.
func dotted(pointer jsontext.Pointer) string {
	const longest = 100
	var b []byte
	for token := range pointer.Tokens() {
		if len(b) > 0 {
			b = append(b, '.')
		}
		b = append(b, token...)
	}
	if len(b) > longest {
		b = append(bytes.ToValidUTF8(b[:longest], nil), "…"...)
	}
	return string(b)
}
