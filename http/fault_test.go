package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/refusal"
)

func TestABodyThatComesTooSlowlyIsATimeout(t *testing.T) {
	t.Parallel()
	f := translate(bodyTrouble(fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded)))
	if row := newCodebook().row(f.Code); row.Status != 408 {
		t.Errorf("%s, %d", f.Code, row.Status)
	}
}

func TestAllRefusedFieldsAreTold(t *testing.T) {
	t.Parallel()
	wrong := refusal.Of(refusal.AmountTooSmall, "amount", "Too small.").And(refusal.Of(refusal.CurrencyNotSupported, "currency", "Unknown."))
	if f := translate(wrong); f.Param != "amount" || len(f.all) != 2 || f.all[1].Param != "currency" {
		t.Errorf("%+v", f)
	}
}

func TestOurOwnCodesOfAFailedPaymentStayInside(t *testing.T) {
	t.Parallel()
	book := newCodebook()
	for _, code := range []string{"never_arrived", "acquirer_unavailable", "authorization_reversed", "acquirer_timeout", ""} {
		if row := book.card(code); row.Code != codeAcquirerRefused || row.Status != 402 {
			t.Errorf("%q answers %s, %d", code, row.Code, row.Status)
		}
	}
}

func TestARouteWithoutAScopeDoesNotStart(t *testing.T) {
	t.Parallel()
	serve := func(*exchange) error { return nil }
	for _, bad := range []route{
		{method: "GET", path: "/x", serve: serve},
		{method: "GET", path: "/x", scope: "payments:everything", serve: serve},
		{method: "GET", path: "/x", scope: access.PaymentsRead},
	} {
		if bad.check() == nil {
			t.Errorf("%+v starts", bad)
		}
	}
}

func TestAServerNeedsItsParts(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{Desk: struct{ Desk }{}}); err == nil {
		t.Error("a desk without views starts")
	}
}

func TestALogLineCannotBeForged(t *testing.T) {
	t.Parallel()
	if got := printable(errors.New("a\nlevel=INFO forged\x1b[31m\u0085")); got != "a⏎level=INFO forged·[31m·" {
		t.Errorf("%q", got)
	}
	if got := printable(fmt.Errorf("read: %w", context.Canceled)); got != "the client went away" {
		t.Errorf("%q", got)
	}
}

func TestAProcessWithoutTheDeskShowsItsHealth(t *testing.T) {
	t.Parallel()
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/docs": 200, "/v1/payments": 404} {
		recorder := httptest.NewRecorder()
		s.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		if recorder.Code != want {
			t.Errorf("%s: %d, want %d", path, recorder.Code, want)
		}
	}
}

func TestTroubleSaysWhatToDo(t *testing.T) {
	t.Parallel()
	messages := []string{messageNothingDone, messageInternal}
	for _, row := range troubles {
		messages = append(messages, row.message)
	}
	for _, message := range messages {
		if !strings.Contains(message, "end it again") && !strings.Contains(message, "Use a new key") {
			t.Errorf("%q leaves the client alone", message)
		}
	}
}
