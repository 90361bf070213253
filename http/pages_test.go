package api_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	api "github.com/paymint/paymint/http"
)

func TestPagesLoadNothingForeign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/docs", "/docs/errors"} {
		a := w.get(path, anonymous)
		page := string(a.raw)
		if a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
			t.Fatalf("%s: %d %s", path, a.StatusCode, a.Header.Get("Content-Type"))
		}
		if !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: policy %q", path, a.Header.Get("Content-Security-Policy"))
		}
		if regexp.MustCompile(`(?i)<script|\sstyle=|\son\w+=|(src|href)="(https?:)?//`).MatchString(page) {
			t.Errorf("%s would load or run something", path)
		}
		for _, link := range regexp.MustCompile(`href="([^"#]+)"`).FindAllStringSubmatch(page, -1) {
			if b := w.get(link[1], anonymous); b.StatusCode != http.StatusOK {
				t.Errorf("%s links to %s: %d", path, link[1], b.StatusCode)
			}
		}
		for _, anchor := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
			if !strings.Contains(page, `id="`+anchor[1]+`"`) {
				t.Errorf("%s has no place %s", path, anchor[1])
			}
		}
	}
}

func TestTheCardholderDecidesOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for outcome, want := range map[string]string{"approve": "authorized", "fail": "failed"} {
		created := w.create(creation("pm_test_3ds_required", "1999"))
		if created.StatusCode != http.StatusCreated || created.text("status") != "pending" || created.text("pending_reason") != "action_required" {
			t.Fatalf("create: %d %s", created.StatusCode, created.raw)
		}
		action := created.body["next_action"].(map[string]any)
		path := strings.TrimPrefix(action["url"].(string), "http://paymint.test")
		page := w.get(path, anonymous)
		if page.StatusCode != http.StatusOK || !strings.Contains(string(page.raw), "19.99 EUR") || !strings.Contains(string(page.raw), path+"/"+outcome) {
			t.Fatalf("page: %d %s", page.StatusCode, page.raw)
		}
		done := w.post(path+"/"+outcome, "", anonymous, header("Content-Type", "application/x-www-form-urlencoded"))
		if done.StatusCode != http.StatusOK || !strings.Contains(string(done.raw), want) {
			t.Errorf("%s: %d %s", outcome, done.StatusCode, done.raw)
		}
		if got := w.get("/v1/payments/" + created.text("id")).text("status"); got != want {
			t.Errorf("%s: the payment is %s", outcome, got)
		}
		if again := w.post(path+"/"+outcome, "", anonymous); again.StatusCode != http.StatusOK {
			t.Errorf("a second click: %d", again.StatusCode)
		}
	}
	wants(t, w.get("/sandbox/3ds/pay_01h455vb4pex5vsknk084sn02q", anonymous), 404, "resource_missing")
	wants(t, w.get("/sandbox/3ds/x", anonymous), 404, "resource_missing")
}

func TestATestPlaysTheCardholder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/payments/" + w.create(creation("pm_test_3ds_required", "1000")).text("id") + "/complete_action"
	if a := w.post(path, `{"outcome":"succeeded"}`); a.StatusCode != http.StatusOK || a.text("status") != "authorized" {
		t.Errorf("%d %s", a.StatusCode, a.raw)
	}
	path = "/v1/payments/" + w.create(creation("pm_test_3ds_required", "1000")).text("id") + "/complete_action"
	wants(t, w.post(path, `{"outcome":"failed"}`), 402, "authentication_failed")
	wants(t, w.post(path, `{"outcome":"maybe"}`), 400, "parameter_invalid")
}

func TestReadinessIsWhatItsChecksSay(t *testing.T) {
	t.Parallel()
	var down, away error
	check := func(name string, critical bool, err *error) api.Check {
		return api.Check{Name: name, Critical: critical, Ask: func(context.Context) (string, error) { return "lag 0", *err }}
	}
	w := newWorld(t, func(c *api.Config) {
		c.Checks = []api.Check{check("database", true, &down), check("nats", false, &away)}
	})
	if a := w.get("/readyz", anonymous); a.StatusCode != http.StatusOK || a.text("status") != "ready" {
		t.Errorf("%d %s", a.StatusCode, a.raw)
	}
	away = errors.New("dial nats.internal: refused")
	if a := w.get("/readyz", anonymous); a.StatusCode != http.StatusOK || strings.Contains(string(a.raw), "internal") {
		t.Errorf("nats away: %d %s", a.StatusCode, a.raw)
	}
	down = errors.New("gone")
	if a := w.get("/readyz", anonymous); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		t.Errorf("database gone: %d %s", a.StatusCode, a.raw)
	}
	if a := w.get("/healthz", anonymous); a.StatusCode != http.StatusOK {
		t.Errorf("alive: %d", a.StatusCode)
	}
}

func TestMetricsAndLogsNameTemplatesAndNeverSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *api.Config) { c.LogRequests = true })
	payment := w.authorized("1000")
	w.get("/v1/payments/" + payment + "?colour=forged%0Aline")
	w.get("/nope/" + payment)
	metrics := string(w.get("/metrics", anonymous).raw)
	for _, want := range []string{
		`paymint_http_requests_total{method="POST",route="/v1/payments",status="201"} 1`,
		`paymint_http_requests_total{method="GET",route="/v1/payments/{id}",status="400"} 1`,
		`paymint_http_requests_total{method="other",route="unknown",status="404"} 1`,
		`paymint_http_request_duration_seconds_count{method="POST",route="/v1/payments"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	for where, text := range map[string]string{"metrics": metrics, "log": w.logged.String()} {
		for _, secret := range []string{w.secret, payment, "forged"} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s contain %s", where, secret)
			}
		}
	}
	if !strings.Contains(w.logged.String(), `"route":"/v1/payments/{id}"`) || !strings.Contains(w.logged.String(), w.ours.ID.String()) {
		t.Errorf("log: %s", w.logged.String())
	}
}
