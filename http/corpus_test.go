package api_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// evil are values that break parsers, put where a good value belongs.
func evil() []string {
	values := []string{
		``, `null`, `true`, `0`, `-0`, `-1`, `1e3`, `1E400`, `0.1`, `100.0`, `1e-7`, `9223372036854775807`, `9223372036854775808`, `-9223372036854775809`,
		`99999999999999999999999999`, `01`, `+1`, `0x10`, `1_000`, `NaN`, `Infinity`, `""`, `" "`, `"100"`, `"\u0000"`, `"\ud800"`, `"\udc00\ud800"`, `"\uFEFF"`,
		`"\n"`, `"\u202e"`, `"💳"`, `"' OR 1=1 --"`, `"<script>alert(1)</script>"`, `"{{7*7}}"`, `"${jndi:ldap://x}"`, `"../../etc/passwd"`, `"%s%s%n"`,
		`"4242424242424242"`, `[]`, `[null]`, `{}`, `{"a":{}}`, `[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]`, `undefined`, `'x'`, `// x`, `/* x */`, `}`, `{`, `"`, `\`, "\x00", "\xff\xfe", `[1,]`, `{"a":1,}`,
		`"` + strings.Repeat("a", 5000) + `"`, strings.Repeat("9", 400), `"` + strings.Repeat("é", 600) + `"`,
		`"pm_test_visa\u0000"`, `"PM_TEST_VISA"`, `"eur "`, `"EUR"`, `"ſar"`, `"İrr"`, `"cus_01h455vb4pex5vsknk084sn02q"`, `"pay_01h455vb4pex5vsknk084sn02q"`,
	}
	return values
}

// TestNoInputIsAnsweredWithAFaultOfOurs sends thousands of wrong requests through
// the whole handler: none answers 5xx, each is in the envelope, and what is
// accepted is a payment.
func TestNoInputIsAnsweredWithAFaultOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	payment := w.captured("100000")
	count := 0
	try := func(method, path, body string, headers ...string) {
		count++
		request := httptest.NewRequest(method, "/", strings.NewReader(body))
		request.URL.Path, request.URL.RawQuery, _ = strings.Cut(path, "?")
		request.Header.Set("Authorization", "Bearer "+w.secret)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", uuid.NewString())
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		recorder := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(recorder, request)
		answer := recorder.Body.String()
		switch {
		case recorder.Code >= 500:
			t.Errorf("%s %q %q: %d %s", method, path, body, recorder.Code, answer)
		case recorder.Code >= 400 && !strings.HasPrefix(answer, `{"error":{"type":"`):
			t.Errorf("%s %q %q: %d outside of the envelope: %s", method, path, body, recorder.Code, answer)
		case recorder.Code == http.StatusCreated && !strings.HasPrefix(answer, `{"object":"payment"`) && !strings.HasPrefix(answer, `{"object":"refund"`):
			t.Errorf("%s %q %q: %s", method, path, body, answer)
		}
	}
	fields := []string{"amount", "currency", "payment_method_id", "customer_id", "capture", "description", "statement_descriptor", "metadata", "unknown"}
	paths := []string{"/v1/payments/" + payment + "/capture", "/v1/payments/" + payment + "/cancel", "/v1/payments/" + payment + "/refunds",
		"/v1/payments/" + payment + "/complete_action", "/v1/payments/" + payment + "/corrections", "/v1/test_clock/advance", "/v1/payments/batch"}
	for _, value := range evil() {
		for _, field := range fields {
			try("POST", "/v1/payments", body(field, value))
			try("POST", "/v1/payments/batch", `{"payments":[`+body("idempotency_key", `"`+uuid.NewString()+`"`, field, value)+`]}`)
		}
		try("POST", "/v1/payments", value)
		try("POST", "/v1/payments", body("metadata", `{"k":`+value+`}`))
		try("POST", "/v1/payments", body("metadata", `{`+value+`:"v"}`))
		for _, path := range paths {
			try("POST", path, value)
			for _, field := range []string{"amount", "reason", "metadata", "outcome", "seconds", "to", "payments", "merchant_id"} {
				try("POST", path, fmt.Sprintf(`{%q:%s}`, field, value))
			}
		}
		plain := strings.Trim(value, `"`)
		for _, name := range []string{"limit", "starting_after", "ending_before", "created_gte", "created_lte", "status", "currency", "customer_id", "idempotency_key", "sort", "fields", "metadata[k]", "metadata[" + plain + "]", plain} {
			try("GET", "/v1/payments?"+name+"="+plain, "")
			try("GET", "/v1/refunds?"+name+"="+plain, "")
		}
		try("GET", "/v1/payments/"+plain, "")
		try("GET", "/v1/payments/"+payment+"/refunds/"+plain, "")
		try("GET", "/v1/payments/"+payment+"?as_of="+plain, "")
		try("GET", "/"+plain, "")
		for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "Paymint-Version", "Paymint-Min-Position", "If-None-Match", "Content-Encoding", "Traceparent"} {
			try("POST", "/v1/payments", body(), name, plain)
			try("GET", "/v1/payments", "", name, plain)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 { // a good body with bytes changed
		b := []byte(body("metadata", `{"k":"v"}`, "description", `"x"`))
		for range 1 + random.IntN(3) {
			b[random.IntN(len(b))] = byte(random.IntN(256))
		}
		try("POST", "/v1/payments", string(b))
	}
	if count < 5000 {
		t.Errorf("only %d cases", count)
	}
	t.Logf("%d requests", count)
}
