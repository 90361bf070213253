package api

import (
	"net/http"
	"strconv"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
)

// What render functions make is stored under the idempotency key and sent again
// for a replay, so it depends on the result and the first request's id alone. They
// run on the desk's goroutines and touch no exchange.

// paymentSize is what a payment's JSON usually needs: one allocation.
const paymentSize = 1024

func paymentBody(result commands.Result) (payments.Resource, []byte) {
	resource := payments.FoldAll(result.History)
	return resource, payments.AppendJSON(make([]byte, 0, paymentSize), resource)
}

// renderOutcome answers with the payment, or with 402 when the act on it failed.
func (s *Server) renderOutcome(requestID string, success int) func(commands.Result) commands.Answer {
	return func(result commands.Result) commands.Answer {
		if result.Refusal != nil {
			return s.renderRefusal(requestID, result)
		}
		resource, body := paymentBody(result)
		d, failed := declinedOf(result, resource)
		if !failed {
			return commands.Answer{Status: success, Body: body}
		}
		d.payment = body
		return commands.Answer{Status: http.StatusPaymentRequired, Body: s.declineEnvelope(requestID, d)}
	}
}

// declinedOf tells whether the act failed for good, and how. A payment that failed
// says so itself, whichever event made it fail.
func declinedOf(result commands.Result, resource payments.Resource) (declined, bool) {
	switch outcome := result.Outcome.(type) {
	case payment.CaptureFailed:
		if resource.Capture {
			return declined{}, false // captured at once: the hold stands, and the payment shows it
		}
		return declined{code: codeCaptureFailed, message: outcome.Message}, true
	case payment.CancellationFailed:
		return declined{code: codeCancellationFailed, message: outcome.Message}, true
	}
	if resource.Status != payment.StatusFailed {
		return declined{}, false
	}
	d := declined{code: resource.FailureCode, declineCode: resource.DeclineCode, message: resource.FailureMessage}
	for _, recorded := range result.History {
		if failure, is := recorded.Event.(payment.Failed); is {
			d.retryAdvice = failure.RetryAdvice
		}
	}
	return d, true
}

// renderRefund answers with the refund that the command requested.
func (s *Server) renderRefund(requestID string) func(commands.Result) commands.Answer {
	return func(result commands.Result) commands.Answer {
		if result.Refusal != nil {
			return s.renderRefusal(requestID, result)
		}
		all := refunds.FoldAll(result.History)
		refund, _ := all.Refund(result.Refund)
		return commands.Answer{Status: http.StatusCreated, Body: refunds.AppendJSON(make([]byte, 0, paymentSize), refund)}
	}
}

func (s *Server) renderRefusal(requestID string, result commands.Result) commands.Answer {
	f := refusedWith(result.Refusal)
	row := s.codes.row(f.Code)
	return commands.Answer{Status: row.Status, Body: s.envelope(requestID, row, f)}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
