package sandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
)

// Instruments knows the ready-made tokens (pm_test_…), in test mode only.
type Instruments struct{ macs sync.Pool }

// NewInstruments takes the key of the fingerprints: at least 32 random bytes, the
// same for ever, or fingerprints change.
func NewInstruments(fingerprintKey []byte) *Instruments {
	key := bytes.Clone(fingerprintKey)
	return &Instruments{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// Find gives the instrument behind a token. What is no token of the table, and
// every token in live mode, is a *refusal.Refusal, payment_method_not_found.
func (i *Instruments) Find(_ context.Context, merchant id.Merchant, livemode bool, token string) (acquirer.Instrument, error) {
	card, found := CardOf(token)
	if !found || livemode {
		return acquirer.Instrument{}, refusal.Of(refusal.PaymentMethodNotFound, "payment_method_id",
			"No such payment method. Test tokens (pm_test_…) work with test keys only.")
	}
	return acquirer.Instrument{
		ID: token, Type: card.Type, Brand: card.Brand, LastFour: card.LastFour, ExpMonth: card.ExpMonth, ExpYear: card.ExpYear,
		Funding: card.Funding, Fingerprint: i.fingerprint(merchant, card), Handle: token,
	}, nil
}

// fingerprint is the same for the same number and merchant, and tells nothing to
// who does not hold the key: card numbers are few enough to be tried out.
func (i *Instruments) fingerprint(merchant id.Merchant, card Card) string {
	what := card.Number.Digits()
	if what == "" {
		what = card.Token
	}
	mac, _ := i.macs.Get().(hash.Hash) //nolint:errcheck // the pool holds nothing else
	defer i.macs.Put(mac)
	mac.Reset()
	owner := merchant.UUID()
	mac.Write(owner[:])
	mac.Write([]byte(what))
	var sum [sha256.Size]byte
	return hex.EncodeToString(mac.Sum(sum[:0])[:16])
}
