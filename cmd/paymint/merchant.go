package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/eventstore"
)

func newMerchantCommand() *cobra.Command {
	command := &cobra.Command{Use: "merchant", Short: "Make merchants and their keys"}
	command.AddCommand(newMerchantCreateCommand(), newPlatformKeyCommand())
	return command
}

func newMerchantCreateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Make an active merchant with a test secret key and a publishable key",
		Long: `Makes an active merchant and prints its id and keys, once: only their digests are
kept. Works beside a running server or without one. With DATABASE_URL it needs the
servers' PAYMINT_PEPPER: under another one they would not find the keys.`,
		Example: `  paymint merchant create --name "Corner Shop"
  paymint merchant create --name Load --count 100 --json > merchants.json`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	name := command.Flags().String("name", "", "business name")
	count := command.Flags().Int("count", 1, "how many; with --json one line each")
	asJSON := command.Flags().Bool("json", false, "print JSON")
	_ = command.MarkFlagRequired("name")
	command.RunE = func(command *cobra.Command, _ []string) error {
		c, err := settings()
		if err != nil {
			return err
		}
		if *count < 1 || *count > 100_000 {
			return errors.New("--count: from 1 to 100000")
		}
		return withTool(command.Context(), c, func(a *app) error {
			return a.createMerchants(command.Context(), *name, *count, *asJSON, command.OutOrStdout())
		})
	}
	return command
}

// withTool runs use with a desk for an operator's commands, under the pepper by which
// the servers find keys.
func withTool(ctx context.Context, c Config, use func(*app) error) (err error) {
	if c.DatabaseURL != "" && len(c.Pepper) < secretMin {
		return errors.New("PAYMINT_PEPPER needs 32 or more random characters, the same as the servers on DATABASE_URL have: they find keys by it")
	}
	log := newLogger(os.Stderr, c.LogLevel.Level)
	env, err := openShared(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.close(log)) }()
	if c.Pepper == "" {
		if err := withOwnSecrets(&c, c.DataDir); err != nil {
			return err
		}
	}
	a, err := newTool(ctx, c, env, log)
	if err != nil {
		return err
	}
	defer a.close()
	return use(a)
}

func (a *app) createMerchants(ctx context.Context, name string, count int, asJSON bool, out io.Writer) error {
	made := make(chan devFile, 16)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU()) // Argon2id is what takes the time
	failed := make(chan error, 1)
	go func() {
		for range count {
			group.Go(func() error {
				dev, _, err := a.newMerchant(ctx, name)
				if err == nil {
					made <- dev
				}
				return err
			})
		}
		failed <- group.Wait()
		close(made)
	}()
	for dev := range made {
		if err := printMerchant(out, dev, asJSON); err != nil {
			return err
		}
	}
	return <-failed
}

func printMerchant(out io.Writer, dev devFile, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(out).Encode(map[string]string{
			"merchant_id": dev.MerchantID, "secret_key": dev.SecretKey, "publishable_key": dev.PublishableKey,
		})
	}
	_, err := fmt.Fprintf(out, "merchant         %s\nsecret key       %s\npublishable key  %s\n", dev.MerchantID, dev.SecretKey, dev.PublishableKey)
	return err
}

// apiVersion is what a new merchant is pinned to: the newest.
const apiVersion = "2026-04-01"

// newMerchant makes an active merchant with test keys. A crash between the steps
// leaves a merchant that nobody has keys of.
func (a *app) newMerchant(ctx context.Context, name string) (devFile, eventstore.Position, error) {
	call := a.operatorCall()
	created, err := a.desk.CreateMerchant(ctx, call, merchant.Create{
		Merchant: id.From[id.Merchant](a.newID()), BusinessName: name, MCC: "5734", Country: "DE", SettlementCurrency: "eur", APIVersion: apiVersion,
	})
	if err != nil {
		return devFile{}, eventstore.Position{}, fmt.Errorf("make the merchant: %w", err)
	}
	m := created.State.ID
	if _, err := a.desk.ActivateMerchant(ctx, call, m); err != nil {
		return devFile{}, eventstore.Position{}, fmt.Errorf("activate merchant %s: %w", m, err)
	}
	secret, err := a.desk.IssueKey(ctx, call, commands.IssueKey{Merchant: m, Kind: access.KindSecret})
	if err != nil {
		return devFile{}, eventstore.Position{}, fmt.Errorf("issue a secret key for %s: %w", m, err)
	}
	publishable, err := a.desk.IssueKey(ctx, call, commands.IssueKey{Merchant: m, Kind: access.KindPublishable})
	if err != nil {
		return devFile{}, eventstore.Position{}, fmt.Errorf("issue a publishable key for %s: %w", m, err)
	}
	return devFile{MerchantID: m.String(), SecretKey: secret.Secret.Reveal(), PublishableKey: publishable.Secret.Reveal()}, publishable.Position, nil
}

func (a *app) operatorCall() commands.Call {
	return commands.Call{Principal: access.Principal{Platform: true}, RequestID: id.From[id.Request](a.newID())}
}

// sandboxMerchant finds the merchant that an earlier start made, or makes it, and
// writes DIR/dev.json.
func (a *app) sandboxMerchant(ctx context.Context, folder string) (devFile, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var dev devFile
	err := readFile(folder, devFileName, &dev)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return devFile{}, err
	}
	known, err := a.knows(ctx, dev)
	if err != nil {
		return devFile{}, fmt.Errorf("look up the sandbox merchant: %w", err)
	}
	if !known {
		if dev, err = a.newSandboxMerchant(ctx); err != nil {
			return devFile{}, err
		}
	}
	dev.BaseURL, dev.VaultURL = a.config.BaseURL, a.config.BaseURL
	return dev, writeFile(folder, devFileName, dev)
}

// knows reports whether the database has the file's merchant: the file may be of
// another DATABASE_URL, or of a PostgreSQL folder that was removed.
func (a *app) knows(ctx context.Context, dev devFile) (bool, error) {
	if dev.SecretKey == "" {
		return false, nil
	}
	m, err := id.Parse[id.Merchant](dev.MerchantID)
	if err != nil {
		return false, err
	}
	_, found, err := a.laneOf(ctx, m)
	return found, err
}

func (a *app) newSandboxMerchant(ctx context.Context) (devFile, error) {
	dev, _, err := a.newMerchant(ctx, "Sandbox")
	if err != nil {
		return devFile{}, err
	}
	platform, err := a.issuePlatformKey(ctx)
	if err != nil {
		return devFile{}, err
	}
	dev.PlatformKey = platform.Secret.Reveal()
	// The keys work once the read model has them.
	if err := a.waitFor(ctx, platform.Position); err != nil {
		return devFile{}, fmt.Errorf("wait for the sandbox merchant's keys: %w", err)
	}
	return dev, nil
}
