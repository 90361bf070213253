package strictjson

import (
	"bytes"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

var errEOF = io.ErrUnexpectedEOF

// Kind is the type of a JSON value.
type Kind byte

// The kinds; the zero Kind is "no value".
const (
	KindNull   Kind = 'n'
	KindBool   Kind = 't'
	KindString Kind = '"'
	KindNumber Kind = '0'
	KindObject Kind = '{'
	KindArray  Kind = '['
)

// String names the kind as a developer would.
func (k Kind) String() string {
	switch k {
	case KindNull:
		return "null"
	case KindBool:
		return "a boolean"
	case KindString:
		return "a string"
	case KindNumber:
		return "a number"
	case KindObject:
		return "an object"
	case KindArray:
		return "an array"
	}
	return "nothing"
}

// Value is one JSON value, already known to be valid.
type Value struct{ raw []byte }

// Raw is the value as it stands in the body.
func (v Value) Raw() []byte { return v.raw }

// Kind tells the value's type.
func (v Value) Kind() Kind {
	if len(v.raw) == 0 {
		return 0
	}
	switch c := v.raw[0]; c {
	case 'f':
		return KindBool
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return KindNumber
	default:
		return Kind(c)
	}
}

// Integer reads an integer literal of up to 18 digits: no fraction, no exponent,
// no quotes, no negative zero. What is longer is no amount of anything.
func (v Value) Integer() (int64, bool) {
	if v.Kind() != KindNumber || len(v.raw) > 19 || bytes.ContainsAny(v.raw, ".eE") || string(v.raw) == "-0" {
		return 0, false
	}
	n, err := strconv.ParseInt(string(v.raw), 10, 64)
	return n, err == nil
}

// Text reads a string.
func (v Value) Text() (string, bool) {
	if v.Kind() != KindString {
		return "", false
	}
	return string(unquote(v.raw)), true
}

// Bool reads true or false.
func (v Value) Bool() (value, ok bool) {
	return len(v.raw) > 0 && v.raw[0] == 't', v.Kind() == KindBool
}

// Members reads an object; nil for other kinds.
func (v Value) Members() Object {
	if v.Kind() != KindObject {
		return nil
	}
	return v.appendMembers(nil)
}

// Elements reads an array; nil for other kinds.
func (v Value) Elements() (elements []Value) {
	if v.Kind() != KindArray {
		return nil
	}
	for i := skip(v.raw, 1); v.raw[i] != ']'; {
		end := endOf(v.raw, i)
		elements = append(elements, Value{raw: v.raw[i:end]})
		if i = skip(v.raw, end); v.raw[i] == ',' {
			i = skip(v.raw, i+1)
		}
	}
	return elements
}

func (v Value) appendMembers(members Object) Object {
	for i := skip(v.raw, 1); v.raw[i] != '}'; {
		nameEnd := endOf(v.raw, i)
		name := unquote(v.raw[i:nameEnd])
		i = skip(v.raw, skip(v.raw, nameEnd)+1) // over the colon
		end := endOf(v.raw, i)
		members = append(members, Member{Name: name, Value: Value{raw: v.raw[i:end]}})
		if i = skip(v.raw, end); v.raw[i] == ',' {
			i = skip(v.raw, i+1)
		}
	}
	return members
}

// unquote returns the text of a valid string, without a copy where nothing is escaped.
func unquote(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		panic("strictjson: a validated string does not unquote: " + err.Error())
	}
	return text
}

// skip and endOf walk valid JSON; the library has judged it before.
func skip(raw []byte, i int) int {
	for raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\t' || raw[i] == '\r' {
		i++
	}
	return i
}

func endOf(raw []byte, i int) int {
	switch raw[i] {
	case '"':
		return endOfString(raw, i)
	case '{', '[':
		return endOfNested(raw, i)
	}
	for i < len(raw) {
		switch raw[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}

func endOfString(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func endOfNested(raw []byte, i int) int {
	for depth := 0; ; i++ {
		switch raw[i] {
		case '"':
			i = endOfString(raw, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}
