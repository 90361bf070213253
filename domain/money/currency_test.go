package money_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bojanz/currency"
	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/money"
)

// elsewhere are the codes the other table knows and ours refuses, with the reason.
var elsewhere = map[string]string{
	"ANG": "withdrawn in 2025, replaced by XCG", "BGN": "withdrawn in 2026, Bulgaria pays in EUR",
	"BOV": "fund", "CHE": "complementary", "CHW": "complementary", "CLF": "unit of account", "COU": "unit of account",
	"MXV": "unit of account", "USN": "next-day dollar", "UYI": "unit of account", "UYW": "unit of account",
}

// ours are the codes the other table lacks.
var ours = map[money.Currency]string{"xcg": "new in 2025, and the other table predates it"}

func TestTheCurrencyTableAgreesWithAnotherOne(t *testing.T) {
	t.Parallel()
	for _, code := range currency.GetCurrencyCodes() {
		c, err := money.ParseCurrency(code)
		switch digits, _ := currency.GetDigits(code); {
		case err != nil && elsewhere[code] == "":
			t.Errorf("%s: %v", code, err)
		case err == nil && elsewhere[code] != "":
			t.Errorf("%s is accepted, though it is %s", code, elsewhere[code])
		case err == nil && int(digits) != c.Exponent():
			t.Errorf("%s has %d decimals here, %d there", code, c.Exponent(), digits)
		}
	}
	for _, code := range money.Currencies() {
		if !currency.IsValid(strings.ToUpper(string(code))) && ours[code] == "" {
			t.Errorf("%s is unknown there", code)
		}
	}
}

func TestWhatNobodyIsPaidInIsRefused(t *testing.T) {
	t.Parallel()
	for _, code := range strings.Fields("XXX XTS XAU XAG XPT XPD XDR XSU XUA XBA XBB XBC XBD XAD CLF CHE USN HRK DEM ZWL") {
		if got, err := money.ParseCurrency(code); !errors.Is(err, money.ErrUnknownCurrency) {
			t.Errorf("%s was taken for %q: %v", code, got, err)
		}
	}
}

func TestCurrenciesComeInEitherCaseAndLeaveInLower(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SampledFrom(money.Currencies()).Draw(t, "currency")
		spelling := []byte(want)
		for i := range spelling {
			if rapid.Bool().Draw(t, "upper") {
				spelling[i] -= 'a' - 'A'
			}
		}
		got, err := money.ParseCurrency(string(spelling))
		if err != nil || got != want || !got.Known() {
			t.Fatalf("%s gave %q: %v", spelling, got, err)
		}
	})
}

func FuzzParseCurrency(f *testing.F) {
	for _, seed := range []string{"eur", "USD", "JpY", "xxx", "", "e\x00r", "eurо", "€€€", "eu", "euro", "ſek"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := money.ParseCurrency(s)
		if err != nil {
			return
		}
		if string(c) != strings.ToLower(s) || !c.Known() || c.Exponent() > 3 {
			t.Fatalf("%q was taken for %q", s, c)
		}
	})
}

func BenchmarkParseCurrency(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := money.ParseCurrency("EUR"); err != nil {
			b.Fatal(err)
		}
	}
}
