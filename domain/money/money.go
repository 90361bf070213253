// Package money holds amounts: whole minor units (cents, pence, yen) and a
// currency of ISO 4217. There is no float in it and no rounding.
//
// Mixing currencies or overflowing is a bug of ours and panics; a wrong amount
// from outside is refused before it becomes a Money.
package money

import "fmt"

// Currency is an ISO 4217 alphabetic code in lower case, such as "eur".
type Currency string

// Money is an amount in the currency's smallest unit.
type Money struct {
	Minor    int64
	Currency Currency
}

// Of makes a Money of minor units.
func Of(minor int64, currency Currency) Money { return Money{Minor: minor, Currency: currency} }

// Plus adds; it panics on different currencies and on overflow.
func (m Money) Plus(n Money) Money {
	m.mustMatch(n)
	sum := m.Minor + n.Minor
	if (sum > m.Minor) != (n.Minor > 0) && n.Minor != 0 {
		panic(fmt.Sprintf("money: %d + %d overflows", m.Minor, n.Minor))
	}
	return Money{Minor: sum, Currency: m.Currency}
}

// Minus subtracts; it panics as Plus does.
func (m Money) Minus(n Money) Money {
	m.mustMatch(n)
	difference := m.Minor - n.Minor
	if (difference < m.Minor) != (n.Minor > 0) && n.Minor != 0 {
		panic(fmt.Sprintf("money: %d - %d overflows", m.Minor, n.Minor))
	}
	return Money{Minor: difference, Currency: m.Currency}
}

// MoreThan compares; it panics on different currencies.
func (m Money) MoreThan(n Money) bool {
	m.mustMatch(n)
	return m.Minor > n.Minor
}

func (m Money) mustMatch(n Money) {
	if m.Currency != n.Currency {
		panic(fmt.Sprintf("money: %s meets %s", m.Currency, n.Currency))
	}
}
