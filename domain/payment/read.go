package payment

import (
	"github.com/paymint/paymint/domain/codec"
	"github.com/paymint/paymint/domain/money"
)

// The counterparts of append.go: false means that the body is not canonical, and
// the strict reader must judge it.

// hot is the Kind of an event with a written-out reader.
func hot[T Event](read func(body []byte) (T, bool)) codec.Kind[Event] {
	strict := codec.Of[T, Event]()
	return codec.Kind[Event]{Decode: func(body []byte) (Event, error) {
		if e, canonical := read(body); canonical {
			return e, nil
		}
		return strict.Decode(body)
	}}
}

func readAuthorizationRequested(body []byte) (e AuthorizationRequested, canonical bool) {
	r := codec.Start(body)
	codec.ReadID(&r, "payment_id", &e.Payment)
	codec.ReadID(&r, "merchant_id", &e.Merchant)
	e.Livemode = r.Bool("livemode")
	codec.ReadID(&r, "reference", &e.Reference)
	codec.OmitReadID(&r, "capture_reference", &e.CaptureReference)
	e.Gateway = r.String("gateway")
	e.Amount = r.Int("amount")
	e.Currency = money.Currency(r.String("currency"))
	e.Capture = r.Bool("capture")
	r.Enter("instrument")
	e.Instrument = Instrument{
		ID: r.String("id"), Type: r.String("type"), Brand: r.OmitString("brand"), LastFour: r.OmitString("last_four"),
		ExpMonth: int(r.OmitInt("exp_month")), ExpYear: int(r.OmitInt("exp_year")),
		Funding: r.OmitString("funding"), Fingerprint: r.OmitString("fingerprint"),
	}
	r.Leave()
	codec.OmitReadID(&r, "customer_id", &e.Customer)
	e.Description = r.OmitString("description")
	e.StatementDescriptor = r.OmitString("statement_descriptor")
	e.Metadata = r.OmitStrings("metadata")
	e.Deadline = r.Time("deadline")
	return e, r.Done()
}

func readAuthorized(body []byte) (e Authorized, canonical bool) {
	r := codec.Start(body)
	codec.ReadID(&r, "reference", &e.Reference)
	e.Amount = r.Int("amount")
	e.NetworkTransactionID = r.OmitString("network_transaction_id")
	e.ExpiresAt = r.Time("expires_at")
	return e, r.Done()
}

func readCaptured(body []byte) (e Captured, canonical bool) {
	r := codec.Start(body)
	codec.ReadID(&r, "reference", &e.Reference)
	e.Amount = r.Int("amount")
	e.FundsAtOnce = r.OmitBool("funds_at_once")
	return e, r.Done()
}
