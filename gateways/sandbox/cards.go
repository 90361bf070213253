package sandbox

import "slices"

// Card is one row of the table of test instruments.
type Card struct {
	Number   Number
	Token    string // pm_test_…; empty where there is none
	Type     string // card, wallet, bank_account
	Brand    string
	LastFour string
	Funding  string
	ExpMonth int
	ExpYear  int
	Does     string // one line for the docs
	Behaviour
}

// Every test card expires at the end of 2040: far enough for any test clock.
const (
	expMonth = 12
	expYear  = 2040
)

// Cards is the table: docs, the scenario test and Instruments are made from it.
// Where several numbers share a token, the token stands for the first.
func Cards() []Card { return slices.Clone(table) }

// CardOf finds the row of a token.
func CardOf(token string) (Card, bool) {
	row, ok := byToken[token]
	if !ok {
		return Card{}, false
	}
	return table[row], true
}

var byToken = func() map[string]int {
	index := make(map[string]int, len(table))
	for row := range table {
		token := table[row].Token
		if _, taken := index[token]; token != "" && !taken {
			index[token] = row
		}
	}
	return index
}()

func card(digits, token, brand, funding, does string, b Behaviour) Card {
	n := number(digits)
	return Card{
		Number: n, Token: token, Type: "card", Brand: brand, LastFour: n.LastFour(), Funding: funding,
		ExpMonth: expMonth, ExpYear: expYear, Does: does, Behaviour: b,
	}
}

func visa(digits, token, does string, b Behaviour) Card {
	return card(digits, token, "visa", "credit", does, b)
}

func wallet(token, brand, lastFour, does string, b Behaviour) Card {
	return Card{
		Token: token, Type: "wallet", Brand: brand, LastFour: lastFour, Funding: "credit",
		ExpMonth: expMonth, ExpYear: expYear, Does: does, Behaviour: b,
	}
}

func bankAccount(digits, token, does string, b Behaviour) Card {
	n := number(digits)
	return Card{Number: n, Token: token, Type: "bank_account", LastFour: n.LastFour(), Does: does, Behaviour: b}
}
