package strictjson

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendCanonical writes the object so that two bodies which mean the same give
// the same bytes: names sorted by their bytes, no whitespace, one spelling of
// each string. Numbers keep their literals: 100 and 100.0 are different requests
// (one of them is refused).
func (o Object) AppendCanonical(b []byte) []byte {
	var room [16]int
	order := room[:0]
	for i := range o {
		order = append(order, i)
	}
	slices.SortFunc(order, func(x, y int) int { return bytes.Compare(o[x].Name, o[y].Name) })
	b = append(b, '{')
	for n, i := range order {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, o[i].Name)
		b = append(b, ':')
		b = o[i].Value.appendCanonical(b)
	}
	return append(b, '}')
}

func (v Value) appendCanonical(b []byte) []byte {
	switch v.Kind() {
	case KindString:
		return appendQuoted(b, unquote(v.raw))
	case KindObject:
		var room [8]Member
		return v.appendMembers(room[:0]).AppendCanonical(b)
	case KindArray:
		b = append(b, '[')
		for i, element := range v.Elements() {
			if i > 0 {
				b = append(b, ',')
			}
			b = element.appendCanonical(b)
		}
		return append(b, ']')
	default:
		return append(b, v.raw...)
	}
}

// appendQuoted quotes text, which is valid UTF-8 without control characters.
func appendQuoted(b, text []byte) []byte {
	b, err := jsontext.AppendQuote(b, text)
	if err != nil {
		panic("strictjson: a validated string does not quote: " + err.Error())
	}
	return b
}
