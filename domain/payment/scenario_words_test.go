package payment_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymint/paymint/domain/payment"
)

// tell words what of an event a reader of a scenario wants to know.
func (s *stage) tell(e payment.Event) string {
	switch e := e.(type) {
	case payment.AuthorizationRequested:
		if e.Capture {
			return s.major(e.Amount) + " with capture"
		}
		return s.major(e.Amount)
	case payment.Authorized:
		return s.major(e.Amount) + " until " + s.when(e.ExpiresAt)
	case payment.Failed:
		words := e.Code
		if e.DeclineCode != "" {
			words += " " + e.DeclineCode
		}
		if e.RawCode != "" && e.RawCode != e.DeclineCode {
			words += " (" + e.RawCode + ")"
		}
		return words + ": " + e.Message
	case payment.CaptureRequested:
		return s.major(e.Amount)
	case payment.Captured:
		return s.major(e.Amount)
	case payment.AuthorizationReleased:
		return s.major(e.Amount)
	case payment.AuthorizationExpired:
		return s.major(e.Amount)
	case payment.LateApprovalNoted:
		return s.major(e.Amount)
	case payment.RefundRequested:
		return s.major(e.Amount)
	case payment.CaptureFailed:
		return e.Code
	case payment.RefundFailed:
		return e.Code
	case payment.OutcomeUnknown:
		return fmt.Sprintf("of the %s: %s", e.Operation, e.Reason)
	case payment.Cancelled:
		return e.Reason
	case payment.Corrected:
		return strings.TrimSpace(fmt.Sprintf("captured %s, refunded %s %s", s.major(e.AmountCaptured), s.major(e.AmountRefunded), e.ApprovedBy))
	}
	return ""
}

// when tells a time from the scenario's beginning.
func (s *stage) when(t time.Time) string { return "+" + t.Sub(noon).String() }

// major words an amount as people do: 123.45.
func (s *stage) major(minor int64) string {
	decimals := s.currency.Exponent()
	digits := fmt.Sprintf("%0*d", decimals+1, minor)
	if decimals == 0 {
		return digits
	}
	return digits[:len(digits)-decimals] + "." + digits[len(digits)-decimals:]
}

// minor reads what major writes; nil for no word.
func (s *stage) minor(t *testing.T, words ...string) *int64 {
	if len(words) == 0 {
		return nil
	}
	whole, fraction, _ := strings.Cut(words[0], ".")
	if len(fraction) != s.currency.Exponent() {
		t.Fatalf("%s has %d decimals, not as in %s", s.currency, s.currency.Exponent(), words[0])
	}
	minor, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return &minor
}
