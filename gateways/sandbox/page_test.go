package sandbox_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/paymint/paymint/gateways/sandbox"
)

var update = flag.Bool("update-page", false, "write docs/sandbox.md anew")

const pagePath = "../../docs/sandbox.md"

const pageHead = `# The sandbox

Test keys (` + "`sk_test_…`" + `) talk to an acquirer that runs inside Paymint. It behaves the same way every time and keeps a book of its own, so
that ` + "`paymint verify`" + ` can hold it against ours. Send a token as ` + "`payment_method_id`" + `; no card number is needed.

Time can be moved: ` + "`POST /v1/test_clock/advance`" + ` with ` + "`{\"seconds\": 604800}`" + ` lets a week pass for your merchant, and with it authorizations
expire, slow refunds arrive and calls in doubt are settled.

A payment that needs 3-D Secure carries a ` + "`next_action`" + ` with the address of a page where you play the cardholder;
` + "`POST /v1/payments/{id}/complete_action`" + ` does the same from a test.

| token | type | last four | what it does |
| --- | --- | --- | --- |
`

func TestTheSandboxPageTellsOfEveryToken(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(pageHead)
	seen := map[string]bool{}
	for _, c := range sandbox.Cards() {
		if c.Token == "" || seen[c.Token] {
			continue
		}
		seen[c.Token] = true
		name := c.Type
		if c.Brand != "" {
			name = c.Brand
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Token, name, c.LastFour, c.Does)
	}
	if *update {
		if err := os.WriteFile(pagePath, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile(pagePath)
	if err != nil || string(page) != b.String() {
		t.Fatalf("docs/sandbox.md is not what the table says (%v); run: go test ./gateways/sandbox -run Page -update-page", err)
	}
}
