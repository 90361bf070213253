package api_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
	api "github.com/paymint/paymint/http"
)

// failing is a desk that answers everything with one error, or panics.
type failing struct {
	api.Desk
	err error
}

func (f failing) Authorize(context.Context, commands.Call, commands.Authorize) (commands.Reply, error) {
	if f.err == nil {
		panic("out of order: postgres://user:secret@db.internal/paymint")
	}
	return commands.Reply{}, f.err
}

func (f failing) Correct(ctx context.Context, call commands.Call, target commands.Target, wish payment.Correct) (commands.Reply, error) {
	return f.Desk.Correct(ctx, call, target, wish)
}

func TestTroubleBehindTheCounterHasItsAnswer(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name       string
		err        error
		status     int
		code       string
		retryAfter string
	}{
		{"key reused", commands.ErrKeyReused, 409, "idempotency_key_reused", ""},
		{"key in use", commands.ErrKeyInUse, 409, "idempotency_key_in_use", "1"},
		{"concurrent change", commands.ErrConcurrentChange, 409, "concurrent_change", "1"},
		{"busy", commands.ErrBusy, 503, "server_busy", "1"},
		{"unavailable", commands.ErrUnavailable, 503, "storage_unavailable", "2"},
		{"deadline", context.DeadlineExceeded, 503, "storage_unavailable", "2"},
		{"no acquirer", refusal.New(refusal.AcquirerUnavailable, "No acquirer can be reached."), 503, "acquirer_unavailable", "5"},
		{"a bug", errors.New("relation payments does not exist on db.internal"), 500, "internal_error", ""},
		{"a code without a row", refusal.New("never_heard_of", "What?"), 500, "internal_error", ""},
		{"a panic", nil, 500, "internal_error", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(config *api.Config) { config.Desk = failing{config.Desk, c.err} })
			a := w.create(creation("pm_test_visa", "1000"))
			wants(t, a, c.status, c.code)
			if got := a.Header.Get("Retry-After"); got != c.retryAfter {
				t.Errorf("Retry-After %q, want %q", got, c.retryAfter)
			}
			if strings.Contains(string(a.raw), "db.internal") || strings.Contains(string(a.raw), "goroutine") {
				t.Errorf("the answer tells about our inside: %s", a.raw)
			}
			if c.status == 500 && !strings.Contains(w.logged.String(), a.Header.Get("Paymint-Request-Id")) {
				t.Error("nothing about the request in the log")
			}
		})
	}
}

func TestWhatIsNotPossibleNowIsA422(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open, taken := "/v1/payments/"+w.authorized("1000"), "/v1/payments/"+w.captured("1000")
	failed := w.create(creation("pm_test_declined", "1000")).error()["payment"].(map[string]any)["id"].(string)
	cases := []struct{ path, body, code string }{
		{taken + "/capture", ``, "payment_not_capturable"},
		{open + "/capture", `{"amount":1001}`, "capture_exceeds_authorized"},
		{taken + "/cancel", ``, "payment_not_cancellable"},
		{open + "/refunds", ``, "payment_not_refundable"},
		{taken + "/refunds", `{"amount":1001}`, "refund_exceeds_capture"},
		{open + "/complete_action", ``, "payment_not_awaiting_action"},
		{"/v1/payments/" + failed + "/capture", ``, "payment_not_capturable"},
	}
	for _, c := range cases {
		wants(t, w.post(c.path, c.body), 422, c.code)
	}
	for _, path := range []string{"/capture", "/refunds"} {
		for _, amount := range []string{"0", "-1"} {
			wants(t, w.post(open+path, `{"amount":`+amount+`}`), 400, "amount_too_small")
		}
	}
	wants(t, w.post(taken+"/refunds", `{"reason":"because"}`), 400, "parameter_invalid")
	wants(t, w.post(open+"/cancel", `{"reason":"because"}`), 400, "parameter_invalid")
	wants(t, w.post(open+"/capture?x=1", ``), 400, "parameter_unknown")
}

func TestAMerchantThatIsNotActiveTakesNoPayments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.desk.SuspendMerchant(t.Context(), commands.Call{}, w.ours.ID, merchant.Suspend{Reason: "review"}); err != nil {
		t.Fatal(err)
	}
	wants(t, w.create(creation("pm_test_visa", "1000")), 422, "merchant_not_active")
}

func TestTheTestClockExpiresAnAuthorization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	payment := w.authorized("1000")
	if a := w.post("/v1/test_clock/advance", `{"seconds":2592000}`); a.StatusCode != http.StatusOK || a.text("object") != "test_clock" {
		t.Fatalf("advance: %d %s", a.StatusCode, a.raw)
	}
	wants(t, w.post("/v1/payments/"+payment+"/capture", ``), 422, "authorization_expired")
	to := time.Now().Add(60 * 24 * time.Hour).UTC().Format(time.RFC3339)
	if a := w.post("/v1/test_clock/advance", `{"to":"`+to+`"}`); a.StatusCode != http.StatusOK {
		t.Errorf("advance to %s: %d %s", to, a.StatusCode, a.raw)
	}
	wants(t, w.post("/v1/test_clock/advance", `{"to":"2020-01-01T00:00:00Z"}`), 400, "test_clock_invalid")
	wants(t, w.post("/v1/test_clock/advance", `{"seconds":99999999}`), 400, "test_clock_invalid")
	wants(t, w.post("/v1/test_clock/advance", `{}`), 400, "parameter_missing")
	wants(t, w.post("/v1/test_clock/advance", `{"seconds":1,"to":"`+to+`"}`), 400, "parameter_missing")
	live := w.issue(w.ours.ID, access.KindSecret, true)
	wants(t, w.post("/v1/test_clock/advance", `{"seconds":1}`, as(live)), 403, "test_mode_only")
}

func TestOnlyThePlatformCorrects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/payments/" + w.captured("1000") + "/corrections"
	ours := w.ours.ID.String()
	correction := `{"merchant_id":"` + ours + `","amount_captured":900,"amount_refunded":0,"reason":"statement 7"}`
	wants(t, w.post(path, correction), 403, "scope_missing")
	platform := as(w.issue(w.noMerchant(), access.KindSecret, false, access.PlatformAdmin))
	if a := w.post(path, correction, platform); a.StatusCode != http.StatusOK || a.number("amount_captured") != 900 {
		t.Errorf("correct: %d %s", a.StatusCode, a.raw)
	}
	wants(t, w.post(path, strings.Replace(correction, "900", "2000", 1), platform), 422, "capture_exceeds_authorized")
	wants(t, w.post(path, strings.Replace(correction, "900", "900.5", 1), platform), 400, "parameter_invalid")
	wants(t, w.post(path, `{}`, platform), 400, "parameter_missing")
	wants(t, w.post(path, strings.Replace(correction, ours, "mch_01h455vb4pex5vsknk084sn02q", 1), platform), 404, "resource_missing")
	wants(t, w.post("/v1/payments", creation("pm_test_visa", "1000"), key(uuid.NewString()), platform), 403, "merchant_key_needed")
}

func TestALargeCorrectionNeedsASecondOperatorsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator, own := w.operator(w.noMerchant(), false, access.PlatformAdmin)
	_, second := w.operator(w.noMerchant(), false, access.PlatformAdmin)
	_, live := w.operator(w.noMerchant(), true, access.PlatformAdmin)
	_, merchants := w.operator(w.ours.ID, false)
	gone, revoked := w.operator(w.noMerchant(), false, access.PlatformAdmin)
	w.keys.revoke(gone)
	path := "/v1/payments/" + w.captured("200000") + "/corrections"
	correct := func(amount, approver string) answer {
		return w.post(path, `{"merchant_id":"`+w.ours.ID.String()+`","amount_captured":`+amount+`,"amount_refunded":0,"reason":"statement 7"`+approver+`}`, as(operator))
	}
	for _, nobody := range []string{"Bob", own, live, merchants, revoked, "key_01h455vb4pex5vsknk084sn02q", w.ours.ID.String()} {
		for _, amount := range []string{"1000", "199999"} { // a false approval is refused where none is needed too
			wants(t, correct(amount, `,"approved_by":"`+nobody+`"`), 422, "second_approver_needed")
		}
	}
	wants(t, correct("1000", ""), 422, "second_approver_needed")
	if a := correct("1000", `,"approved_by":"`+second+`"`); a.StatusCode != http.StatusOK || a.number("amount_captured") != 1000 {
		t.Errorf("with an approval: %d %s", a.StatusCode, a.raw)
	}
	w.keys.fail(errors.New("connection refused"))
	a := correct("2000", `,"approved_by":"`+second+`"`)
	if a.code() != "storage_unavailable" {
		t.Errorf("without the keys: %d %s", a.StatusCode, a.raw)
	}
}

// TestTheListOfCodesIsComplete holds the table, openapi.yaml and the page of errors together.
func TestTheListOfCodesIsComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, code := range c.document.Components.Schemas["ErrorCode"].Value.Enum {
		documented = append(documented, code.(string))
	}
	table := api.Codes()
	slices.Sort(documented)
	slices.Sort(table)
	if !slices.Equal(documented, table) {
		t.Errorf("openapi.yaml lists\n%v\nthe table has\n%v", documented, table)
	}
	if len(slices.Compact(slices.Clone(table))) != len(table) {
		t.Error("a code has two rows")
	}
	page := string(w.get("/docs/errors", anonymous).raw)
	for _, code := range table {
		if !strings.Contains(page, `<tr id="`+code+`">`) {
			t.Errorf("/docs/errors has no place for %s", code)
		}
	}
}

// TestEveryCodeOfTheRulesHasARow: a refusal that the domain can make must not answer 500.
func TestEveryCodeOfTheRulesHasARow(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../domain/refusal/refusal.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^\t\w+\s+Code = "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		switch code := match[1]; code {
		case "resource_already_exists", "not_due", "outcome_already_known", "merchant_not_changeable", "scope_invalid":
			// no route can meet these yet
		default:
			if !slices.Contains(api.Codes(), code) {
				t.Errorf("%s has no row in the table of errors", code)
			}
		}
	}
}

// TestEveryDeclineHasARow: a code of the acquirers that has none would answer as processing_error.
func TestEveryDeclineHasARow(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../domain/acquirer/declines.go")
	if err != nil {
		t.Fatal(err)
	}
	known := regexp.MustCompile(`(?m)^\t"(\w+)":\s+\{`).FindAllStringSubmatch(string(source), -1)
	if len(known) < 40 {
		t.Fatalf("only %d declines found in the source", len(known))
	}
	for _, match := range known {
		if code := acquirer.DeclineOf(match[1]).Code; !slices.Contains(api.Codes(), code) {
			t.Errorf("decline %s has the code %s, which has no row", match[1], code)
		}
	}
}

func TestEachTestCardAnswersItsCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for token, code := range map[string]string{
		"pm_test_declined": "card_declined", "pm_test_insufficient_funds": "card_declined", "pm_test_lost": "card_declined",
		"pm_test_expired": "expired_card", "pm_test_bad_cvc": "incorrect_cvc", "pm_test_processing_error": "processing_error",
		"pm_test_do_not_honor": "card_declined", "pm_test_issuer_down": "card_declined",
	} {
		a := w.create(creation(token, "1000"))
		if a.StatusCode != http.StatusPaymentRequired || a.code() != code || a.error()["retry_advice"] == nil {
			t.Errorf("%s: %d %s", token, a.StatusCode, a.raw)
		}
	}
}
