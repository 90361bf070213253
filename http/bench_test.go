package api_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	api "github.com/paymint/paymint/http"
)

// instant answers every authorization from one prepared history, so that what is
// measured is HTTP, key, JSON and rendering alone.
type instant struct {
	api.Desk
	history []payment.Recorded
}

func newInstant() instant {
	payid := id.From[id.Payment](uuid.Must(uuid.NewV7()))
	reference := id.From[id.Reference](uuid.Must(uuid.NewV7()))
	now := time.Now()
	history := []payment.Recorded{
		{Version: 1, RecordedAt: now, EffectiveAt: now, Event: payment.AuthorizationRequested{
			Payment: payid, Merchant: id.From[id.Merchant](uuid.Must(uuid.NewV7())), Reference: reference, Gateway: "sandbox", Amount: 1999,
			Currency: "eur", Instrument: payment.Instrument{ID: "pm_test_visa", Type: "card", Brand: "visa", LastFour: "4242"},
			Description: "Order 1001", Metadata: map[string]string{"order_id": "1001"}, Deadline: now,
		}},
		{Version: 2, RecordedAt: now, EffectiveAt: now, Event: payment.Authorized{Reference: reference, Amount: 1999, NetworkTransactionID: "123456789012345", ExpiresAt: now.Add(7 * 24 * time.Hour)}},
	}
	return instant{history: history}
}

func (d instant) Authorize(_ context.Context, call commands.Call, _ commands.Authorize) (commands.Reply, error) {
	reply := commands.Reply{Answer: call.Render(commands.Result{History: d.history, State: payment.Fold(payment.State{}, d.history)})}
	reply.Position.Number = 123456
	return reply, nil
}

const benchBody = `{"amount":1999,"currency":"eur","payment_method_id":"pm_test_visa","description":"Order 1001","metadata":{"order_id":"1001"}}`

// BenchmarkCreatePaymentHandler is everything but net/http's own reading and writing.
func BenchmarkCreatePaymentHandler(b *testing.B) {
	w := newWorld(b, func(c *api.Config) { c.Desk = newInstant() })
	handler := w.server.Handler()
	request := httptest.NewRequest(http.MethodPost, "/v1/payments", http.NoBody)
	request.Header.Set("Authorization", "Bearer "+w.secret)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", uuid.NewString())
	request.ContentLength = int64(len(benchBody))
	reader := bytes.NewReader(nil)
	out := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset([]byte(benchBody))
		request.Body = readCloser{reader}
		clear(out.header)
		handler.ServeHTTP(out, request)
	}
	if out.status != http.StatusCreated {
		b.Fatal(out.status)
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkCreatePaymentLoopback is a request over a real connection, the client's
// writing and reading of raw bytes included.
func BenchmarkCreatePaymentLoopback(b *testing.B) {
	w := newWorld(b, func(c *api.Config) { c.Desk = newInstant() })
	request := fmt.Appendf(nil, "POST /v1/payments HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\nIdempotency-Key: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		w.secret, uuid.NewString(), len(benchBody), benchBody)
	b.ReportAllocs()
	before := cpu(b)
	defer func() { b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1000, "µs-cpu/op") }()
	b.RunParallel(func(p *testing.PB) {
		conn, err := net.Dial("tcp", w.base[len("http://"):])
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		buffer := make([]byte, 8192)
		for p.Next() {
			if _, err := conn.Write(request); err != nil {
				b.Error(err)
				return
			}
			n, err := conn.Read(buffer) // Content-Length is set, so an answer comes in one piece
			if err != nil || !bytes.HasPrefix(buffer[:n], []byte("HTTP/1.1 201")) {
				b.Errorf("%v %s", err, buffer[:n])
				return
			}
		}
	})
}

// cpu is what this process has used, user and system, in nanoseconds: client and server.
func cpu(b *testing.B) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
