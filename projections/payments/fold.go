package payments

import (
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// reasonExpired is the cancellation_reason of an authorization that ran out.
const reasonExpired = "expired"

// Fold brings r forward by one event and leaves its argument as it was. It accepts
// any history: judging histories is the domain's business.
func Fold(r Resource, e payment.Recorded) Resource {
	r.apply(&e)
	return r
}

// FoldAll folds a whole history, oldest first.
func FoldAll(history []payment.Recorded) Resource {
	var r Resource
	for i := range history {
		r.apply(&history[i])
	}
	return r
}

// apply lets the domain bring its state forward, so that there is one truth about
// amounts and status, and adds what is only shown.
func (r *Resource) apply(e *payment.Recorded) {
	r.state = payment.Evolve(r.state, e.Event)
	r.state.Version = e.Version
	r.Version = e.Version
	switch event := e.Event.(type) {
	case payment.AuthorizationRequested:
		r.begin(e, &event)
	case payment.Authorized:
		r.AuthorizedAt, r.NetworkTransactionID = e.EffectiveAt, event.NetworkTransactionID
	case payment.Failed:
		r.FailureCode, r.DeclineCode, r.FailureMessage = event.Code, event.DeclineCode, event.Message
	case payment.Reversed:
		r.FailureCode, r.FailureMessage = payment.CodeReversed, messageReversed
	case payment.ActionRequired:
		action := event.Action
		r.NextAction = &action
	case payment.Captured:
		r.CapturedAt = e.EffectiveAt
	case payment.Cancelled:
		r.CancelledAt, r.CancellationReason = e.EffectiveAt, event.Reason
	case payment.AuthorizationExpired:
		r.CancelledAt, r.CancellationReason = e.EffectiveAt, reasonExpired
	}
	r.show()
}

// messageReversed is told of a payment whose authorization stayed in doubt until it
// was reversed.
const messageReversed = "The card network did not answer in time. Nothing is held on the card; the payment may be tried again."

func (r *Resource) begin(e *payment.Recorded, event *payment.AuthorizationRequested) {
	r.ID, r.Merchant, r.Livemode = event.Payment, event.Merchant, event.Livemode
	r.PaymentMethod, r.Customer, r.Capture = event.Instrument.ID, event.Customer, event.Capture
	r.Description, r.StatementDescriptor = event.Description, event.StatementDescriptor
	r.Metadata = projections.LabelsOf(event.Metadata)
	r.IdempotencyKey = e.IdempotencyKey
	r.CreatedAt = projections.CreatedAt(event.Payment.UUID(), e.RecordedAt, e.EffectiveAt)
}

// show copies what the state says into the fields the API shows.
func (r *Resource) show() {
	s := &r.state
	r.Amount, r.Currency, r.Status = s.Requested, s.Currency, s.Status
	r.AmountCapturable, r.AmountCaptured = s.AmountCapturable(), s.Captured
	r.AmountReleased, r.AmountRefunded = s.Released, s.AmountRefunded()
	r.ExpiresAt, r.Disputed = s.ExpiresAt, s.Disputed
	r.PendingReason = pendingReason(s)
	if !s.AwaitingAction {
		r.NextAction = nil
	}
}

func pendingReason(s *payment.State) string {
	switch {
	case s.Status != payment.StatusPending:
		return ""
	case s.AwaitingAction:
		return pendingAction
	case s.Open != nil && (s.Open.Unknown || s.Open.Operation == acquirer.OperationReverse):
		return pendingNetworkUnknown
	default:
		return pendingNetwork
	}
}
