package payments

import (
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// Sort is the order of a list; the zero value is NewestFirst.
type Sort int

// The orders. Equal amounts follow the time of creation in the same direction.
const (
	NewestFirst   Sort = iota // -created_at
	OldestFirst               // created_at
	SmallestFirst             // amount
	LargestFirst              // -amount
)

func (s Sort) byAmount() bool   { return s == SmallestFirst || s == LargestFirst }
func (s Sort) descending() bool { return s == NewestFirst || s == LargestFirst }

// Filter says which payments a list holds. Zero fields do not filter.
type Filter struct {
	Merchant id.Merchant
	Livemode bool

	Status         payment.Status
	Currency       money.Currency
	Customer       id.Customer
	IdempotencyKey string
	CreatedFrom    time.Time // inclusive
	CreatedTo      time.Time // inclusive
	Metadata       []projections.Label

	Sort  Sort
	Limit int // 1 to 100
	// After or Before is where the list goes on: behind that item, or in front of it.
	// At most one is set; the zero Key means from the start. A Key belongs to the
	// filter and order it came from.
	After, Before Key
}

// LimitMax is the longest page.
const LimitMax = 100

// Key is an item's place in a list. Amount counts in lists by amount alone.
type Key struct {
	Amount int64
	ID     id.Payment
}

// IsZero reports whether k is no place.
func (k Key) IsZero() bool { return k.ID.IsZero() }

// Page is a part of a list, in the filter's order.
//
// A page may hold fewer items than asked for, even none, while HasMore is set:
// filters that no index serves together look at a bounded number of rows per page.
type Page struct {
	Items    []Resource
	HasMore  bool // in the direction of the paging
	Next     Key  // of Filter.After for the following page; zero at the end
	Previous Key  // of Filter.Before for the page in front; zero at the start
	// TotalCount is exact, and known without a filter or with status and currency alone.
	TotalCount *int64
}
