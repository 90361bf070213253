package money_test

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/money"
)

func TestAddingAndSubtractingAreExactOrPanic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		x, y := money.Of(a, "eur"), money.Of(b, "eur")
		exact := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		holds(t, exact, func() money.Money { return x.Plus(y) })
		exact = new(big.Int).Sub(big.NewInt(a), big.NewInt(b))
		holds(t, exact, func() money.Money { return x.Minus(y) })
	})
}

func holds(t *rapid.T, exact *big.Int, operation func() money.Money) {
	defer func() {
		if recovered := recover(); (recovered != nil) == exact.IsInt64() {
			t.Fatalf("exact result %s, panic %v", exact, recovered)
		}
	}()
	if got := operation(); got.Minor != exact.Int64() {
		t.Fatalf("got %d, want %s", got.Minor, exact)
	}
}

func TestCurrenciesNeverMix(t *testing.T) {
	t.Parallel()
	euro, yen := money.Of(1, "eur"), money.Of(1, "jpy")
	for name, mix := range map[string]func(){
		"plus":      func() { euro.Plus(yen) },
		"minus":     func() { euro.Minus(yen) },
		"more than": func() { euro.MoreThan(yen) },
	} {
		if !panics(mix) {
			t.Errorf("%s of two currencies gave a result", name)
		}
	}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}

func TestPartsOfASplitAddUpAndAreFair(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := money.Of(rapid.Int64().Draw(t, "minor"), "eur")
		weights := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64/16), 1, 16).Draw(t, "weights")
		total := new(big.Int)
		for _, weight := range weights {
			total.Add(total, big.NewInt(weight))
		}
		if total.Sign() == 0 {
			weights[0], total = 1, big.NewInt(1)
		}
		sum := new(big.Int)
		for i, part := range whole.Allocate(weights...) {
			sum.Add(sum, big.NewInt(part.Minor))
			fair := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(whole.Minor), big.NewInt(weights[i])), total)
			off := new(big.Rat).Sub(new(big.Rat).SetInt64(part.Minor), fair)
			if off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %d of %d is %d, fair is %s", i, whole.Minor, part.Minor, fair.FloatString(3))
			}
		}
		if sum.Cmp(big.NewInt(whole.Minor)) != 0 {
			t.Fatalf("parts of %d add up to %s", whole.Minor, sum)
		}
	})
}

func TestALeftoverGoesToTheLargestRemainder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor   int64
		weights []int64
		want    []int64
	}{
		{100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{101, []int64{1, 1, 1}, []int64{34, 34, 33}},
		{10, []int64{1, 2, 1}, []int64{3, 5, 2}},
		{5, []int64{0, 3, 7}, []int64{0, 2, 3}},
		{-100, []int64{1, 1, 1}, []int64{-34, -33, -33}},
		{0, []int64{4, 5}, []int64{0, 0}},
		{math.MinInt64, []int64{1}, []int64{math.MinInt64}},
	} {
		for i, part := range money.Of(c.minor, "usd").Allocate(c.weights...) {
			if part != money.Of(c.want[i], "usd") {
				t.Errorf("%d by %v: part %d is %d, want %d", c.minor, c.weights, i, part.Minor, c.want[i])
			}
		}
	}
	for name, weights := range map[string][]int64{"none": nil, "all zero": {0, 0}, "negative": {2, -1}} {
		if !panics(func() { money.Of(1, "usd").Allocate(weights...) }) {
			t.Errorf("weights %s: want a panic", name)
		}
	}
}

func TestASharedAmountIsRoundedHalfToEven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor int64
		rate  string
		want  int64
	}{
		{50, "1", 0}, {150, "1", 2}, {250, "1", 2}, {350, "1", 4}, {251, "1", 3},
		{-50, "1", 0}, {-150, "1", -2}, {10_000, "2.9", 290}, {10_001, "2.9", 290}, {99_999_999, "1.4", 1_400_000},
		{123, "0", 0}, {123, "100", 123}, {9_999_999_999_999, "100", 9_999_999_999_999}, {1_000_000_000, "0.00000005", 0}, {3_000_000_000, "0.00000005", 2},
	} {
		rate, err := money.ParseRate(c.rate)
		if err != nil {
			t.Fatal(err)
		}
		if got := money.Of(c.minor, "eur").Share(rate); got != money.Of(c.want, "eur") {
			t.Errorf("%s %% of %d is %d, want %d", rate, c.minor, got.Minor, c.want)
		}
	}
}

func TestAShareIsWithinHalfAUnitOfTheExactOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minor := rapid.Int64().Draw(t, "minor")
		millionths := rapid.Int64Range(0, 100_000_000).Draw(t, "millionths of a per cent")
		text := new(big.Rat).SetFrac64(millionths, 1_000_000)
		rate, err := money.ParseRate(trimmed(text))
		if err != nil {
			t.Fatal(err)
		}
		exact := new(big.Rat).Mul(new(big.Rat).SetInt64(minor), new(big.Rat).Quo(text, big.NewRat(100, 1)))
		off := new(big.Rat).Sub(new(big.Rat).SetInt64(money.Of(minor, "eur").Share(rate).Minor), exact)
		if off.Abs(off).Cmp(big.NewRat(1, 2)) > 0 {
			t.Fatalf("%s %% of %d is off by %s", rate, minor, off.FloatString(9))
		}
	})
}

func trimmed(r *big.Rat) string {
	precision, _ := r.FloatPrec()
	return r.FloatString(precision)
}

func TestARateHasOneSpelling(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"0", "2.9", "100", "0.00000001", "12.5"} {
		rate, err := money.ParseRate(good)
		if text, _ := rate.MarshalText(); err != nil || string(text) != good {
			t.Errorf("%s came back as %s: %v", good, text, err)
		}
	}
	for _, bad := range []string{"", "2.90", "02.9", "+1", "-1", "1e1", "1e999999999", "100.1", "0.000000001", ".5", "5.", "NaN", "1,5", " 1", "99999999999999999999"} {
		if rate, err := money.ParseRate(bad); !errors.Is(err, money.ErrMalformedRate) {
			t.Errorf("%q was taken for %s", bad, rate)
		}
	}
	var zero money.Rate
	if got := money.Of(100, "eur").Share(zero); got.Minor != 0 || zero.String() != "0" {
		t.Errorf("the zero rate is %s and gives %d", zero, got.Minor)
	}
}
