package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/commands"
	api "github.com/paymint/paymint/http"
)

func TestTheFrameworksRefusalsWearTheEnvelope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/nope", "/v1", "/v1/payments/", "/v1/payment", "/V1/payments", "/v1/payments/batch/x/y", "//v1/payments"} {
		a := w.get(path)
		if a.StatusCode != http.StatusNotFound || a.code() == "" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.raw)
		}
	}
	a := w.send(http.MethodDelete, "/v1/payments", "")
	wants(t, a, http.StatusMethodNotAllowed, "method_not_allowed")
	for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS"} {
		if !strings.Contains(a.Header.Get("Allow"), method) {
			t.Errorf("Allow %q lacks %s", a.Header.Get("Allow"), method)
		}
	}
	for _, name := range []string{"Paymint-Request-Id", "X-Request-Id", "Paymint-Version", "X-Content-Type-Options", "Cache-Control"} {
		if a.Header.Get(name) == "" {
			t.Errorf("a 405 has no %s", name)
		}
	}
}

func TestHeadAndOptionsAnswerWithoutABody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/payments/" + w.authorized("1000")
	full, head := w.get(path), w.send(http.MethodHead, path, "")
	if head.StatusCode != http.StatusOK || len(head.raw) != 0 || head.ContentLength != int64(len(full.raw)) || head.Header.Get("Etag") != full.Header.Get("Etag") {
		t.Errorf("HEAD: %d, %d bytes, Content-Length %d", head.StatusCode, len(head.raw), head.ContentLength)
	}
	options := w.send(http.MethodOptions, "/v1/payments", "", anonymous)
	if options.StatusCode != http.StatusNoContent || options.Header.Get("Allow") == "" {
		t.Errorf("OPTIONS: %d Allow %q", options.StatusCode, options.Header.Get("Allow"))
	}
}

func TestAnIdHasOneSpelling(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	payment := w.authorized("1000")
	for _, id := range []string{
		strings.ToUpper(payment), payment + "x", payment[:len(payment)-1], "ref" + payment[3:], payment + "%00", payment + "%2F", payment + "/x",
		"%20" + payment, strings.Replace(payment, "_", "-", 1), "pay_", "pay_8zzzzzzzzzzzzzzzzzzzzzzzzz", "pay_00000000000000000000000000", "%F0%9F%92%B3",
	} {
		if a := w.get("/v1/payments/" + id); a.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d %s", id, a.StatusCode, a.raw)
		}
	}
}

func TestOnlyPlainJSONIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good := creation("pm_test_visa", "1000")
	with := func(value string) option { return func(r *http.Request) { r.Header.Set("Content-Type", value) } }
	for _, value := range []string{"application/json; charset=utf-8", "application/json;charset=UTF-8"} {
		if a := w.create(good, with(value)); a.StatusCode != http.StatusCreated {
			t.Errorf("%s: %d", value, a.StatusCode)
		}
	}
	for _, value := range []string{"", "text/plain", "application/json; charset=latin1", "application/json, text/plain", "application/jsonp", "application/vnd.api+json", "multipart/form-data", "application/json; charset=utf-8; x=y"} {
		wants(t, w.create(good, with(value)), 415, "unsupported_media_type")
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = io.WriteString(writer, good)
	_ = writer.Close()
	wants(t, w.create(packed.String(), header("Content-Encoding", "gzip")), 415, "content_encoding_not_accepted")
	wants(t, w.create(good, header("Content-Encoding", "identity")), 415, "content_encoding_not_accepted")
}

func TestABodyHasItsLargestSize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pad := func(n int) string { return `{"amount":1,` + strings.Repeat(" ", n) + `"x":1}` }
	wants(t, w.create(pad(256<<10)), 413, "request_too_large")
	wants(t, w.create(pad(100<<10)), 400, "parameter_missing")
	unsized := func(r *http.Request) { r.ContentLength = -1 }
	wants(t, w.create(pad(256<<10), unsized), 413, "request_too_large")
	wants(t, w.post("/v1/payments/batch", pad(300<<10)), 400, "parameter_missing")
	wants(t, w.post("/v1/payments/batch", pad(1<<20)), 413, "request_too_large")
}

func TestAnUnknownVersionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if a := w.get("/v1/payments", header("Paymint-Version", "2026-04-01")); a.StatusCode != http.StatusOK {
		t.Error(a.StatusCode)
	}
	for _, bad := range []string{"2020-01-01", "latest", ""} {
		wants(t, w.get("/v1/payments", header("Paymint-Version", bad)), 400, "api_version_unknown")
	}
}

// raw writes bytes to a connection of its own and reads the answer.
func (w *world) raw(t *testing.T, text string) (status int, body, whole string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, "", err.Error()
	}
	defer response.Body.Close()
	read, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(read), fmt.Sprint(response.Header)
}

func TestWhatIsNotHTTPWearsTheEnvelopeToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		text, code string
		status     int
	}{
		"no HTTP":            {"hello\r\n\r\n", "request_malformed", 400},
		"no host":            {"GET / HTTP/1.1\r\n\r\n", "request_malformed", 400},
		"two hosts":          {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "request_malformed", 400},
		"header with NUL":    {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "request_malformed", 400},
		"two lengths":        {"POST /v1/payments HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "request_malformed", 400},
		"length not numeric": {"POST /v1/payments HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n{}", "request_malformed", 400},
		"odd encoding":       {"POST /v1/payments HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer_encoding_not_implemented", 501},
		"large header":       {"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 17<<10) + "\r\n\r\n", "header_too_large", 431},
		"odd expectation":    {"GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", "expectation_failed", 417},
	} {
		status, body, headers := w.raw(t, c.text)
		if status != c.status || !strings.Contains(body, `"code":"`+c.code+`"`) || !strings.Contains(headers, "Paymint-Request-Id") {
			t.Errorf("%s: %d %s %s", name, status, headers, body)
		}
	}
}

func TestFifteenKilobytesOfHeaderAreTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if status, body, _ := w.raw(t, "GET /healthz HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("a", 15<<10)+"\r\n\r\n"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}

func TestWhoSendsAHeaderDropByDropIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	began := time.Now()
	_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ")
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, err = io.ReadAll(conn) // ends when the server closes
	if took := time.Since(began); err != nil || took > 10*time.Second || took < time.Second {
		t.Errorf("cut off after %v, %v; want two seconds", took, err)
	}
}

func TestABodyThatEndsEarlyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "POST /v1/payments HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "+w.secret+"\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"amount\":")
	_ = conn.(*net.TCPConn).CloseWrite()
	read, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(read), "HTTP/1.1 400") || !strings.Contains(string(read), "invalid_json") {
		t.Errorf("%s", read)
	}
}

// held is a desk that keeps its callers until told.
type held struct {
	api.Desk
	entered chan struct{}
	leave   chan struct{}
}

func (h held) Authorize(ctx context.Context, call commands.Call, wish commands.Authorize) (commands.Reply, error) {
	h.entered <- struct{}{}
	<-h.leave
	return h.Desk.Authorize(ctx, call, wish)
}

func TestStoppingLosesNoAcceptedRequest(t *testing.T) {
	t.Parallel()
	const callers = 8
	h := held{entered: make(chan struct{}), leave: make(chan struct{})}
	w := newWorld(t, func(c *api.Config) { h.Desk = c.Desk; c.Desk = h })
	answers := make(chan answer, callers)
	for range callers {
		go func() { answers <- w.post("/v1/payments", creation("pm_test_visa", "1000"), key(uuid.NewString())) }()
	}
	for range callers {
		<-h.entered
	}
	stopped := make(chan error, 1)
	go func() { stopped <- w.server.Shutdown(context.Background()) }()
	for { // until the listener is closed
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.base, "http://"))
		if err != nil {
			break
		}
		conn.Close()
	}
	close(h.leave)
	for range callers {
		if a := <-answers; a.StatusCode != http.StatusCreated {
			t.Errorf("%d %s", a.StatusCode, a.raw)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestATypeForNoBodyDoesNotMatter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form := func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") } // curl -d ''
	if a := w.post("/v1/payments/"+w.authorized("1000")+"/capture", "", form); a.StatusCode != http.StatusOK {
		t.Errorf("capture without a body: %d %s", a.StatusCode, a.raw)
	}
	wants(t, w.post("/v1/payments/"+w.authorized("1000")+"/capture", "{}", form), 415, "unsupported_media_type")
	wants(t, w.create("", form), 415, "unsupported_media_type")
}
