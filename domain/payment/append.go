package payment

import "github.com/paymint/paymint/domain/codec"

// The events that every payment has are written out; a test holds them against
// the encoder that reads the struct tags.

func (e AuthorizationRequested) append(b []byte) ([]byte, error) {
	w := codec.Open(b)
	w.ID("payment_id", e.Payment)
	w.ID("merchant_id", e.Merchant)
	w.Bool("livemode", e.Livemode)
	w.ID("reference", e.Reference)
	if !e.CaptureReference.IsZero() {
		w.ID("capture_reference", e.CaptureReference)
	}
	w.String("gateway", e.Gateway)
	w.Int("amount", e.Amount)
	w.String("currency", string(e.Currency))
	w.Bool("capture", e.Capture)
	e.Instrument.append(&w)
	if !e.Customer.IsZero() {
		w.ID("customer_id", e.Customer)
	}
	w.OmitString("description", e.Description)
	w.OmitString("statement_descriptor", e.StatementDescriptor)
	w.OmitStrings("metadata", e.Metadata)
	w.Time("deadline", e.Deadline)
	return w.Close()
}

func (i Instrument) append(outer *codec.Writer) {
	w := outer.Object("instrument")
	w.String("id", i.ID)
	w.String("type", i.Type)
	w.OmitString("brand", i.Brand)
	w.OmitString("last_four", i.LastFour)
	w.OmitInt("exp_month", int64(i.ExpMonth))
	w.OmitInt("exp_year", int64(i.ExpYear))
	w.OmitString("funding", i.Funding)
	w.OmitString("fingerprint", i.Fingerprint)
	outer.Resume(w)
}

func (e Authorized) append(b []byte) ([]byte, error) {
	w := codec.Open(b)
	w.ID("reference", e.Reference)
	w.Int("amount", e.Amount)
	w.OmitString("network_transaction_id", e.NetworkTransactionID)
	w.Time("expires_at", e.ExpiresAt)
	return w.Close()
}

func (e Captured) append(b []byte) ([]byte, error) {
	w := codec.Open(b)
	w.ID("reference", e.Reference)
	w.Int("amount", e.Amount)
	if e.FundsAtOnce {
		w.Bool("funds_at_once", true)
	}
	return w.Close()
}
