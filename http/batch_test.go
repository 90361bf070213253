package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

func item(key, amount, token string) string {
	return fmt.Sprintf(`{"idempotency_key":%q,"amount":%s,"currency":"eur","payment_method_id":%q}`, key, amount, token)
}

func batchOf(items ...string) string { return `{"payments":[` + strings.Join(items, ",") + `]}` }

// results are the items' statuses, and their codes or payment statuses.
func results(a answer) string {
	var words []string
	data, _ := a.body["data"].([]any)
	for i, entry := range data {
		e := entry.(map[string]any)
		if fmt.Sprint(e["index"]) != fmt.Sprint(i) {
			words = append(words, "out of order")
		}
		inside := e["body"].(map[string]any)
		word := inside["status"]
		if failure, is := inside["error"].(map[string]any); is {
			word = failure["code"]
		}
		words = append(words, fmt.Sprint(e["status"], " ", word))
	}
	return strings.Join(words, ", ")
}

func TestABatchJudgesEachItemOnItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	twice := uuid.NewString()
	a := w.post("/v1/payments/batch", batchOf(
		item(uuid.NewString(), "1000", "pm_test_visa"),
		item(uuid.NewString(), "1000", "pm_test_declined"),
		item(uuid.NewString(), "1", "pm_test_visa"),
		`{"amount":1000,"currency":"eur","payment_method_id":"pm_test_visa"}`,
		item("x", "1000", "pm_test_visa"),
		`7`,
		item(uuid.NewString(), "1000", "pm_test_nope"),
		item(twice, "2000", "pm_test_visa"),
		item(twice, "2000", "pm_test_visa"),
		item(twice, "2001", "pm_test_visa"),
	))
	want := "201 authorized, 402 card_declined, 400 amount_too_small, 400 parameter_missing, 400 invalid_idempotency_key, " +
		"400 parameter_invalid, 422 payment_method_not_found, 201 authorized, 201 authorized, 409 idempotency_key_reused"
	if got := results(a); a.StatusCode != http.StatusMultiStatus || got != want {
		t.Errorf("%d %s\nwant %s", a.StatusCode, got, want)
	}
	if a.Header.Get("Paymint-Position") == "" {
		t.Error("no Paymint-Position")
	}
}

func TestABatchItemMayBeRepeatedAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := uuid.NewString()
	batch := w.post("/v1/payments/batch", batchOf(item(k, "1000", "pm_test_visa")))
	alone := w.post("/v1/payments", creation("pm_test_visa", "1000"), key(k))
	if alone.Header.Get("Idempotent-Replayed") != "true" || !strings.Contains(string(batch.raw), string(alone.raw)) {
		t.Errorf("batch: %s\nalone: %d %s", batch.raw, alone.StatusCode, alone.raw)
	}
}

func TestABatchHasItsBounds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	items := make([]string, 101)
	for i := range items {
		items[i] = item(uuid.NewString(), "1000", "pm_test_visa")
	}
	if a := w.post("/v1/payments/batch", batchOf(items[:100]...)); a.StatusCode != http.StatusMultiStatus || strings.Count(results(a), "201 authorized") != 100 {
		t.Errorf("a hundred: %d %s", a.StatusCode, results(a))
	}
	for _, bad := range []string{batchOf(items...), `{"payments":[]}`, `{"payments":{}}`, `{"payments":"x"}`} {
		wants(t, w.post("/v1/payments/batch", bad), 400, "parameter_invalid")
	}
	wants(t, w.post("/v1/payments/batch", `{}`), 400, "parameter_missing")
	wants(t, w.post("/v1/payments/batch", `{"payments":[`+items[0]+`],"x":1}`), 400, "parameter_unknown")
}
