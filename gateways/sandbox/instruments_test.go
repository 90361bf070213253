package sandbox_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/gateways/sandbox"
)

func newMerchant() id.Merchant { return id.From[id.Merchant](uuid.Must(uuid.NewV7())) }

func find(t *testing.T, instruments *sandbox.Instruments, merchant id.Merchant, token string) acquirer.Instrument {
	t.Helper()
	found, err := instruments.Find(t.Context(), merchant, false, token)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestATokenIsFoundWithWhatMayBeShown(t *testing.T) {
	t.Parallel()
	found := find(t, sandbox.NewInstruments([]byte("key")), newMerchant(), "pm_test_amex")
	fingerprint := found.Fingerprint
	found.Fingerprint = ""
	want := acquirer.Instrument{
		ID: "pm_test_amex", Type: "card", Brand: "amex", LastFour: "0005", ExpMonth: 12, ExpYear: 2040, Funding: "credit", Handle: "pm_test_amex",
	}
	if found != want || len(fingerprint) != 32 {
		t.Errorf("got %+v and fingerprint %q, want %+v and 32 digits", found, fingerprint, want)
	}
}

func TestAFingerprintIsOfTheCardTheMerchantAndTheKey(t *testing.T) {
	t.Parallel()
	instruments, merchant := sandbox.NewInstruments([]byte("key")), newMerchant()
	fingerprint := find(t, instruments, merchant, "pm_test_visa").Fingerprint
	if again := find(t, instruments, merchant, "pm_test_visa").Fingerprint; again != fingerprint {
		t.Error("the same card of the same merchant has two fingerprints")
	}
	for what, other := range map[string]acquirer.Instrument{
		"card":     find(t, instruments, merchant, "pm_test_mastercard"),
		"merchant": find(t, instruments, newMerchant(), "pm_test_visa"),
		"key":      find(t, sandbox.NewInstruments([]byte("other key")), merchant, "pm_test_visa"),
		"wallet":   find(t, instruments, merchant, "pm_test_wallet_apple"),
	} {
		if other.Fingerprint == fingerprint {
			t.Errorf("another %s has the same fingerprint", what)
		}
	}
}

func TestNoTokenWorksInLiveModeNorOutsideTheTable(t *testing.T) {
	t.Parallel()
	instruments := sandbox.NewInstruments([]byte("key"))
	for _, test := range []struct {
		token    string
		livemode bool
	}{{"pm_test_visa", true}, {"pm_test_nobody", false}, {"", false}, {"4242424242424242", false}} {
		_, err := instruments.Find(t.Context(), newMerchant(), test.livemode, test.token)
		refused, ok := errors.AsType[*refusal.Refusal](err)
		if !ok || refused.Code != refusal.PaymentMethodNotFound || refused.Param != "payment_method_id" {
			t.Errorf("%+v: got %v, want payment_method_not_found", test, err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	instruments, merchant := sandbox.NewInstruments([]byte("key of thirty-two bytes or more.")), newMerchant()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := instruments.Find(b.Context(), merchant, false, "pm_test_visa"); err != nil {
			b.Fatal(err)
		}
	}
}
