package api_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/access"
	api "github.com/paymint/paymint/http"
)

func TestOnlyAKeyOfOursOpensTheDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	with := func(value string) option { return func(r *http.Request) { r.Header.Set("Authorization", value) } }
	if a := w.get("/v1/payments", with(basic(w.secret+":"))); a.StatusCode != http.StatusOK {
		t.Errorf("Basic: %d %s", a.StatusCode, a.raw)
	}
	if a := w.get("/v1/payments", with("bearer "+w.secret)); a.StatusCode != http.StatusOK {
		t.Errorf("bearer in lower case: %d %s", a.StatusCode, a.raw)
	}
	unknown := access.NewSecret([32]byte{1}, access.KindSecret, false).Reveal()
	last := "0"
	if strings.HasSuffix(w.secret, last) {
		last = "1"
	}
	for name, c := range map[string]struct{ value, code string }{
		"nothing":          {"", "api_key_missing"},
		"another scheme":   {"Digest " + w.secret, "api_key_missing"},
		"no scheme":        {w.secret, "api_key_missing"},
		"unknown":          {"Bearer " + unknown, "api_key_invalid"},
		"wrong checksum":   {"Bearer " + w.secret[:len(w.secret)-1] + last, "api_key_invalid"},
		"cut":              {"Bearer " + w.secret[:20], "api_key_invalid"},
		"with a space":     {"Bearer  " + w.secret, "api_key_invalid"},
		"junk":             {"Bearer sk_test_abc", "api_key_invalid"},
		"Basic, password":  {basic(w.secret + ":x"), "api_key_invalid"},
		"Basic, no colon":  {basic(w.secret), "api_key_invalid"},
		"Basic, no base64": {"Basic %%%", "api_key_invalid"},
	} {
		a := w.get("/v1/payments", with(c.value))
		wants(t, a, http.StatusUnauthorized, c.code)
		if a.Header.Get("Www-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", name)
		}
	}
	wants(t, w.get("/v1/payments", header("Authorization", "Bearer "+w.secret)), 400, "header_duplicate")
}

func TestAScopeOpensItsRoutesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	scopes := []access.Scope{access.PaymentsRead, access.PaymentsWrite, access.RefundsWrite, access.FinanceRead, access.CustomersWrite}
	for _, granted := range scopes {
		secret := w.issue(w.ours.ID, access.KindRestricted, false, granted)
		set, err := access.ScopesOf(granted)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range w.server.Routes() {
			if r.Scope == "public" {
				continue
			}
			path := strings.NewReplacer("{id}", "pay_01h455vb4pex5vsknk084sn02q", "{refund_id}", "ref_01h455vb4pex5vsknk084sn02q").Replace(r.Template)
			a := w.send(r.Method, path, "", as(secret))
			refused := a.code() == "scope_missing"
			if refused == set.Has(access.Scope(r.Scope)) {
				t.Errorf("a key with %s calls %s %s, which needs %s: %d %s", granted, r.Method, r.Template, r.Scope, a.StatusCode, a.code())
			}
			if refused && !strings.Contains(string(a.raw), r.Scope) {
				t.Errorf("%s %s does not name the scope: %s", r.Method, r.Template, a.raw)
			}
		}
	}
	publishable := w.issue(w.ours.ID, access.KindPublishable, false)
	wants(t, w.get("/v1/payments", as(publishable)), 403, "scope_missing")
}

func TestWhatIsNotYoursDoesNotExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	payment := w.captured("1000")
	refund := w.post("/v1/payments/"+payment+"/refunds", `{"amount":100}`).text("id")
	for name, other := range map[string]string{
		"another merchant": w.issue(w.merchant("Coffee House").ID, access.KindSecret, false),
		"live mode":        w.issue(w.ours.ID, access.KindSecret, true),
	} {
		for _, path := range []string{"", "/events", "/refunds", "/refunds/" + refund, "?as_of=2099-01-01T00:00:00Z"} {
			theirs := w.get("/v1/payments/"+payment+path, as(other))
			nobodys := w.get("/v1/payments/pay_01h455vb4pex5vsknk084sn02q"+path, as(other))
			same(t, name+" GET "+path, theirs, nobodys)
		}
		for _, path := range []string{"/capture", "/cancel", "/refunds"} {
			theirs := w.post("/v1/payments/"+payment+path, "", as(other), key(uuid.NewString()))
			nobodys := w.post("/v1/payments/pay_01h455vb4pex5vsknk084sn02q"+path, "", as(other), key(uuid.NewString()))
			same(t, name+" POST "+path, theirs, nobodys)
		}
		if list := w.get("/v1/payments", as(other)); len(list.body["data"].([]any)) != 0 {
			t.Errorf("%s sees %s", name, list.raw)
		}
	}
}

// same compares two 404s but for the request's id.
func same(t *testing.T, what string, a, b answer) {
	t.Helper()
	wants(t, a, 404, "resource_missing")
	strip := func(a answer) string {
		return strings.ReplaceAll(string(a.raw), a.Header.Get("Paymint-Request-Id"), "")
	}
	if strip(a) != strip(b) {
		t.Errorf("%s: a foreign object differs from none:\n%s\n%s", what, a.raw, b.raw)
	}
}

func TestARevokedKeyStopsWithinASecond(t *testing.T) {
	t.Parallel()
	var clock atomic.Int64
	clock.Store(time.Now().UnixNano())
	w := newWorld(t, func(c *api.Config) { c.Now = func() time.Time { return time.Unix(0, clock.Load()) } })
	if a := w.get("/v1/payments"); a.StatusCode != http.StatusOK {
		t.Fatal(a.StatusCode)
	}
	w.keys.revoke(w.secret)
	clock.Add(int64(time.Second))
	wants(t, w.get("/v1/payments"), 401, "api_key_revoked")
}

func TestAWarmKeyIsNotLookedUpAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(c *api.Config) { c.Now = func() time.Time { return now } })
	for range 20 {
		w.get("/v1/payments")
	}
	if w.keys.lookups != 1 {
		t.Errorf("%d look-ups for 20 requests with one key", w.keys.lookups)
	}
}

func TestWithoutTheKeysNobodyComesIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keys.fail(errors.New("connection refused"))
	wants(t, w.get("/v1/payments"), 503, "storage_unavailable")
	w.keys.fail(nil)
	if a := w.get("/v1/payments"); a.StatusCode != http.StatusOK {
		t.Errorf("after recovery: %d %s", a.StatusCode, a.raw)
	}
}

func TestABurstBeyondTheLimitIsTold(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, func(c *api.Config) {
		c.NoRateLimits = false
		c.Now = func() time.Time { return now }
	})
	for i := range 100 {
		a := w.get("/v1/payments")
		if a.StatusCode != http.StatusOK {
			t.Fatalf("request %d: %d", i, a.StatusCode)
		}
		if a.Header.Get("X-RateLimit-Limit") != "25" || a.Header.Get("X-RateLimit-Policy") != "25;w=1" || a.Header.Get("X-RateLimit-Reset") == "" {
			t.Fatalf("headers: %v", a.Header)
		}
	}
	a := w.get("/v1/payments")
	wants(t, a, 429, "rate_limit_exceeded")
	if a.Header.Get("Retry-After") != "1" || a.Header.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("headers: %v", a.Header)
	}
}

func TestCallersWhoBringAColdKeyAtOnceShareItsVerification(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			if a := w.get("/v1/payments"); a.StatusCode != http.StatusOK {
				t.Errorf("got %d %s", a.StatusCode, a.raw)
			}
		})
	}
	callers.Wait()
	metrics := string(w.get("/metrics").raw)
	_, rest, _ := strings.Cut(metrics, `paymint_http_key_checks_total{result="verified"} `)
	verified, _, _ := strings.Cut(rest, "\n")
	// A caller may come just before the first verification is remembered; 32 would mean one each.
	if verified != "1" && verified != "2" {
		t.Errorf("%q verifications for one key", verified)
	}
}
