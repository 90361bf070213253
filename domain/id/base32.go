package id

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// appendSuffix writes the 128 bits of u as 26 digits of 5 bits; the first digit
// carries only the top 3 bits.
func appendSuffix(b []byte, u uuid.UUID) []byte {
	hi, lo := binary.BigEndian.Uint64(u[:8]), binary.BigEndian.Uint64(u[8:])
	var digits [suffixSize]byte
	for i := suffixSize - 1; i >= 0; i-- {
		digits[i] = alphabet[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return append(b, digits[:]...)
}

func parseSuffix(s string) (uuid.UUID, bool) {
	if s[0] > '7' {
		return uuid.Nil, false // more than 128 bits
	}
	var hi, lo uint64
	for i := range len(s) {
		digit := values[s[i]]
		if digit > 31 {
			return uuid.Nil, false
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(digit)
	}
	var u uuid.UUID
	binary.BigEndian.PutUint64(u[:8], hi)
	binary.BigEndian.PutUint64(u[8:], lo)
	return u, true
}

// values maps a byte to its digit; 255 marks what is no digit. Upper case and
// Crockford's look-alikes (i, l, o) are refused: an id has one spelling.
var values = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i := range len(alphabet) {
		table[alphabet[i]] = byte(i)
	}
	return table
}()
