// Package sandbox is the acquirer of test mode: in process, deterministic, with a
// book of its own. What it does is a function of the card's token, the reference,
// the amounts, the request's clock and the book; it reads no clock and draws no
// random number.
//
//	Gateway ──► wire (latency, faults) ──► rules (pure) ──► Book: Memory or Postgres
//	   │
//	   └─ cards.go: one row per test card, token and account
//
// The book is the other side's truth. Nothing in Paymint but this package writes
// it, so a checker can hold the acquirer's holds, captures and refunds against
// ours (see Statement).
//
// # A hold's life in the book
//
//	(unknown) ─ authorize ─► held ─ capture ─► captured ─ refund ─► refunded
//	    │                      └── cancel ──► reversed
//	    └─ cancel ─► reversed, for ever: the authorization that arrives late is
//	                 answered "reversed" and holds nothing (sticky reversal)
//
// A reference is entered once. The same request again is answered from the book
// with what has become of it; another request under the same reference is
// declined as a duplicate and changes nothing.
package sandbox
