package api

import (
	"strconv"

	"github.com/paymint/paymint/projections"
)

// object writes one JSON object into buf: the answers that are no resource. Texts
// leave as those of resources do, with < > & and U+2028/2029 escaped.
type object struct{ buf []byte }

func (o *object) name(name string) {
	if last := len(o.buf) - 1; last >= 0 && o.buf[last] != '{' {
		o.buf = append(o.buf, ',')
	}
	o.buf = append(o.buf, '"')
	o.buf = append(o.buf, name...)
	o.buf = append(o.buf, '"', ':')
}

func (o *object) text(name, value string) {
	o.name(name)
	o.buf = projections.AppendString(o.buf, value)
}

// textOrNull writes null for the empty string.
func (o *object) textOrNull(name, value string) {
	if value == "" {
		o.raw(name, null)
		return
	}
	o.text(name, value)
}

func (o *object) number(name string, value int64) {
	o.name(name)
	o.buf = strconv.AppendInt(o.buf, value, 10)
}

func (o *object) flag(name string, value bool) {
	o.name(name)
	o.buf = strconv.AppendBool(o.buf, value)
}

func (o *object) raw(name string, value []byte) {
	o.name(name)
	o.buf = append(o.buf, value...)
}

func (o *object) open()  { o.buf = append(o.buf, '{') }
func (o *object) close() { o.buf = append(o.buf, '}') }

var null = []byte("null")
