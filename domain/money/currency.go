package money

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrUnknownCurrency is wrapped by ParseCurrency's error.
var ErrUnknownCurrency = errors.New("unknown currency")

// ParseCurrency accepts the ISO 4217 code of an active currency in either case, or
// a mixture. It refuses what is not money one can be paid in: metals, funds, bond
// units, the testing code and "no currency".
func ParseCurrency(s string) (Currency, error) {
	if len(s) != 3 {
		return "", fmt.Errorf("%w: want three letters of ISO 4217", ErrUnknownCurrency)
	}
	var lower [3]byte
	for i := range 3 {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	row, known := currencies[Currency(lower[:])]
	if !known {
		return "", fmt.Errorf("%w: %q is no active currency of ISO 4217", ErrUnknownCurrency, s)
	}
	return row.code, nil
}

// Known reports whether c is a code that ParseCurrency gives.
func (c Currency) Known() bool {
	_, known := currencies[c]
	return known
}

// Exponent is the number of decimals of the major unit: 2 for eur, 0 for jpy, 3
// for kwd. It panics for a currency that is not Known.
func (c Currency) Exponent() int {
	row, known := currencies[c]
	if !known {
		panic(fmt.Sprintf("money: exponent of unknown currency %q", c))
	}
	return row.exponent
}

// Currencies lists all known ones in the order of the alphabet.
func Currencies() []Currency { return slices.Sorted(maps.Keys(currencies)) }
