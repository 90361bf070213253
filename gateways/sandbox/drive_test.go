package sandbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/gateways/sandbox"
)

// noon is the tests' clock.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newReference() id.Reference { return id.From[id.Reference](uuid.Must(uuid.NewV7())) }

func newPayment() id.Payment { return id.From[id.Payment](uuid.Must(uuid.NewV7())) }

func euro(minor int64) money.Money { return money.Of(minor, "eur") }

// authorization asks for 10.01 EUR on a token.
func authorization(token string) acquirer.Authorize {
	return acquirer.Authorize{
		Reference: newReference(), Payment: newPayment(), Amount: euro(1001), At: noon,
		Instrument: acquirer.Instrument{ID: token, Handle: token},
	}
}

func captureOf(a acquirer.Authorize, amount int64, at time.Time) acquirer.Capture {
	return acquirer.Capture{
		Reference: newReference(), Authorization: a.Reference, Payment: a.Payment, Amount: euro(amount), Final: true, At: at,
	}
}

func refundOf(c acquirer.Capture, amount int64, at time.Time) acquirer.Refund {
	return acquirer.Refund{Reference: newReference(), Capture: c.Reference, Payment: c.Payment, Amount: euro(amount), At: at}
}

func cancelOf(a acquirer.Authorize) acquirer.Cancel {
	return acquirer.Cancel{Reference: newReference(), Authorization: a.Reference, Payment: a.Payment, Amount: a.Amount, At: noon}
}

// answered makes a call that must be answered with outcome.
func answered[R any](t *testing.T, method func(context.Context, R) (acquirer.Answer, error), request R, outcome acquirer.Outcome) acquirer.Answer {
	t.Helper()
	answer, err := method(t.Context(), request)
	if err != nil {
		t.Fatalf("%T: %v", request, err)
	}
	if answer.Outcome != outcome {
		t.Fatalf("%T: got %s (%s), want %s", request, answer.Outcome, answer.Decline.Raw, outcome)
	}
	return answer
}

// inquired asks about reference at a time.
func inquired(t *testing.T, g *sandbox.Gateway, reference id.Reference, at time.Time, outcome acquirer.Outcome) acquirer.Answer {
	t.Helper()
	return answered(t, g.Inquire, acquirer.Inquire{Reference: reference, At: at}, outcome)
}

// totalOf reads the one total of a payment; zero when the book has none.
func totalOf(t *testing.T, statement sandbox.Statement, payment id.Payment) (total sandbox.Total) {
	t.Helper()
	for found, err := range statement.Totals(t.Context(), payment) {
		if err != nil {
			t.Fatal(err)
		}
		if total.Holds+int(total.Captured) > 0 {
			t.Fatalf("two totals of one payment: %+v, %+v", total, found)
		}
		total = found
	}
	return total
}

func wantTotal(t *testing.T, statement sandbox.Statement, payment id.Payment, held, captured, refunded int64) {
	t.Helper()
	got := totalOf(t, statement, payment)
	if got.Held != held || got.Captured != captured || got.Refunded != refunded {
		t.Errorf("the book has held %d, captured %d, refunded %d; want %d, %d, %d",
			got.Held, got.Captured, got.Refunded, held, captured, refunded)
	}
}

func newGateway() (*sandbox.Gateway, *sandbox.Memory) {
	book := sandbox.NewMemory()
	return sandbox.New(sandbox.Config{Book: book, BaseURL: "http://localhost:8080"}), book
}
