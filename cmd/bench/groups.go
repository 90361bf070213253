package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// group is a set of scenarios that share one fresh server (or need none).
type group struct {
	name        string
	environment []string
	scenarios   func(context.Context, options, *bench) error // on a fresh server
	alone       func(context.Context, options, string) ([]row, error)
}

var groups = []group{
	{name: "alone", scenarios: aloneGroup},
	{name: "authorize", scenarios: authorizeGroup},
	{name: "open", scenarios: openGroup},
	{name: "reads", scenarios: readsGroup},
	{name: "lifecycle", scenarios: lifecycleGroup},
	{name: "batch", scenarios: batchGroup},
	{name: "pool2", environment: []string{"PAYMINT_DB_POOL=2"}, scenarios: poolGroup},
	{name: "spread", scenarios: spreadGroup},
	{name: "calibrate", alone: calibrate},
	{name: "growth", alone: growth},
}

func groupNames() []string { // not from groups: that would be an initialization cycle
	return []string{"alone", "authorize", "open", "reads", "lifecycle", "batch", "pool2", "spread", "calibrate", "growth"}
}

func (g group) measureIn(ctx context.Context, o options, work string) ([]row, error) {
	fmt.Printf("── %s\n", g.name)
	if g.alone != nil {
		return g.alone(ctx, o, work)
	}
	dir := filepath.Join(work, g.name)
	s, err := startServer(ctx, o.binary, dir, g.environment...)
	if err != nil {
		return nil, err
	}
	b := &bench{server: s, seconds: o.seconds, open: o.open, progress: os.Stdout}
	err = g.scenarios(ctx, o, b)
	if stopping := s.stop(); err == nil {
		err = stopping
	}
	if !o.keep {
		_ = os.RemoveAll(dir)
	}
	return b.rows, err
}

func (b *bench) closed(callers int) load {
	return load{Callers: callers, Duration: time.Duration(b.seconds) * time.Second}
}

// openLoop has callers enough that a slow answer does not hold the next request back.
func (b *bench) openLoop(rate int) load {
	return load{Callers: 1024, Rate: rate, Duration: time.Duration(b.open) * time.Second}
}

// aloneGroup is one merchant's till: one request at a time, nobody else about.
func aloneGroup(ctx context.Context, _ options, b *bench) error {
	s := b.authorizations("authorize", b.closed(1))
	s.visible = false // the probe would be a second caller
	return b.run(ctx, s)
}

func authorizeGroup(ctx context.Context, _ options, b *bench) error {
	for _, callers := range []int{16, 64, 256, 1024} {
		if err := b.run(ctx, b.authorizations("authorize", b.closed(callers))); err != nil {
			return err
		}
	}
	return nil
}

func openGroup(ctx context.Context, o options, b *bench) error {
	rates := []int{5_000, 10_000, 15_000}
	if o.smoke {
		rates = []int{500}
	}
	for _, rate := range rates {
		if err := b.run(ctx, b.authorizations("authorize", b.openLoop(rate))); err != nil {
			return err
		}
	}
	return nil
}

// payments authorizes n payments and returns their ids.
func (b *bench) payments(ctx context.Context, n int) ([]string, error) {
	const callers = 64
	perCaller := make([][]string, callers)
	m, err := run(ctx, b.server.Address, load{Callers: callers, Count: int64(n), Duration: 5 * time.Minute}, func(caller int) exercise {
		return newAuthorize(b.server.Address, []string{b.server.Secret}, caller+rand.IntN(1<<30), &perCaller[caller]) //nolint:gosec // load, not secrets
	})
	if err != nil {
		return nil, err
	}
	if m.Failed > 0 {
		return nil, fmt.Errorf("prepare %d payments: %d failed: %s", n, m.Failed, m.FirstFailure)
	}
	var ids []string
	for _, some := range perCaller {
		ids = append(ids, some...)
	}
	return ids, nil
}

func readsGroup(ctx context.Context, o options, b *bench) error {
	n := 50_000
	if o.smoke {
		n = 500
	}
	ids, err := b.payments(ctx, n)
	if err != nil {
		return err
	}
	retrieves := make([][]byte, len(ids))
	for i, id := range ids {
		retrieves[i] = get(b.server.Address, "/v1/payments/"+id, b.server.Secret)
	}
	lists := [][]byte{get(b.server.Address, "/v1/payments?limit=25", b.server.Secret)}
	for _, reads := range []struct {
		name     string
		requests [][]byte
		rate     int
	}{{"retrieve", retrieves, 20_000}, {"list of 25", lists, 8_000}} {
		each := func(caller int) exercise {
			return &fixed{random: rand.New(rand.NewPCG(uint64(caller), 5)), requests: reads.requests, want: 200} //nolint:gosec // load, not secrets
		}
		for _, l := range []load{b.closed(1), b.closed(64), {Callers: 512, Rate: reads.rate, Duration: time.Duration(b.seconds) * time.Second}} {
			if o.smoke && l.Rate > 0 {
				continue
			}
			if err := b.run(ctx, scenario{name: reads.name, load: l, each: each}); err != nil {
				return err
			}
		}
	}
	return nil
}

// lifecycleGroup captures, then refunds, payments that were authorized before.
func lifecycleGroup(ctx context.Context, o options, b *bench) error {
	n := 60_000
	if o.smoke {
		n = 600
	}
	ids, err := b.payments(ctx, n)
	if err != nil {
		return err
	}
	for _, act := range []struct {
		name, path, body string
		status           int
	}{{"capture", "/capture", "{}", 200}, {"refund", "/refunds", `{"amount":100}`, 201}} {
		requests := make([][]byte, len(ids))
		for i, id := range ids {
			requests[i] = post(b.server.Address, "/v1/payments/"+id+act.path, b.server.Secret, "", act.body)
		}
		l := load{Callers: 64, Count: int64(len(ids)), Duration: 2 * time.Minute}
		if err := b.run(ctx, scenario{name: act.name, load: l, each: inTurn(requests, act.status)}); err != nil {
			return err
		}
	}
	return nil
}

// inTurn makes each request once, whichever caller is free.
func inTurn(requests [][]byte, want int) func(int) exercise {
	next := new(atomic.Int64)
	return func(int) exercise { return &fixed{requests: requests, next: next, want: want} }
}

const hour = time.Hour // the bound of what is bounded by its count

func batchGroup(ctx context.Context, _ options, b *bench) error {
	for _, callers := range []int{1, 4, 8} {
		if err := b.run(ctx, scenario{name: "batch of 100", load: b.closed(callers), weight: batchSize, each: func(caller int) exercise {
			return newBatch(b.server.Address, b.server.Secret, caller+rand.IntN(1<<30)) //nolint:gosec // load, not secrets
		}}); err != nil {
			return err
		}
	}
	return nil
}

func poolGroup(ctx context.Context, _ options, b *bench) error {
	return b.run(ctx, b.authorizations("authorize, pool of 2", b.closed(256)))
}
