package money

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/shopspring/decimal"
)

// ErrMalformedRate is wrapped by ParseRate's error.
var ErrMalformedRate = errors.New("malformed rate")

// rateDecimalsMax bounds what is kept of a rate: a thousandth of a basis point
// needs seven decimals of a per cent.
const rateDecimalsMax = 8

// Rate is a percentage, such as 1.4 for 1.4 %: an exact decimal from 0 to 100. The
// zero value is 0 %.
type Rate struct{ percent decimal.Decimal }

// ParseRate accepts a plain decimal, such as "2.9", from 0 to 100 with at most
// eight decimals; no sign, exponent or surplus zero, so a rate has one spelling.
func ParseRate(s string) (Rate, error) {
	if len(s) > 16 || strings.ContainsFunc(s, notInDecimal) { // before the library: it would expand an exponent
		return Rate{}, fmt.Errorf("%w: want a decimal such as 2.9", ErrMalformedRate)
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return Rate{}, fmt.Errorf("%w: want a decimal such as 2.9", ErrMalformedRate)
	}
	if d.Sign() < 0 || d.GreaterThan(decimal.NewFromInt(100)) || d.Exponent() < -rateDecimalsMax || d.String() != s {
		return Rate{}, fmt.Errorf("%w: want 0 to 100 with at most %d decimals, as in 2.9", ErrMalformedRate, rateDecimalsMax)
	}
	return Rate{percent: d}, nil
}

func notInDecimal(r rune) bool { return r != '.' && (r < '0' || r > '9') }

// String is the plain decimal, such as 2.9.
func (r Rate) String() string { return r.percent.String() }

// MarshalText implements encoding.TextMarshaler.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler as ParseRate does.
func (r *Rate) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRate(string(text))
	return err
}

// Equal compares two rates by value.
func (r Rate) Equal(other Rate) bool { return r.percent.Equal(other.percent) }

// Share is r of m, rounded once, half to even (as ledgers are): the one place
// where an amount is rounded.
func (m Money) Share(r Rate) Money {
	exact := decimal.NewFromBigInt(big.NewInt(m.Minor), -2).Mul(r.percent)
	return Money{Minor: exact.RoundBank(0).IntPart(), Currency: m.Currency}
}
