package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/paymint/paymint/migrations"
)

func newUpCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "up",
		Short: "Run the whole of Paymint on this machine",
		Long: `Runs every role in one process on a private PostgreSQL and an in-process NATS
server, both durable, with their data in one folder. The first start makes a
sandbox merchant; every start prints its keys and a first request, and writes
them to DIR/dev.json for scripts. Ctrl-C stops all of it; the next start finds
all data again. DATABASE_URL and NATS_URL replace the embedded services.`,
		Example: `  paymint up
  paymint up --data-dir /srv/paymint --listen 127.0.0.1:9000
  paymint up --no-rate-limits            for load tests`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	listen := command.Flags().String("listen", "", "address of the API (default 127.0.0.1:8080; port 0: any free one)")
	noLimits := command.Flags().Bool("no-rate-limits", false, "let every key call as often as it likes")
	command.RunE = func(command *cobra.Command, _ []string) error {
		c, err := settings()
		if err != nil {
			return err
		}
		if *listen != "" {
			c.Listen = *listen
		}
		c.NoRateLimits = c.NoRateLimits || *noLimits
		return up(command.Context(), c, command.OutOrStdout(), newLogger(os.Stderr, c.LogLevel.Level))
	}
	return command
}

// up runs until ctx ends. Services start before the app and stop after it.
func up(ctx context.Context, c Config, out io.Writer, log *slog.Logger) (err error) {
	env, err := openOwn(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.close(log)) }()
	if err := migrations.Up(ctx, env.OwnerURL); err != nil {
		return err
	}
	if err := withOwnSecrets(&c, env.Folder); err != nil {
		return err
	}
	if err := env.publish(); err != nil {
		return err
	}
	a, err := newApp(ctx, c, env, allRoles, log)
	if err != nil {
		return err
	}
	return a.run(ctx, func(ctx context.Context) error {
		dev, err := a.sandboxMerchant(ctx, env.Folder)
		if err != nil {
			return err
		}
		welcome(out, dev)
		return nil
	})
}

func welcome(out io.Writer, dev devFile) {
	fmt.Fprintf(out, `
Paymint is ready: %[1]s   (API reference: %[1]s/docs)

  merchant         %[2]s
  secret key       %[3]s
  publishable key  %[4]s
  platform key     %[5]s

Authorize a first payment:

  curl -s %[1]s/v1/payments \
    -H 'Authorization: Bearer %[3]s' \
    -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen | tr A-Z a-z)" \
    -H 'Content-Type: application/json' \
    -d '{"amount": 1250, "currency": "eur", "payment_method_id": "pm_test_visa"}'

Ctrl-C stops it; the next start finds everything again.
`, dev.BaseURL, dev.MerchantID, dev.SecretKey, dev.PublishableKey, dev.PlatformKey)
}
