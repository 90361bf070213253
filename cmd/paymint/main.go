// Command paymint is the whole of Paymint in one binary: `paymint up` runs
// everything embedded on one machine, `paymint serve --role …` runs one part of
// it on shared services, and the other subcommands look after its data.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/google/uuid"
	"github.com/spf13/cobra" // subcommands, --help, completions: the de-facto standard
)

func main() {
	tuneRuntime()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	err := newRootCommand().ExecuteContext(ctx)
	switch {
	case err == nil:
		return
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "paymint: interrupted")
		os.Exit(exitInterrupted)
	case !errors.Is(err, errSilent):
		fmt.Fprintln(os.Stderr, "paymint:", err)
	}
	os.Exit(1)
}

// exitInterrupted is what shells say of a command that Ctrl-C ended: a check that
// was cut short has not passed.
const exitInterrupted = 130

// What lives long is small, so the collector may run seldom: at 800 an authorization
// costs a tenth less CPU than at 100. The limit keeps the process within half a
// gigabyte whatever NATS caches.
const (
	gcPercent   = 800
	memoryLimit = 420 << 20
)

// tuneRuntime leaves alone what the operator set (GOGC, GOMEMLIMIT).
func tuneRuntime() {
	uuid.EnableRandPool() // ids are not secrets; keys are drawn from crypto/rand itself
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

// errSilent ends the process with exit code 1 when the report already said why.
var errSilent = errors.New("reported")

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "paymint",
		Short: "An event-sourced payment ledger",
		Long: `Paymint authorizes, captures, cancels and refunds card payments over a REST API.
Every change is an immutable event in PostgreSQL; NATS JetStream carries the
events to the read models, webhooks and books.`,
		Example: `  paymint up                                  everything on this machine, sandbox included
  paymint serve --role api                    one part, on DATABASE_URL and NATS_URL
  paymint events --follow --json              watch the log
  paymint verify                              check every invariant on live data`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newUpCommand(), newServeCommand(), newMigrateCommand(), newMerchantCommand(), newRebuildCommand(),
		newReplayCommand(), newEventsCommand(), newVerifyCommand(), newConfigCommand(), newDoctorCommand(), newVersionCommand())
	return root
}
