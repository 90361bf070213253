package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// growth measures append and retrieve on an empty store, fills the log up to
// o.history events, and measures again.
func growth(ctx context.Context, o options, work string) ([]row, error) {
	dir := filepath.Join(work, "growth")
	s, err := startServer(ctx, o.binary, dir)
	if err != nil {
		return nil, err
	}
	b := &bench{server: s, seconds: o.seconds, open: o.open, progress: os.Stdout}
	defer func() { _ = s.stop() }()
	if err := b.appendAndRetrieve(ctx, "empty store"); err != nil {
		return b.rows, err
	}
	if err := b.fill(ctx, o); err != nil {
		return b.rows, err
	}
	return b.rows, b.appendAndRetrieve(ctx, fmt.Sprintf("%d M events", o.history/1_000_000))
}

// appendAndRetrieve is what must not grow with history: authorize, and retrieve of
// payments from all over it.
func (b *bench) appendAndRetrieve(ctx context.Context, when string) error {
	if err := b.run(ctx, b.authorizations("authorize, "+when, b.closed(64))); err != nil {
		return err
	}
	ids, err := b.payments(ctx, 2_000)
	if err != nil {
		return err
	}
	b.known = append(b.known, ids...)
	requests := make([][]byte, len(b.known))
	for i, id := range b.known {
		requests[i] = get(b.server.Address, "/v1/payments/"+id, b.server.Secret)
	}
	return b.run(ctx, scenario{name: "retrieve, " + when, load: b.closed(64), each: func(caller int) exercise {
		return &fixed{random: rand.New(rand.NewPCG(uint64(caller), 8)), requests: requests, want: 200} //nolint:gosec // load, not secrets
	}})
}

// fill authorizes in batches of 100 until the log holds o.history events (two a
// payment), by the API: the read models and JetStream grow with it.
func (b *bench) fill(ctx context.Context, o options) error {
	requests := int64(o.history / 2 / batchSize)
	fmt.Fprintf(b.progress, "filling the log to %d events …\n", o.history)
	start := time.Now()
	m, err := run(ctx, b.server.Address, load{Callers: 4, Count: requests, Duration: hour}, func(caller int) exercise {
		return newBatch(b.server.Address, b.server.Secret, caller+rand.IntN(1<<30)) //nolint:gosec // load, not secrets
	})
	if err != nil {
		return err
	}
	if m.Failed > 0 {
		return fmt.Errorf("fill the log: %d batches failed: %s", m.Failed, m.FirstFailure)
	}
	fmt.Fprintf(b.progress, "%d payments in %s (%.0f/s)\n", m.Accepted*batchSize, time.Since(start).Round(time.Second), m.perSecond()*batchSize)
	return nil
}
