package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
)

// spreadGroup offers the same load to one merchant and spread over many. Each new
// key is verified once by Argon2id, so every merchant is called once before it counts.
func spreadGroup(ctx context.Context, o options, b *bench) error {
	if err := b.run(ctx, b.authorizations("one merchant", b.closed(256))); err != nil {
		return err
	}
	secrets, err := b.newMerchants(ctx, o)
	if err != nil {
		return err
	}
	if err := b.run(ctx, b.warmUp(secrets)); err != nil {
		return err
	}
	b.rows = b.rows[:len(b.rows)-1]
	return b.run(ctx, b.authorizations(fmt.Sprintf("%d merchants", len(secrets)), b.closed(256), secrets...))
}

func (b *bench) newMerchants(ctx context.Context, o options) ([]string, error) {
	fmt.Fprintf(b.progress, "making %d merchants (two keys each, Argon2id) …\n", o.merchants)
	command := exec.CommandContext(ctx, o.binary, "merchant", "create", "--name", "Load", "--json", //nolint:gosec // our own binary
		"--count", strconv.Itoa(o.merchants), "--data-dir", b.server.dataDir)
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("make merchants: %w", err)
	}
	var secrets []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var made struct {
			SecretKey string `json:"secret_key"`
		}
		if err := json.Unmarshal(lines.Bytes(), &made); err != nil {
			return nil, fmt.Errorf("read merchants: %w", err)
		}
		secrets = append(secrets, made.SecretKey)
	}
	return secrets, nil
}

// warmUp calls each merchant's key once.
func (b *bench) warmUp(secrets []string) scenario {
	requests := make([][]byte, len(secrets))
	for i, secret := range secrets {
		requests[i] = get(b.server.Address, "/v1/payments?limit=1", secret)
	}
	return scenario{name: "first use of each key", load: load{Callers: 16, Count: int64(len(secrets)), Duration: hour}, each: inTurn(requests, 200)}
}
