package sandbox_test

import (
	"testing"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/gateways/gatewaytest"
	"github.com/paymint/paymint/gateways/sandbox"
)

// conforms runs the suite on the sandbox over a kind of book.
func conforms(t *testing.T, open func(*testing.T) sandbox.Book) {
	gatewaytest.Run(t, func(t *testing.T) gatewaytest.Subject {
		return gatewaytest.Subject{
			Gateway:  sandbox.New(sandbox.Config{Book: open(t)}),
			Approved: instrument(t, "pm_test_visa"),
			Declined: instrument(t, "pm_test_declined"),
			Silent:   instrument(t, "pm_test_timeout_approved"),
		}
	})
}

func instrument(t testing.TB, token string) acquirer.Instrument {
	t.Helper()
	found, err := sandbox.NewInstruments([]byte("a key of the tests")).Find(t.Context(), id.Merchant{}, false, token)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestTheSandboxOverAMemoryBookConforms(t *testing.T) {
	t.Parallel()
	conforms(t, func(*testing.T) sandbox.Book { return sandbox.NewMemory() })
}
