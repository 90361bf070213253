package payment_test

import (
	"testing"

	"github.com/paymint/paymint/domain/payment"
)

func BenchmarkEncode(b *testing.B) {
	for _, e := range samples()[:3] {
		b.Run(e.Type(), func(b *testing.B) {
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
	for _, e := range samples()[:3] {
		typ, schema, body, err := payment.Encode(e)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(typ, func(b *testing.B) {
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
