// Package refunds is the read model of refunds, as rows of their own: a refund's
// life is told in its payment's stream, the API lists refunds by payment and over
// all payments.
package refunds

import (
	"time"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// Resource is a refund as the API shows it (api.md §2). The zero value is "no such
// refund".
type Resource struct {
	ID       id.Refund
	Payment  id.Payment
	Merchant id.Merchant
	Livemode bool

	Amount      int64 // minor units
	Currency    money.Currency
	Reason      string // duplicate, fraudulent, customer_request, other; may be empty
	Status      payment.RefundStatus
	FailureCode string
	Metadata    []projections.Label // by key
	CreatedAt   time.Time           // whole milliseconds
}

// Exists reports whether there is such a refund.
func (r *Resource) Exists() bool { return r.Status != "" }

// Payment is one payment as far as its refunds are concerned: what its stream tells
// of them, at Version.
type Payment struct {
	Payment  id.Payment
	Merchant id.Merchant
	Livemode bool
	Currency money.Currency
	Version  int
	Refunds  []Resource // oldest first
}

// Fold brings a payment's refunds forward by one event of its stream and leaves its
// argument as it was.
func Fold(p Payment, e payment.Recorded) Payment {
	p.Version = e.Version
	switch event := e.Event.(type) {
	case payment.AuthorizationRequested:
		p.Payment, p.Merchant, p.Livemode, p.Currency = event.Payment, event.Merchant, event.Livemode, event.Currency
	case payment.RefundRequested:
		p.Refunds = append(p.Refunds[:len(p.Refunds):len(p.Refunds)], p.requested(&e, &event))
	case payment.RefundSucceeded:
		p.settle(event.Refund, payment.RefundStatusSucceeded, "")
	case payment.RefundFailed:
		p.settle(event.Refund, payment.RefundStatusFailed, event.Code)
	}
	return p
}

// FoldAll folds a payment's whole history, oldest first.
func FoldAll(history []payment.Recorded) Payment {
	var p Payment
	for i := range history {
		p = Fold(p, history[i])
	}
	return p
}

// Refund finds one of the payment's refunds.
func (p *Payment) Refund(refund id.Refund) (Resource, bool) {
	for i := range p.Refunds {
		if p.Refunds[i].ID == refund {
			return p.Refunds[i], true
		}
	}
	return Resource{}, false
}

func (p *Payment) requested(e *payment.Recorded, event *payment.RefundRequested) Resource {
	return Resource{
		ID: event.Refund, Payment: p.Payment, Merchant: p.Merchant, Livemode: p.Livemode,
		Amount: event.Amount, Currency: p.Currency, Reason: event.Reason, Status: payment.RefundStatusPending,
		Metadata:  projections.LabelsOf(event.Metadata),
		CreatedAt: projections.CreatedAt(event.Refund.UUID(), e.RecordedAt, e.EffectiveAt),
	}
}

func (p *Payment) settle(refund id.Refund, status payment.RefundStatus, code string) {
	refunds := make([]Resource, len(p.Refunds))
	copy(refunds, p.Refunds)
	for i := range refunds {
		if refunds[i].ID == refund {
			refunds[i].Status, refunds[i].FailureCode = status, code
		}
	}
	p.Refunds = refunds
}

// AppendJSON appends the resource as the API shows it: every field, null where
// there is nothing, always in this order.
func AppendJSON(b []byte, r Resource) []byte {
	b = projections.AppendID(append(b, `{"object":"refund","id":`...), r.ID)
	b = projections.AppendID(append(b, `,"payment_id":`...), r.Payment)
	b = projections.AppendInt(append(b, `,"amount":`...), r.Amount)
	b = projections.AppendString(append(b, `,"currency":`...), string(r.Currency))
	b = projections.AppendStringOrNull(append(b, `,"reason":`...), r.Reason)
	b = projections.AppendString(append(b, `,"status":`...), string(r.Status))
	b = projections.AppendStringOrNull(append(b, `,"failure_code":`...), r.FailureCode)
	b = projections.AppendLabels(append(b, `,"metadata":`...), r.Metadata)
	b = projections.AppendBool(append(b, `,"livemode":`...), r.Livemode)
	b = projections.AppendTimeOrNull(append(b, `,"created_at":`...), r.CreatedAt)
	return append(b, '}')
}
