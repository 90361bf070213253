package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// role is a part of Paymint that a process can run alone.
type role string

const (
	roleAPI       role = "api"
	roleRelay     role = "relay"
	roleProjector role = "projector"
	roleReactor   role = "reactor"
)

var allRoles = []role{roleAPI, roleRelay, roleProjector, roleReactor}

func newServeCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "serve --role ROLE[,ROLE…]",
		Short: "Run some roles of Paymint on shared services",
		Long: `Runs one or more roles on the PostgreSQL of DATABASE_URL and the NATS of
NATS_URL. Any number of processes may run any role: positions, expected versions
and checkpoints keep them from hurting each other.

  api        the HTTP API and the commands behind it
  relay      the log → JetStream
  projector  JetStream → the read models
  reactor    inquiries and deadlines

The schema must be there: run 'paymint migrate' once per release. Every role
answers /healthz, /readyz and /metrics on PAYMINT_LISTEN.`,
		Example: `  DATABASE_URL=postgres://… NATS_URL=nats://… paymint serve --role api
  paymint serve --role relay,projector,reactor`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	names := command.Flags().StringSlice("role", nil, "roles to run: "+roleNames())
	_ = command.MarkFlagRequired("role")
	_ = command.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(strings.Split(roleNames(), ", "), cobra.ShellCompDirectiveNoFileComp))
	command.RunE = func(command *cobra.Command, _ []string) error {
		c, err := settings()
		if err != nil {
			return err
		}
		roles, err := parseRoles(*names)
		if err != nil {
			return err
		}
		return serve(command.Context(), c, roles, newLogger(os.Stderr, c.LogLevel.Level))
	}
	return command
}

func roleNames() string {
	var names []string
	for _, r := range allRoles {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

func parseRoles(names []string) ([]role, error) {
	var roles []role
	for _, name := range names {
		if !slices.Contains(allRoles, role(name)) {
			return nil, fmt.Errorf("--role %s: unknown; choose from %s", name, roleNames())
		}
		roles = append(roles, role(name))
	}
	return roles, nil
}

// serve runs until ctx ends. It writes nothing to the data folder: a container's
// root may be read-only.
func serve(ctx context.Context, c Config, roles []role, log *slog.Logger) error {
	for name, value := range map[string]Secret{"DATABASE_URL": c.DatabaseURL, "NATS_URL": c.NATSURL} {
		if value == "" {
			return fmt.Errorf("%s is not set: 'paymint serve' runs on shared services; for everything on this machine use 'paymint up'", name)
		}
	}
	if slices.Contains(roles, roleAPI) && (len(c.Pepper) < secretMin || len(c.CursorKey) < secretMin) {
		return errors.New("PAYMINT_PEPPER and PAYMINT_CURSOR_KEY need 32 or more random characters each, the same in all processes; make one with: openssl rand -hex 32")
	}
	a, err := newApp(ctx, c, given(c), roles, log)
	if err != nil {
		return err
	}
	return a.run(ctx, func(context.Context) error { return nil })
}
