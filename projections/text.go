package projections

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// The texts of an API answer, written by hand: a resource is rendered for every
// command, every retrieve and 25 times for a list, and its fields never change
// order. What a browser could take for markup leaves escaped (api.md §1).

const hexDigits = "0123456789abcdef"

// safe marks the ASCII bytes that stand for themselves inside a JSON string.
var safe = func() (table [utf8.RuneSelf]bool) {
	for i := ' '; i < utf8.RuneSelf; i++ {
		table[i] = i != '"' && i != '\\' && i != '<' && i != '>' && i != '&' && i != 0x7f
	}
	return table
}()

// AppendString appends s as a JSON string. `<`, `>`, `&`, U+2028 and U+2029 leave
// as \u escapes; bytes that are no UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if safe[c] {
				i++
				continue
			}
			b = appendEscaped(append(b, s[start:i]...), c)
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == '\u2028' || r == '\u2029' || r == utf8.RuneError && size == 1 {
			b = appendRuneEscape(append(b, s[start:i]...), r)
			start = i + size
		}
		i += size
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	default:
		return appendRuneEscape(b, rune(c))
	}
}

func appendRuneEscape(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// AppendStringOrNull appends null for the empty string.
func AppendStringOrNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return AppendString(b, s)
}

// AppendID appends an id's text, which needs no escapes, or null for the zero id.
func AppendID[ID interface {
	IsZero() bool
	AppendText([]byte) ([]byte, error)
}](b []byte, id ID) []byte {
	if id.IsZero() {
		return append(b, "null"...)
	}
	b, _ = id.AppendText(append(b, '"')) // AppendText of an id never fails
	return append(b, '"')
}

// AppendTimeOrNull appends t in UTC with milliseconds where they are not zero
// (2026-04-11T14:30:00Z, 2026-04-11T14:30:00.120Z), or null for the zero time.
func AppendTimeOrNull(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = AppendTime(append(b, '"'), t)
	return append(b, '"')
}

// AppendTime is AppendTimeOrNull without quotes and without null.
func AppendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = appendDigits(b, year, 4)
	b = appendDigits(append(b, '-'), int(month), 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, 'T'), hour, 2)
	b = appendDigits(append(b, ':'), minute, 2)
	b = appendDigits(append(b, ':'), second, 2)
	if ms := t.Nanosecond() / int(time.Millisecond); ms != 0 {
		b = appendDigits(append(b, '.'), ms, 3)
	}
	return append(b, 'Z')
}

func appendDigits(b []byte, n, width int) []byte {
	if width == 4 {
		if n < 0 || n > 9999 {
			return strconv.AppendInt(b, int64(n), 10) // no year of ours
		}
		b = append(b, byte('0'+n/1000), byte('0'+n/100%10))
		n %= 100
	}
	if width == 3 {
		b = append(b, byte('0'+n/100))
		n %= 100
	}
	return append(b, byte('0'+n/10), byte('0'+n%10))
}

// AppendInt appends a whole number.
func AppendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// AppendBool appends true or false.
func AppendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

// Label is one entry of a resource's metadata.
type Label struct{ Key, Value string }

// AppendLabels appends metadata as an object, in the order given; {} when there is none.
func AppendLabels(b []byte, labels []Label) []byte {
	b = append(b, '{')
	for i := range labels {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, labels[i].Key), ':')
		b = AppendString(b, labels[i].Value)
	}
	return append(b, '}')
}
