package sandbox_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/gateways/sandbox"
)

func TestEveryNumberPassesTheLuhnCheckUnlessItsRowSaysOtherwise(t *testing.T) {
	t.Parallel()
	for _, card := range sandbox.Cards() {
		if card.Type != "card" {
			continue
		}
		if got, want := luhn(card.Number.Digits()), card.Trait != sandbox.TraitVaultRefuses; got != want {
			t.Errorf("%s (%s): Luhn check is %t, want %t", card.Number, card.Token, got, want)
		}
	}
}

func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		digit := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return sum%10 == 0
}

func TestNoNumberStandsTwiceInTheTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, card := range sandbox.Cards() {
		if digits := card.Number.Digits(); digits != "" {
			if seen[digits] {
				t.Errorf("%s (%s) stands twice", card.Number, card.Token)
			}
			seen[digits] = true
		}
	}
}

func TestATokenOfSeveralNumbersStandsForTheFirst(t *testing.T) {
	t.Parallel()
	card, found := sandbox.CardOf("pm_test_mastercard")
	if !found || card.LastFour != "4444" {
		t.Errorf("got %s, %t; want 5555…4444", card.Number, found)
	}
	if _, found := sandbox.CardOf(""); found {
		t.Error("the empty token found a card")
	}
}

func TestEveryRowHasAllThatTheDocsNeed(t *testing.T) {
	t.Parallel()
	for _, card := range sandbox.Cards() {
		if card.Does == "" || card.Type == "" || len(card.LastFour) != 4 {
			t.Errorf("row %q lacks a sentence, a type or four digits: %+v", card.Token, card)
		}
		if card.Type == "card" && (card.Brand == "" || card.ExpMonth == 0 || card.ExpYear == 0 || card.Funding == "") {
			t.Errorf("card %q lacks brand, expiry or funding", card.Token)
		}
	}
}

func TestEveryDeclineOfTheTableIsOneTheSystemKnows(t *testing.T) {
	t.Parallel()
	for _, card := range sandbox.Cards() {
		if card.Decline == "" || card.Type == "bank_account" {
			continue
		}
		if got := acquirer.DeclineOf(card.Decline).Decline; got != card.Decline {
			t.Errorf("%s declines with %s, which is taken for %s", card.Token, card.Decline, got)
		}
	}
}

func TestNoPrintedFormShowsANumber(t *testing.T) {
	t.Parallel()
	for _, card := range sandbox.Cards() {
		digits := card.Number.Digits()
		if digits == "" {
			continue
		}
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("card", "card", card, "number", card.Number)
		asJSON, err := json.Marshal(card)
		if err != nil {
			t.Fatal(err)
		}
		forms := []string{log.String(), string(asJSON)}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			forms = append(forms, fmt.Sprintf(verb, card), fmt.Sprintf(verb, &card), fmt.Sprintf(verb, card.Number))
		}
		for _, form := range forms {
			if strings.Contains(form, digits) || strings.Contains(form, fmt.Sprintf("%x", digits)) {
				t.Errorf("%s prints its number: %s", card.Token, form)
			}
		}
	}
}
