package api_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	api "github.com/paymint/paymint/http"
)

// newWorld2 is a world whose client speaks HTTP/2 without TLS; dialled counts its
// connections.
func newWorld2(t *testing.T, change ...func(*api.Config)) (w *world, dialled *atomic.Int64) {
	t.Helper()
	w = newWorld(t, append(change, func(c *api.Config) { c.HTTP2 = true })...)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	dialled = new(atomic.Int64)
	w.client = &http.Client{Transport: &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}}}
	return w, dialled
}

func TestManyRequestsShareOneConnectionOfHTTP2(t *testing.T) {
	t.Parallel()
	w, dialled := newWorld2(t)
	if a := w.create(creation("pm_test_visa", "1000")); a.StatusCode != http.StatusCreated || a.ProtoMajor != 2 {
		t.Fatalf("%s %d %s", a.Proto, a.StatusCode, a.raw)
	}
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			a := w.create(creation("pm_test_visa", "1000"))
			if a.StatusCode != http.StatusCreated || a.ProtoMajor != 2 {
				t.Errorf("%s %d %s", a.Proto, a.StatusCode, a.raw)
			}
			if got := w.get("/v1/payments/" + a.text("id")); got.StatusCode != http.StatusOK || got.text("id") != a.text("id") {
				t.Errorf("%d %s", got.StatusCode, got.raw)
			}
		})
	}
	callers.Wait()
	if n := dialled.Load(); n != 1 {
		t.Errorf("%d connections for requests that fit one", n)
	}
	list := w.get("/v1/payments?limit=100") // more than one frame
	if list.StatusCode != http.StatusOK || len(idsOf(list)) != 33 || len(list.raw) < 16<<10 {
		t.Errorf("list: %d, %d payments in %d bytes", list.StatusCode, len(idsOf(list)), len(list.raw))
	}
}

func TestHTTP2AnswersAsHTTP1Does(t *testing.T) {
	t.Parallel()
	w, _ := newWorld2(t)
	second := w.client
	path := "/v1/payments/" + w.captured("1000")
	type call struct {
		method, path, body string
		options            []option
	}
	for name, c := range map[string]call{
		"retrieve":       {http.MethodGet, path, "", nil},
		"head":           {http.MethodHead, path, "", nil},
		"options":        {http.MethodOptions, path, "", nil},
		"no such path":   {http.MethodGet, "/nope", "", nil},
		"no such method": {http.MethodDelete, path, "", nil},
		"no key":         {http.MethodGet, path, "", []option{anonymous}},
		"too large":      {http.MethodPost, "/v1/payments", strings.Repeat(" ", 300<<10), []option{key(uuid.NewString())}},
		"large batch":    {http.MethodPost, "/v1/payments/batch", `{"payments":[` + strings.Repeat(" ", 900<<10) + `]}`, nil},
		"no body":        {http.MethodPost, path + "/cancel", "", nil},
		"bad JSON":       {http.MethodPost, "/v1/payments", `{`, []option{key(uuid.NewString())}},
	} {
		w.client = second
		two := w.send(c.method, c.path, c.body, c.options...)
		w.client = http.DefaultClient
		one := w.send(c.method, c.path, c.body, c.options...)
		if two.ProtoMajor != 2 || one.ProtoMajor != 1 {
			t.Fatalf("%s: %s and %s", name, two.Proto, one.Proto)
		}
		bare := func(a answer) string {
			return strings.ReplaceAll(string(a.raw), a.Header.Get("Paymint-Request-Id"), "")
		}
		if one.StatusCode != two.StatusCode || bare(one) != bare(two) || one.Header.Get("Allow") != two.Header.Get("Allow") {
			t.Errorf("%s: HTTP/1.1 %d %s, HTTP/2 %d %s", name, one.StatusCode, one.raw, two.StatusCode, two.raw)
		}
	}
}

func TestStoppingLosesNoAcceptedRequestOfHTTP2(t *testing.T) {
	t.Parallel()
	const callers = 8
	h := held{entered: make(chan struct{}), leave: make(chan struct{})}
	w, _ := newWorld2(t, func(c *api.Config) { h.Desk = c.Desk; c.Desk = h })
	answers := make(chan answer, callers)
	for range callers {
		go func() { answers <- w.create(creation("pm_test_visa", "1000")) }()
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
		if a := <-answers; a.StatusCode != http.StatusCreated || a.ProtoMajor != 2 {
			t.Errorf("%s %d %s", a.Proto, a.StatusCode, a.raw)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestElevenKilobytesOfHeaderAreTakenOverHTTP2(t *testing.T) {
	t.Parallel()
	w, _ := newWorld2(t)
	if a := w.get("/healthz", anonymous, header("X", strings.Repeat("a", 11<<10))); a.StatusCode != http.StatusOK {
		t.Errorf("%d %s", a.StatusCode, a.raw)
	}
}
