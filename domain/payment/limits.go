package payment

import "github.com/paymint/paymint/domain/money"

// Limits bound the amount of an authorization, in minor units, both included.
type Limits struct{ Smallest, Largest int64 }

// LimitsOf is 50 to 99,999,999 (0.50 to 999,999.99 of a currency near the
// dollar), and a row of its own where a minor unit is worth far more or far less.
func LimitsOf(currency money.Currency) Limits {
	if own, ok := ownLimits[currency]; ok {
		return own
	}
	return Limits{Smallest: 50, Largest: 99_999_999}
}

// ownLimits are round amounts near half a dollar and near a million of them.
var ownLimits = map[money.Currency]Limits{
	// No decimals.
	"jpy": {50, 99_999_999},
	"clp": {500, 999_999_999},
	"isk": {50, 99_999_999},
	"krw": {500, 999_999_999},
	"pyg": {3_000, 9_999_999_999},
	"ugx": {1_000, 9_999_999_999},
	"vnd": {10_000, 99_999_999_999},
	"xaf": {250, 999_999_999},
	"xof": {250, 999_999_999},
	"xpf": {50, 99_999_999},
	// Three decimals, and worth more than the dollar.
	"bhd": {150, 999_999_999},
	"iqd": {500_000, 999_999_999_999},
	"jod": {300, 999_999_999},
	"kwd": {150, 999_999_999},
	"lyd": {1_000, 9_999_999_999},
	"omr": {150, 999_999_999},
	"tnd": {1_500, 9_999_999_999},
	// Two decimals that nobody pays with any more.
	"amd": {20_000, 99_999_999_999},
	"cop": {200_000, 999_999_999_999},
	"crc": {25_000, 99_999_999_999},
	"huf": {17_500, 99_999_999_999},
	"idr": {800_000, 9_999_999_999_999},
	"kzt": {25_000, 99_999_999_999},
	"lbp": {4_500_000, 9_999_999_999_999},
	"mmk": {100_000, 999_999_999_999},
	"ngn": {75_000, 99_999_999_999},
	"uzs": {600_000, 9_999_999_999_999},
}
