package api

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
)

func FuzzQuery(f *testing.F) {
	for _, raw := range []string{"limit=3&status=captured", "metadata[a]=b&metadata%5Bc%5D=d", "a=%zz", "a=1&a=2", "fields=id,amount", "created_gte=2026-04-11T14:30:00Z", "&&=&", "a;b=c", "%00=%ff"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q := parseQuery(raw)
		q.integer("limit", 1, limitMax, limitDefault)
		q.through("created_lte")
		q.fields(map[string]bool{"id": true})
		for key := range q.metadata() {
			if !metadataKey(key) {
				t.Fatalf("key %q came through", key)
			}
		}
		for _, p := range q.pairs {
			if !plainText(p.name) || !plainText(p.value) {
				t.Fatalf("%q=%q came through", p.name, p.value)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	c := cursors{key: bytes.Repeat([]byte{3}, 32)}
	list := []byte("payments")
	good := c.seal(list, place{Key: 1, ID: uuid.Max})
	for _, text := range []string{good, good[:len(good)-1], "crs_", "", "crs_AAAA", good + "="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		where, ok := c.open(list, text)
		if !ok {
			return
		}
		if c.seal(list, where) != text {
			t.Fatalf("%q opens, and is not how its place is written", text)
		}
		if text != good {
			t.Fatalf("%q was forged", text)
		}
	})
}

func FuzzPaymentID(f *testing.F) {
	for _, text := range []string{"pay_01h455vb4pex5vsknk084sn02q", "PAY_01H455", "pay_", "pay_8zzzzzzzzzzzzzzzzzzzzzzzzz", "ref_01h455vb4pex5vsknk084sn02q"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if payment, err := id.Parse[id.Payment](text); err == nil && payment.String() != text {
			t.Fatalf("%q has another spelling: %s", text, payment)
		}
	})
}

func FuzzPosition(f *testing.F) {
	for _, text := range []string{"0.1", "1.18446744073709551615", "00.1", "1", "1.2.3", "-1.2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if lane, number, ok := parsePosition(text); ok && (lane < 0 || number < 0) {
			t.Fatalf("%q is %d.%d", text, lane, number)
		}
	})
}

func FuzzBareAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n\r\n{}"))
	f.Add([]byte("HTTP/1.1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if status, bare := bareAnswer(b); bare && (status < 400 || status > 999) {
			t.Fatalf("%q is %d", b, status)
		}
	})
}
