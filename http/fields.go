package api

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/paymint/paymint/http/strictjson"
)

// fields reads a body's object field by field and remembers everything that is
// wrong. A field that is null counts as absent. What was never asked for is
// unknown to the endpoint, and refused by check.
type fields struct {
	object strictjson.Object
	asked  []string
	faults []fault
	room   [12]string // asked's first memory
}

func newFields(object strictjson.Object) *fields {
	f := &fields{object: object}
	f.asked = f.room[:0]
	return f
}

func (f *fields) wrong(one fault) { f.faults = append(f.faults, one) }

// check adds the unknown fields and makes one answer of all faults.
func (f *fields) check() error {
	for _, name := range f.object.Unknown(f.asked...) {
		f.wrong(fault{codeParameterUnknown, shorten(name), "This endpoint knows no such field."})
	}
	return failAll(f.faults)
}

func (f *fields) get(name string) (strictjson.Value, bool) {
	f.asked = append(f.asked, name)
	value, found := f.object.Get(name)
	return value, found && value.Kind() != strictjson.KindNull
}

// need reports a field that is absent or null.
func (f *fields) need(name string, found bool) {
	if !found {
		f.wrong(missing(name))
	}
}

// integer wants an integer literal: 1e3, 100.0 and "100" are refused.
func (f *fields) integer(name string) (n int64, found bool) {
	value, found := f.get(name)
	if !found {
		return 0, false
	}
	n, ok := value.Integer()
	if !ok {
		f.wrong(invalid(name, "must be an integer, written in digits alone"))
	}
	return n, ok
}

func (f *fields) has(name string) bool {
	value, found := f.object.Get(name)
	return found && value.Kind() != strictjson.KindNull
}

func (f *fields) boolean(name string) bool {
	value, found := f.get(name)
	if !found {
		return false
	}
	b, ok := value.Bool()
	if !ok {
		f.wrong(invalid(name, "must be true or false"))
	}
	return b
}

// text wants a string of shortest to longest characters; absent is "".
func (f *fields) text(name string, shortest, longest int) string {
	value, found := f.get(name)
	if !found {
		return ""
	}
	s, ok := value.Text()
	if !ok {
		f.wrong(invalid(name, "must be a string"))
		return ""
	}
	if n := utf8.RuneCountInString(s); n < shortest || n > longest {
		f.wrong(invalid(name, fmt.Sprintf("must have %d to %d characters", shortest, longest)))
		return ""
	}
	return s
}

// choice wants one of options; absent is "".
func (f *fields) choice(name string, options ...string) string {
	value, found := f.get(name)
	if !found {
		return ""
	}
	s, ok := value.Text()
	if !ok || !slices.Contains(options, s) {
		f.wrong(invalid(name, oneOf(options)))
		return ""
	}
	return s
}

// Limits of metadata.
const (
	metadataKeysMax  = 50
	metadataKeyMax   = 40
	metadataValueMax = 500
)

// metadata wants an object of short names and strings.
func (f *fields) metadata() map[string]string {
	value, found := f.get("metadata")
	if !found {
		return nil
	}
	if value.Kind() != strictjson.KindObject {
		f.wrong(invalid("metadata", "must be an object of strings"))
		return nil
	}
	members := value.Members()
	if len(members) > metadataKeysMax {
		f.wrong(invalid("metadata", "may have 50 keys"))
		return nil
	}
	metadata := make(map[string]string, len(members))
	for _, member := range members {
		f.metadatum(metadata, member)
	}
	return metadata
}

func (f *fields) metadatum(metadata map[string]string, member strictjson.Member) {
	if !metadataKey(string(member.Name)) {
		f.wrong(invalid("metadata", "must have keys of 1 to 40 letters, digits and underscores"))
		return
	}
	text, ok := member.Value.Text()
	if !ok || utf8.RuneCountInString(text) > metadataValueMax {
		f.wrong(invalid("metadata["+string(member.Name)+"]", "must be a string of at most 500 characters"))
		return
	}
	metadata[string(member.Name)] = text
}

func metadataKey(key string) bool {
	if key == "" || len(key) > metadataKeyMax {
		return false
	}
	return !strings.ContainsFunc(key, func(r rune) bool {
		lower, upper, digit := 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9'
		return !lower && !upper && !digit && r != '_'
	})
}

func oneOf(options []string) string {
	rule := "must be one of"
	for i, option := range options {
		if i > 0 {
			rule += ","
		}
		rule += " " + option
	}
	return rule
}

// shorten keeps names from outside from filling an answer.
func shorten(name string) string {
	const longest = 60
	if utf8.RuneCountInString(name) <= longest {
		return name
	}
	return string([]rune(name)[:longest]) + "…"
}
