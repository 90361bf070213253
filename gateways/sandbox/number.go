package sandbox

import (
	"fmt"
	"io"
	"log/slog"
)

// Number is a published test number of a card or bank account. It behaves like a
// real one: every printed form shows at most the last four digits. The digits
// stand behind a pointer because fmt prints unexported fields without asking.
type Number struct{ digits *string }

func number(digits string) Number { return Number{digits: &digits} }

// Digits is the whole number, for the vault's tests and the generated docs, never for a log.
func (n Number) Digits() string {
	if n.digits == nil {
		return ""
	}
	return *n.digits
}

// LastFour is what may be shown.
func (n Number) LastFour() string {
	digits := n.Digits()
	return digits[max(0, len(digits)-4):]
}

// String implements fmt.Stringer.
func (n Number) String() string {
	if n.digits == nil {
		return ""
	}
	return "····" + n.LastFour()
}

// Format implements fmt.Formatter: no verb prints more than String.
func (n Number) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, n.String()) }

// LogValue implements slog.LogValuer.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }

// MarshalText implements encoding.TextMarshaler, and so keeps JSON short too.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }
