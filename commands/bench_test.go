package commands_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/eventstore"
)

var answer = []byte(`{"object":"payment"}`)

func plain(commands.Result) commands.Answer { return commands.Answer{Status: 201, Body: answer} }

// BenchmarkAuthorize is a whole authorization on a log and a book in memory. What
// store and book cost of it is in their own benchmarks.
func BenchmarkAuthorize(b *testing.B) {
	w := newWorld(b, func(c *commands.Config) { c.Metrics = prometheus.NewRegistry() })
	b.ReportAllocs()
	for b.Loop() {
		call := w.call(newKey(), "")
		call.Render = plain
		if _, err := w.desk.Authorize(b.Context(), call, card("pm_test_visa", 5000)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeskAlone is the desk's own share: the log says yes at once, and keeps
// nothing.
func BenchmarkDeskAlone(b *testing.B) {
	w := newWorld(b, func(c *commands.Config) { c.Metrics = prometheus.NewRegistry() })
	w.config.Log, w.config.Metrics = yes{w.log}, prometheus.NewRegistry()
	w.config.Gateways = []commands.Gateway{intercepted{Gateway: w.gateway, authorize: func(_ context.Context, a acquirer.Authorize) (acquirer.Answer, error) {
		return acquirer.Answer{Reference: a.Reference, Outcome: acquirer.Approved, Amount: a.Amount, ExpiresAt: a.At}, nil
	}}}
	w.reopen()
	b.ReportAllocs()
	for b.Loop() {
		call := w.call("0d1f6f2e-3c6b-4b0c-8a54-5f3a2f1c9e77", "")
		call.Render = plain
		if _, err := w.desk.Authorize(b.Context(), call, card("pm_test_visa", 5000)); err != nil {
			b.Fatal(err)
		}
	}
}

// yes is a log that takes everything and keeps nothing.
type yes struct{ commands.Log }

func (yes) Append(context.Context, int, eventstore.Command) (eventstore.Receipt, error) {
	return eventstore.Receipt{Last: eventstore.Position{Number: 1}}, nil
}

// BenchmarkAuthorizeBatch is a batch of 100; the figure to read is ns/payment.
func BenchmarkAuthorizeBatch(b *testing.B) {
	w := newWorld(b, func(c *commands.Config) { c.Metrics = prometheus.NewRegistry() })
	w.principal = access.Principal{Merchant: w.principal.Merchant, Key: id.From[id.Key](uuid.Must(uuid.NewV7()))}
	items := make([]commands.Item, commands.BatchItemsMax)
	b.ReportAllocs()
	for b.Loop() {
		for i := range items {
			items[i] = w.item("pm_test_visa", 5000)
			items[i].Call.Render = plain
		}
		for _, r := range w.desk.AuthorizeBatch(b.Context(), items) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(items)), "ns/payment")
}
