package payments

import "github.com/paymint/paymint/projections"

// AppendJSON appends the resource as the API shows it: every field, null where
// there is nothing, always in this order, the same bytes for the same resource.
func AppendJSON(b []byte, r Resource) []byte { return r.appendJSON(b) }

func (r *Resource) appendJSON(b []byte) []byte {
	b = projections.AppendID(append(b, `{"object":"payment","id":`...), r.ID)
	b = projections.AppendID(append(b, `,"merchant_id":`...), r.Merchant)
	b = projections.AppendInt(append(b, `,"amount":`...), r.Amount)
	b = projections.AppendInt(append(b, `,"amount_capturable":`...), r.AmountCapturable)
	b = projections.AppendInt(append(b, `,"amount_captured":`...), r.AmountCaptured)
	b = projections.AppendInt(append(b, `,"amount_released":`...), r.AmountReleased)
	b = projections.AppendInt(append(b, `,"amount_refunded":`...), r.AmountRefunded)
	b = projections.AppendString(append(b, `,"currency":`...), string(r.Currency))
	b = projections.AppendString(append(b, `,"status":`...), string(r.Status))
	b = projections.AppendStringOrNull(append(b, `,"pending_reason":`...), r.PendingReason)
	b = projections.AppendStringOrNull(append(b, `,"payment_method_id":`...), r.PaymentMethod)
	b = projections.AppendID(append(b, `,"customer_id":`...), r.Customer)
	b = projections.AppendBool(append(b, `,"capture":`...), r.Capture)
	b = projections.AppendStringOrNull(append(b, `,"description":`...), r.Description)
	b = projections.AppendStringOrNull(append(b, `,"statement_descriptor":`...), r.StatementDescriptor)
	b = projections.AppendLabels(append(b, `,"metadata":`...), r.Metadata)
	b = projections.AppendStringOrNull(append(b, `,"idempotency_key":`...), r.IdempotencyKey)
	return r.appendOutcome(b)
}

// appendOutcome is the second half: what became of the payment.
func (r *Resource) appendOutcome(b []byte) []byte {
	b = projections.AppendStringOrNull(append(b, `,"failure_code":`...), r.FailureCode)
	b = projections.AppendStringOrNull(append(b, `,"failure_message":`...), r.FailureMessage)
	b = projections.AppendStringOrNull(append(b, `,"decline_code":`...), r.DeclineCode)
	b = projections.AppendStringOrNull(append(b, `,"network_transaction_id":`...), r.NetworkTransactionID)
	b = append(b, `,"next_action":`...)
	if r.NextAction == nil {
		b = append(b, "null"...)
	} else {
		b = projections.AppendString(append(b, `{"type":`...), r.NextAction.Type)
		b = append(projections.AppendString(append(b, `,"url":`...), r.NextAction.URL), '}')
	}
	b = projections.AppendStringOrNull(append(b, `,"cancellation_reason":`...), r.CancellationReason)
	b = projections.AppendBool(append(b, `,"disputed":`...), r.Disputed)
	b = projections.AppendID(append(b, `,"dispute_id":`...), r.Dispute)
	b = append(b, `,"risk":null`...) // nothing judges risk in this release: the field is there, its value absent
	b = projections.AppendTimeOrNull(append(b, `,"authorized_at":`...), r.AuthorizedAt)
	b = projections.AppendTimeOrNull(append(b, `,"captured_at":`...), r.CapturedAt)
	b = projections.AppendTimeOrNull(append(b, `,"cancelled_at":`...), r.CancelledAt)
	b = projections.AppendTimeOrNull(append(b, `,"expires_at":`...), r.ExpiresAt)
	b = projections.AppendBool(append(b, `,"livemode":`...), r.Livemode)
	b = projections.AppendTimeOrNull(append(b, `,"created_at":`...), r.CreatedAt)
	return append(b, '}')
}
