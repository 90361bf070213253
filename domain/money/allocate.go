package money

import (
	"fmt"
	"math/bits"
	"slices"
)

// Allocate splits m by weights so that nothing is lost or made: parts are rounded
// down and the minor units left over go to the largest remainders, the first of
// equals first (Hamilton's method). A negative amount splits as its positive does.
//
// It panics when there are no weights, a negative one, or none above zero, and
// when the weights' sum overflows: what is split is ours, never a caller's wish.
func (m Money) Allocate(weights ...int64) []Money {
	total := totalOf(weights)
	size, sign := magnitude(m.Minor)
	parts, remainders := make([]Money, len(weights)), make([]uint64, len(weights))
	left := size
	for i, weight := range weights {
		hi, lo := bits.Mul64(size, uint64(weight))
		part, remainder := bits.Div64(hi, lo, total) // hi < total, because weight <= total
		parts[i], remainders[i] = Money{Minor: int64(part), Currency: m.Currency}, remainder
		left -= part
	}
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case remainders[a] > remainders[b]:
			return -1
		case remainders[a] < remainders[b]:
			return 1
		}
		return 0
	})
	for i := range left { // fewer than there are weights
		parts[order[i]].Minor++
	}
	for i := range parts {
		parts[i].Minor *= sign
	}
	return parts
}

func totalOf(weights []int64) uint64 {
	var total uint64
	for _, weight := range weights {
		if weight < 0 {
			panic(fmt.Sprintf("money: negative weight %d", weight))
		}
		sum, carry := bits.Add64(total, uint64(weight), 0)
		if carry != 0 {
			panic("money: weights overflow")
		}
		total = sum
	}
	if total == 0 {
		panic("money: nothing to allocate to")
	}
	return total
}

// magnitude of the smallest int64 does not fit an int64, so it is unsigned.
func magnitude(n int64) (size uint64, sign int64) {
	if n < 0 {
		return -uint64(n), -1
	}
	return uint64(n), 1
}
