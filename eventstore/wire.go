package eventstore

import (
	"encoding/binary"
	"errors"
	"time"
)

// PostgreSQL's binary forms, written by hand into buffers that are used again: a
// general encoder costs more than the rest of the appender.

const (
	oidInt2        = 21
	oidInt4        = 23
	oidBytea       = 17
	oidTimestamptz = 1184
	oidUUID        = 2950
)

var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

const arrayHeader = 20

// array is a one-dimensional array parameter without NULLs. Elements are appended,
// bytes then gives the form to send.
type array struct {
	buffer []byte
	count  uint32
}

func newArray(element uint32) array {
	b := make([]byte, arrayHeader, 1<<12)
	binary.BigEndian.PutUint32(b, 1) // dimensions; then: has no NULLs
	binary.BigEndian.PutUint32(b[8:], element)
	binary.BigEndian.PutUint32(b[16:], 1) // lower bound
	return array{buffer: b}
}

func (a *array) reset() { a.buffer, a.count = a.buffer[:arrayHeader], 0 }

func (a *array) addBytes(v []byte) {
	a.count++
	a.buffer = append(binary.BigEndian.AppendUint32(a.buffer, uint32(len(v))), v...)
}

func (a *array) addInt2(v int) {
	a.count++
	a.buffer = binary.BigEndian.AppendUint16(append(a.buffer, 0, 0, 0, 2), uint16(v))
}

func (a *array) addInt4(v int) {
	a.count++
	a.buffer = binary.BigEndian.AppendUint32(append(a.buffer, 0, 0, 0, 4), uint32(v))
}

func (a *array) addTime(t time.Time) {
	a.count++
	a.buffer = appendTime(append(a.buffer, 0, 0, 0, 8), t)
}

// bytes is valid until the next reset. An empty array has no dimension.
func (a *array) bytes() []byte {
	if a.count == 0 {
		binary.BigEndian.PutUint32(a.buffer, 0)
		return a.buffer[:12]
	}
	binary.BigEndian.PutUint32(a.buffer, 1)
	binary.BigEndian.PutUint32(a.buffer[12:], a.count)
	return a.buffer
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixMicro()-postgresEpoch))
}

var errReply = errors.New("unreadable reply of append_batch")

// readInts reads a one-dimensional int4 array without NULLs; NULL is the empty one.
func readInts(b []byte) ([]int, error) {
	if b == nil {
		return nil, nil
	}
	if len(b) >= 12 && binary.BigEndian.Uint32(b) == 0 {
		return nil, nil
	}
	if len(b) < arrayHeader || binary.BigEndian.Uint32(b) != 1 {
		return nil, errReply
	}
	count, rest := int(binary.BigEndian.Uint32(b[12:])), b[arrayHeader:]
	if len(rest) != count*8 {
		return nil, errReply
	}
	ints := make([]int, count)
	for i := range ints {
		ints[i] = int(int32(binary.BigEndian.Uint32(rest[i*8+4:])))
	}
	return ints, nil
}
