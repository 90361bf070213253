package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	visibilityPause  = 50 * time.Millisecond
	visibilityPoll   = 2 * time.Millisecond
	visibilityWindow = 10 * time.Second
)

// probeVisibility authorizes a payment twenty times a second beside the load and
// polls the list until the payment stands in it: the time from the answer of the
// command (so from its commit) until a reader who asks for nothing special sees it.
func probeVisibility(ctx context.Context, s *server) (*hdrhistogram.Histogram, error) {
	c, err := dial(s.Address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	latency := newHistogram()
	create := newAuthorize(s.Address, []string{s.Secret}, rand.IntN(1<<30)+1<<20, nil) //nolint:gosec // load, not secrets
	for ctx.Err() == nil {
		answer, err := c.exchange(create.request())
		if err != nil {
			return nil, fmt.Errorf("probe: %w", err)
		}
		if answer.status == 201 {
			seen, err := c.awaitListed(s, create.currentKey())
			if err != nil {
				return nil, err
			}
			_ = latency.RecordValue(max(1, seen.Microseconds()))
		}
		select {
		case <-ctx.Done():
		case <-time.After(visibilityPause):
		}
	}
	return latency, nil
}

// awaitListed polls the list, found by idempotency key (at thousands a second the
// newest page has moved on before it can be read).
func (c *connection) awaitListed(s *server, key string) (time.Duration, error) {
	start := time.Now()
	list := get(s.Address, "/v1/payments?idempotency_key="+key, s.Secret)
	for {
		answer, err := c.exchange(list)
		if err != nil {
			return 0, fmt.Errorf("probe: %w", err)
		}
		if answer.status != 200 {
			return 0, wrongStatus(answer)
		}
		if waited := time.Since(start); paymentID(answer.body) != "" || waited > visibilityWindow {
			return waited, nil
		}
		time.Sleep(visibilityPoll)
	}
}
