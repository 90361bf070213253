package codec

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/paymint/paymint/domain/id"
)

// Reader reads what Writer wrote, field by field in the order of writing, in half
// the time that reflection takes. It knows canonical bodies alone: at the
// first byte that is anything else it gives up, Done says false, and the caller
// reads again with Read, which judges. So it never accepts what Read refuses.
//
// Texts it returns are parts of one copy of the body and keep all of it alive.
type Reader struct {
	rest  string
	first bool
	lost  bool
}

// Start begins an object.
func Start(body []byte) Reader {
	r := Reader{rest: string(body), first: true}
	r.expect("{")
	return r
}

// Done reports whether the object, and the body, end here and all was canonical.
func (r *Reader) Done() bool {
	r.expect("}")
	return !r.lost && r.rest == ""
}

func (r *Reader) expect(s string) {
	if len(r.rest) < len(s) || r.rest[:len(s)] != s {
		r.lost = true
		return
	}
	r.rest = r.rest[len(s):]
}

// has reports whether the next field is name, without reading it.
func (r *Reader) has(name string) bool {
	at := r.rest
	if !r.first {
		if at == "" || at[0] != ',' {
			return false
		}
		at = at[1:]
	}
	n := len(name)
	return len(at) > n+3 && at[0] == '"' && at[1:n+1] == name && at[n+1] == '"' && at[n+2] == ':'
}

func (r *Reader) name(name string) bool {
	if r.lost || !r.has(name) {
		r.lost = true
		return false
	}
	skip := len(name) + len(`"":`)
	if !r.first {
		skip++
	}
	r.rest, r.first = r.rest[skip:], false
	return true
}

// Int reads a whole number.
func (r *Reader) Int(name string) int64 {
	if !r.name(name) {
		return 0
	}
	end := 0
	for end < len(r.rest) && (r.rest[end] == '-' || '0' <= r.rest[end] && r.rest[end] <= '9') {
		end++
	}
	digits := r.rest[:end]
	n, err := strconv.ParseInt(digits, 10, 64)
	// A surplus zero or sign is not canonical: 007, -0.
	if err != nil || digits[0] == '0' && len(digits) > 1 || digits[0] == '-' && digits[1] == '0' {
		r.lost = true
	}
	r.rest = r.rest[end:]
	return n
}

// OmitInt reads a whole number, or zero where the field is absent.
func (r *Reader) OmitInt(name string) int64 {
	if !r.has(name) {
		return 0
	}
	return r.Int(name)
}

// Bool reads true or false.
func (r *Reader) Bool(name string) bool {
	switch {
	case !r.name(name):
		return false
	case len(r.rest) >= 4 && r.rest[:4] == "true":
		r.rest = r.rest[4:]
		return true
	}
	r.expect("false")
	return false
}

// OmitBool reads true, or false where the field is absent.
func (r *Reader) OmitBool(name string) bool { return r.has(name) && r.Bool(name) }

// String reads text.
func (r *Reader) String(name string) string {
	if !r.name(name) {
		return ""
	}
	return r.text()
}

// OmitString reads text, or none where the field is absent.
func (r *Reader) OmitString(name string) string {
	if !r.has(name) {
		return ""
	}
	return r.String(name)
}

func (r *Reader) text() string {
	if r.rest == "" || r.rest[0] != '"' {
		r.lost = true
		return ""
	}
	plain := true
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			quoted := r.rest[:i+1]
			r.rest = r.rest[i+1:]
			return r.unquote(quoted, plain)
		case c == '\\':
			plain = false
			i++ // whatever follows ends no string
		case c < ' ' || c >= utf8.RuneSelf:
			plain = false
		}
	}
	r.lost = true
	return ""
}

func (r *Reader) unquote(quoted string, plain bool) string {
	if plain {
		return quoted[1 : len(quoted)-1]
	}
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		r.lost = true
	}
	return string(text)
}

// ReadID reads an id. (A method cannot have the type parameter, and going through
// encoding.TextUnmarshaler would allocate.)
func ReadID[K id.Kind](r *Reader, name string, into *id.ID[K]) {
	if !r.name(name) {
		return
	}
	parsed, err := id.Parse[id.ID[K]](r.text())
	if err != nil {
		r.lost = true
	}
	*into = parsed
}

// OmitReadID reads an id, and leaves it where the field is absent.
func OmitReadID[K id.Kind](r *Reader, name string, into *id.ID[K]) {
	if r.has(name) {
		ReadID(r, name, into)
	}
}

// Time reads an instant in UTC.
func (r *Reader) Time(name string) time.Time {
	if !r.name(name) {
		return time.Time{}
	}
	text := r.text()
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || len(text) == 0 || text[len(text)-1] != 'Z' {
		r.lost = true
	}
	return t
}

// OmitStrings reads a map of texts, nil where the field is absent. It gives up on
// names out of order, so none comes twice.
func (r *Reader) OmitStrings(name string) map[string]string {
	if !r.has(name) || !r.name(name) {
		return nil
	}
	m := make(map[string]string)
	r.expect("{")
	for before := ""; !r.lost && r.rest != "" && r.rest[0] != '}'; {
		if len(m) > 0 {
			r.expect(",")
		}
		key := r.text()
		r.expect(":")
		if len(m) > 0 && key <= before {
			r.lost = true
		}
		m[key], before = r.text(), key
	}
	r.expect("}")
	return m
}

// Enter begins an object within the object; Leave ends it.
func (r *Reader) Enter(name string) {
	if r.name(name) {
		r.expect("{")
		r.first = true
	}
}

// Leave ends an inner object.
func (r *Reader) Leave() {
	r.expect("}")
	r.first = false
}
