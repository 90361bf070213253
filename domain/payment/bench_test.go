package payment_test

import (
	"testing"

	"github.com/paymint/paymint/domain/payment"
)

// usual is an authorization as most are: no customer, no metadata.
func usual() payment.Event {
	e := requested()
	e.Description, e.StatementDescriptor, e.Instrument.Fingerprint = "Order 17", "PAYMINT*SHOES", "fp_7Hq2"
	return e
}

func benchmarked() map[string]payment.Event {
	return map[string]payment.Event{
		"requested": usual(), "requested, every field": samples()[0], "authorized": samples()[1], "failed": samples()[2], "captured": samples()[10],
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, e := range benchmarked() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			buffer := make([]byte, 0, 2048)
			for b.Loop() {
				if _, _, err := payment.AppendEncode(buffer, e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, e := range benchmarked() {
		typ, schema, body, err := payment.Encode(e)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := payment.Decode(typ, schema, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFold(b *testing.B) {
	life := []payment.Recorded{{Version: 1, Event: samples()[0]}, {Version: 2, Event: samples()[1]}, {Version: 3, Event: samples()[10]}, {Version: 4, Event: samples()[11]}}
	b.ReportAllocs()
	for b.Loop() {
		if s := payment.Fold(payment.State{}, life); s.Version != 4 {
			b.Fatal(s)
		}
	}
}

func BenchmarkEvolve(b *testing.B) {
	s := payment.Evolve(payment.State{}, samples()[0])
	authorized := samples()[1]
	b.ReportAllocs()
	for b.Loop() {
		if payment.Evolve(s, authorized).Version != 2 {
			b.Fatal()
		}
	}
}

// What reflection costs, for comparison.
func BenchmarkDecodeByReflection(b *testing.B) {
	_, _, body, err := payment.Encode(usual())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readStrictly[payment.AuthorizationRequested](body); err != nil {
			b.Fatal(err)
		}
	}
}
