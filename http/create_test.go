package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// body is a good creation with fields changed or, with "", taken out.
func body(changes ...string) string {
	fields := map[string]string{"amount": `1999`, "currency": `"eur"`, "payment_method_id": `"pm_test_visa"`}
	order := []string{"amount", "currency", "payment_method_id"}
	for i := 0; i < len(changes); i += 2 {
		if _, known := fields[changes[i]]; !known {
			order = append(order, changes[i])
		}
		fields[changes[i]] = changes[i+1]
	}
	var parts []string
	for _, name := range order {
		if fields[name] != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", name, fields[name]))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func quoted(n int) string { return `"` + strings.Repeat("a", n) + `"` }

func metadataOf(keys int) string {
	parts := make([]string, keys)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"k%d":"v"`, i)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestEveryRuleOfACreationNamesItsField(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const missing, invalid, unknown = "parameter_missing", "parameter_invalid", "parameter_unknown"
	cases := []struct{ name, body, code, param string }{
		{"amount absent", body("amount", ""), missing, "amount"},
		{"amount null", body("amount", "null"), missing, "amount"},
		{"amount with exponent", body("amount", "1e3"), invalid, "amount"},
		{"amount with fraction", body("amount", "100.0"), invalid, "amount"},
		{"amount quoted", body("amount", `"100"`), invalid, "amount"},
		{"amount true", body("amount", `true`), invalid, "amount"},
		{"amount beyond 64 bits", body("amount", `99999999999999999999`), invalid, "amount"},
		{"amount zero", body("amount", "0"), "amount_too_small", "amount"},
		{"amount minus", body("amount", "-100"), "amount_too_small", "amount"},
		{"amount 49", body("amount", "49"), "amount_too_small", "amount"},
		{"amount 100000000", body("amount", "100000000"), "amount_too_large", "amount"},
		{"yen 49", body("amount", "49", "currency", `"jpy"`), "amount_too_small", "amount"},
		{"dinar 149", body("amount", "149", "currency", `"kwd"`), "amount_too_small", "amount"},
		{"currency absent", body("currency", ""), missing, "currency"},
		{"currency null", body("currency", "null"), missing, "currency"},
		{"currency number", body("currency", "978"), invalid, "currency"},
		{"currency unknown", body("currency", `"zzz"`), "currency_not_supported", "currency"},
		{"currency for tests", body("currency", `"xts"`), "currency_not_supported", "currency"},
		{"currency none", body("currency", `"xxx"`), "currency_not_supported", "currency"},
		{"currency too long", body("currency", `"euro"`), "currency_not_supported", "currency"},
		{"method absent", body("payment_method_id", ""), missing, "payment_method_id"},
		{"method empty", body("payment_method_id", `""`), invalid, "payment_method_id"},
		{"method of another kind", body("payment_method_id", `"cus_1"`), invalid, "payment_method_id"},
		{"method a card number", body("payment_method_id", `"4242424242424242"`), invalid, "payment_method_id"},
		{"method number", body("payment_method_id", `7`), invalid, "payment_method_id"},
		{"customer malformed", body("customer_id", `"cus_1"`), invalid, "customer_id"},
		{"customer of another kind", body("customer_id", `"pay_01h455vb4pex5vsknk084sn02q"`), invalid, "customer_id"},
		{"capture text", body("capture", `"true"`), invalid, "capture"},
		{"capture number", body("capture", `1`), invalid, "capture"},
		{"description 501", body("description", quoted(501)), invalid, "description"},
		{"description number", body("description", `1`), invalid, "description"},
		{"descriptor 4", body("statement_descriptor", quoted(4)), invalid, "statement_descriptor"},
		{"descriptor 23", body("statement_descriptor", quoted(23)), invalid, "statement_descriptor"},
		{"metadata list", body("metadata", `[]`), invalid, "metadata"},
		{"metadata 51 keys", body("metadata", metadataOf(51)), invalid, "metadata"},
		{"metadata key empty", body("metadata", `{"":"v"}`), invalid, "metadata"},
		{"metadata key 41", body("metadata", `{`+quoted(41)+`:"v"}`), invalid, "metadata"},
		{"metadata key with dash", body("metadata", `{"a-b":"v"}`), invalid, "metadata"},
		{"metadata value 501", body("metadata", `{"k":`+quoted(501)+`}`), invalid, "metadata[k]"},
		{"metadata value number", body("metadata", `{"k":1}`), invalid, "metadata[k]"},
		{"metadata value null", body("metadata", `{"k":null}`), invalid, "metadata[k]"},
		{"metadata nested", body("metadata", `{"k":{}}`), invalid, "metadata[k]"},
		{"unknown field", body("colour", `"red"`), unknown, "colour"},
		{"other case", body("Amount", `1`), unknown, "Amount"},
		{"duplicate", `{"amount":1,"amount":2}`, "invalid_json", "amount"},
		{"not an object", `[]`, "invalid_json", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := w.create(c.body)
			wants(t, a, http.StatusBadRequest, c.code)
			if param, _ := a.error()["param"].(string); param != c.param {
				t.Errorf("param %q, want %q", param, c.param)
			}
		})
	}
}

func TestTheBoundsThemselvesAreAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, good := range map[string]string{
		"smallest": body("amount", "50"), "largest": body("amount", "99999999"), "dinar": body("amount", "150", "currency", `"KWD"`),
		"upper case": body("currency", `"EUR"`), "nulls": body("customer_id", "null", "capture", "null", "metadata", "null", "description", "null"),
		"description 500": body("description", quoted(500)), "descriptor 5": body("statement_descriptor", quoted(5)),
		"descriptor 22": body("statement_descriptor", quoted(22)), "metadata 50": body("metadata", metadataOf(50)),
		"characters, not bytes": body("description", `"`+strings.Repeat("é", 500)+`"`),
		"captured":              body("capture", "true"), "markup": body("description", `"<script>&\u2028"`),
	} {
		a := w.create(good)
		if a.StatusCode != http.StatusCreated {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.raw)
		}
		if strings.ContainsAny(string(a.raw), "<>&\u2028") {
			t.Errorf("%s: markup leaves unescaped: %s", name, a.raw)
		}
	}
}

func TestEveryWrongFieldIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.post("/v1/payments", `{"amount":1.5,"currency":"zzz","capture":"yes","metadata":{"a-b":"v","k":1},"colour":"red"}`)
	wants(t, a, http.StatusBadRequest, "parameter_missing")
	var params []string
	for _, one := range a.error()["errors"].([]any) {
		params = append(params, one.(map[string]any)["param"].(string))
	}
	want := "Idempotency-Key amount currency payment_method_id capture metadata metadata[k] colour"
	if got := strings.Join(params, " "); got != want {
		t.Errorf("wrong fields: %s\nwant:         %s", got, want)
	}
}

func TestTheIdempotencyKeyMustBeAUUID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := creation("pm_test_visa", "1000")
	wants(t, w.post("/v1/payments", good), 400, "parameter_missing")
	for _, bad := range []string{"", "1", "not-a-uuid", "{8e03978e-40d5-43e8-bc93-6894a57f9324}", "urn:uuid:8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e40d543e8bc936894a57f9324", uuid.NewString() + " x"} {
		wants(t, w.post("/v1/payments", good, key(bad)), 400, "invalid_idempotency_key")
	}
	wants(t, w.post("/v1/payments", good, key(uuid.NewString()), header("Idempotency-Key", "x")), 400, "header_duplicate")
}

func TestADeclineIsA402WithThePaymentInside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.create(creation("pm_test_insufficient_funds", "1000"))
	wants(t, a, http.StatusPaymentRequired, "card_declined")
	inside, _ := a.error()["payment"].(map[string]any)
	if a.error()["type"] != "card_error" || a.error()["decline_code"] != "insufficient_funds" || inside["status"] != "failed" {
		t.Errorf("error: %s", a.raw)
	}
	if a.error()["doc_url"] != "https://docs.example/docs/errors#card_declined" {
		t.Errorf("doc_url %v", a.error()["doc_url"])
	}
}

func TestAPaymentMethodNobodyHasIsRefusedAndStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := uuid.NewString()
	wants(t, w.post("/v1/payments", creation("pm_test_nope", "1000"), key(k)), 422, "payment_method_not_found")
}
