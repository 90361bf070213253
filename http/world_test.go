package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/eventstore/memory"
	"github.com/paymint/paymint/gateways/sandbox"
	api "github.com/paymint/paymint/http"
)

var pepper = bytes.Repeat([]byte{9}, 32)

// world is the API with the real desk behind it, on a log and a sandbox in memory,
// listening on loopback.
type world struct {
	t      testing.TB
	log    *memory.Log
	desk   *commands.Desk
	keys   *keys
	views  *views
	server *api.Server
	base   string
	ours   merchant.State
	// merchants tells how merchants stand.
	merchants *commands.MerchantCache
	secret    string // test key with all of the merchant's scopes
	logged    *lockedBuffer
	client    *http.Client
}

func newWorld(t testing.TB, change ...func(*api.Config)) *world {
	t.Helper()
	w := &world{t: t, log: memory.New(), keys: &keys{known: map[access.Digest]access.Key{}}, logged: &lockedBuffer{}}
	w.views = &views{log: w.log}
	cache := commands.NewMerchantCache(w.log, time.Now)
	w.merchants = cache
	var err error
	w.desk, err = commands.New(commands.Config{
		Log: w.log, Lanes: w.log, Pepper: pepper, Router: commands.FixedRoutes{Test: []string{sandbox.Name}, Live: []string{sandbox.Name}},
		Gateways:    []commands.Gateway{sandbox.New(sandbox.Config{Book: sandbox.NewMemory(), BaseURL: "http://paymint.test"})},
		Instruments: sandbox.NewInstruments(bytes.Repeat([]byte{7}, 32)), Merchants: cache,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.ours = w.merchant("Tea House")
	w.secret = w.issue(w.ours.ID, access.KindSecret, false)
	registry := prometheus.NewRegistry()
	c := api.Config{
		Desk: w.desk, Payments: w.views, Refunds: refundViews{w.views}, Keys: w.keys, Merchants: cache, Challenges: w.views,
		LaneOf: w.laneOf, KeyOf: w.keys.byID, KeyPeppers: [][]byte{pepper}, CursorKey: bytes.Repeat([]byte{3}, 32), NoRateLimits: true,
		Metrics: registry, Gatherer: registry, Log: slog.New(slog.NewJSONHandler(w.logged, nil)), BaseURL: "https://docs.example",
	}
	for _, f := range change {
		f(&c)
	}
	if w.server, err = api.New(c); err != nil {
		t.Fatal(err)
	}
	w.listen()
	return w
}

func (w *world) listen() {
	w.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	w.base = "http://" + listener.Addr().String()
	w.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(listener) }()
	w.t.Cleanup(func() {
		w.client.CloseIdleConnections()
		_ = w.server.Close()
		if err := <-done; err != nil {
			w.t.Errorf("serve: %v", err)
		}
	})
}

func (w *world) merchant(name string) merchant.State {
	w.t.Helper()
	ctx := context.Background()
	created, err := w.desk.CreateMerchant(ctx, commands.Call{}, merchant.Create{
		BusinessName: name, MCC: "5499", Country: "DE", SettlementCurrency: "eur", APIVersion: "2026-04-01",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.desk.ActivateMerchant(ctx, commands.Call{}, created.State.ID); err != nil {
		w.t.Fatal(err)
	}
	return created.State
}

// issue makes a key and returns it in clear.
func (w *world) issue(whose id.Merchant, kind access.Kind, livemode bool, scopes ...access.Scope) string {
	w.t.Helper()
	secret, _ := w.issued(whose, kind, livemode, scopes...)
	return secret
}

// operator makes a secret key and returns it in clear, and its id.
func (w *world) operator(whose id.Merchant, livemode bool, scopes ...access.Scope) (secret, key string) {
	w.t.Helper()
	return w.issued(whose, access.KindSecret, livemode, scopes...)
}

func (w *world) issued(whose id.Merchant, kind access.Kind, livemode bool, scopes ...access.Scope) (secret, key string) {
	w.t.Helper()
	reply, err := w.desk.IssueKey(context.Background(), commands.Call{}, commands.IssueKey{Merchant: whose, Kind: kind, Livemode: livemode, Scopes: scopes})
	if err != nil {
		w.t.Fatal(err)
	}
	w.keys.add(reply.Secret.Digest(pepper), reply.Key)
	return reply.Secret.Reveal(), reply.Key.ID.String()
}

func (w *world) laneOf(ctx context.Context, m id.Merchant) (int, bool, error) {
	lane, err := w.log.LaneOf(ctx, m.UUID())
	return lane, err == nil, nil
}

// keys is the look-up of API keys, with switches for trouble.
type keys struct {
	mu       sync.Mutex
	known    map[access.Digest]access.Key
	revision int64
	lookups  int
	err      error
}

func (k *keys) add(digest access.Digest, key access.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[digest] = key
	k.revision++
}

func (k *keys) revoke(secret string) {
	parsed, _ := access.ParseSecret(secret)
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.known[parsed.Digest(pepper)]
	key.Revoked = true
	k.known[parsed.Digest(pepper)] = key
	k.revision++
}

func (k *keys) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *keys) ByDigest(_ context.Context, digest access.Digest) (access.Key, int, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lookups++
	key, found := k.known[digest]
	return key, 0, found, k.err
}

func (k *keys) byID(_ context.Context, key id.Key) (access.Key, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range k.known {
		if one.ID == key {
			return one, true, k.err
		}
	}
	return access.Key{}, false, k.err
}

func (k *keys) Revision(context.Context) (int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.revision, k.err
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// answer is what came back, its body read.
type answer struct {
	*http.Response
	raw  []byte
	body map[string]any
}

func (a answer) error() map[string]any {
	e, _ := a.body["error"].(map[string]any)
	return e
}

func (a answer) code() string { s, _ := a.error()["code"].(string); return s }

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

func (a answer) number(name string) int64 {
	n, _ := a.body[name].(json.Number)
	i, _ := n.Int64()
	return i
}

type option func(*http.Request)

func header(name, value string) option {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

func as(secret string) option {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }
}

func anonymous(r *http.Request) { r.Header.Del("Authorization") }

// send makes a request and holds the answer against openapi.yaml.
func (w *world) send(method, path, body string, options ...option) answer {
	w.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	request, err := http.NewRequest(method, w.base+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+w.secret)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, apply := range options {
		apply(request)
	}
	response, err := w.client.Do(request)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	a := answer{Response: response}
	if a.raw, err = io.ReadAll(response.Body); err != nil {
		w.t.Fatalf("%s %s: read the answer: %v", method, path, err)
	}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") && len(a.raw) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(a.raw))
		decoder.UseNumber()
		if err := decoder.Decode(&a.body); err != nil {
			w.t.Fatalf("%s %s: answer is no JSON: %v\n%s", method, path, err, a.raw)
		}
	}
	conforms(w.t, request, body, a)
	return a
}

func (w *world) get(path string, options ...option) answer {
	w.t.Helper()
	return w.send(http.MethodGet, path, "", options...)
}

func (w *world) post(path, body string, options ...option) answer {
	w.t.Helper()
	return w.send(http.MethodPost, path, body, options...)
}

func key(k string) option { return header("Idempotency-Key", k) }

// create makes a payment under a fresh key.
func (w *world) create(body string, options ...option) answer {
	w.t.Helper()
	return w.post("/v1/payments", body, append([]option{key(uuid.NewString())}, options...)...)
}

func creation(token string, amount string) string {
	return `{"amount":` + amount + `,"currency":"eur","payment_method_id":"` + token + `"}`
}

// authorized makes a payment and returns its id.
func (w *world) authorized(amount string) string {
	w.t.Helper()
	a := w.create(creation("pm_test_visa", amount))
	if a.StatusCode != http.StatusCreated {
		w.t.Fatalf("create: %d %s", a.StatusCode, a.raw)
	}
	return a.text("id")
}

func (w *world) captured(amount string) string {
	w.t.Helper()
	payment := w.authorized(amount)
	if a := w.post("/v1/payments/"+payment+"/capture", ""); a.StatusCode != http.StatusOK {
		w.t.Fatalf("capture: %d %s", a.StatusCode, a.raw)
	}
	return payment
}

// wants checks status and code.
func wants(t testing.TB, a answer, status int, code string) {
	t.Helper()
	if a.StatusCode != status || a.code() != code {
		t.Errorf("got %d %q, want %d %q: %s", a.StatusCode, a.code(), status, code, a.raw)
	}
}

func (w *world) noMerchant() id.Merchant { return id.Merchant{} }
