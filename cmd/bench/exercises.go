package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
)

// authorize sends POST /v1/payments with a fresh idempotency key each time.
type authorize struct {
	random   *rand.Rand
	requests [][]byte // one per merchant key
	key      []byte   // where the idempotency key stands in the current request
	ids      *[]string
}

const idempotencyKeyBlank = "00000000-0000-4000-8000-000000000000"

func newAuthorize(host string, secrets []string, caller int, ids *[]string) *authorize {
	a := &authorize{random: rand.New(rand.NewPCG(uint64(caller), 77)), ids: ids} //nolint:gosec // load, not secrets
	for _, secret := range secrets {
		a.requests = append(a.requests, post(host, "/v1/payments", secret, idempotencyKeyBlank,
			`{"amount":1250,"currency":"eur","payment_method_id":"pm_test_visa","description":"Order 1042"}`))
	}
	return a
}

func (a *authorize) request() []byte {
	request := a.requests[0]
	if len(a.requests) > 1 {
		request = a.requests[a.random.IntN(len(a.requests))]
	}
	at := bytes.Index(request, []byte("Idempotency-Key: ")) + len("Idempotency-Key: ")
	a.key = request[at : at+36]
	putUUID(a.key, a.random)
	return request
}

// currentKey is the idempotency key of the latest request.
func (a *authorize) currentKey() string { return string(a.key) }

func (a *authorize) accept(answer response) error {
	if answer.status != 201 {
		return wrongStatus(answer)
	}
	if a.ids != nil {
		*a.ids = append(*a.ids, paymentID(answer.body))
	}
	return nil
}

// batch sends POST /v1/payments/batch with 100 payments.
type batch struct {
	random *rand.Rand
	body   []byte
	keys   []int
}

const batchSize = 100

func newBatch(host, secret string, caller int) *batch {
	items := make([]string, batchSize)
	for i := range items {
		items[i] = `{"amount":1250,"currency":"eur","payment_method_id":"pm_test_visa","idempotency_key":"` + idempotencyKeyBlank + `"}`
	}
	b := &batch{random: rand.New(rand.NewPCG(uint64(caller), 99))} //nolint:gosec // load, not secrets
	b.body = post(host, "/v1/payments/batch", secret, "", `{"payments":[`+strings.Join(items, ",")+`]}`)
	for at := 0; ; {
		i := bytes.Index(b.body[at:], []byte(idempotencyKeyBlank))
		if i < 0 {
			return b
		}
		b.keys = append(b.keys, at+i)
		at += i + 36
	}
}

func (b *batch) request() []byte {
	for _, at := range b.keys {
		putUUID(b.body[at:at+36], b.random)
	}
	return b.body
}

func (b *batch) accept(answer response) error {
	if answer.status != 207 {
		return wrongStatus(answer)
	}
	if n := bytes.Count(answer.body, []byte(`"status":201`)); n != batchSize {
		return fmt.Errorf("%d of %d items accepted: %.300s", n, batchSize, answer.body)
	}
	return nil
}

// fixed sends ready-made requests: each once, shared out among the callers by
// next, or, without it, at random for ever.
type fixed struct {
	random   *rand.Rand
	requests [][]byte
	next     *atomic.Int64
	want     int
}

func (f *fixed) request() []byte {
	if f.next != nil {
		return f.requests[int(f.next.Add(1)-1)%len(f.requests)]
	}
	return f.requests[f.random.IntN(len(f.requests))]
}

func (f *fixed) accept(answer response) error {
	if answer.status != f.want {
		return wrongStatus(answer)
	}
	return nil
}

func get(host, path, secret string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, host, secret)
}

func post(host, path, secret, key, body string) []byte {
	if key != "" {
		key = "Idempotency-Key: " + key + "\r\n"
	}
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, host, secret, key, len(body), body)
}

// putUUID writes a random UUID of version 4 over the 36 bytes of b.
func putUUID(b []byte, random *rand.Rand) {
	var u [16]byte
	for i, half := range []uint64{random.Uint64(), random.Uint64()} {
		for j := range 8 {
			u[i*8+j] = byte(half >> (8 * j))
		}
	}
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
}

// paymentID finds the id in a payment's JSON; the first "id" member is the payment's own.
func paymentID(body []byte) string {
	_, rest, _ := bytes.Cut(body, []byte(`"id":"`))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}
