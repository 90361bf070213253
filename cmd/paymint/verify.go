package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/paymint/paymint/cmd/invariants"
	"github.com/paymint/paymint/eventstore/relay"
	"github.com/paymint/paymint/gateways/sandbox"
	"github.com/paymint/paymint/projections"
)

// drainPatience is how long relay and read models may take to reach the head that
// verify judges up to.
const drainPatience = 15 * time.Second

func newVerifyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "verify",
		Short: "Check every invariant on live data",
		Long: `Check what must hold of the data, whatever happened to it: the log's positions,
versions and hashes, one intent per idempotency key, the amounts of every payment
after each of its events, read models and JetStream against the log, and the
acquirer's book against ours.

It takes the head of the log first and judges everything up to it, so traffic may go
on. Acts whose outcome is not known yet are counted as in doubt and are no violation.
It changes nothing. Exit code 1: something does not hold, or could not be checked.`,
		Example: `  paymint verify
  paymint verify --data-dir .paymint --json | jq '.invariants[] | select(.passed | not)'
  paymint verify --full                   fold every read model again and compare row by row`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	asJSON := jsonFlag(command, "print the report as JSON")
	full := command.Flags().Bool("full", false, "also fold every read model again from the first event and compare all of its tables")
	patience := command.Flags().Duration("wait", drainPatience, "how long relay and read models may take to reach the head of the log")
	command.RunE = func(command *cobra.Command, _ []string) error {
		d, err := openData(command, settings)
		if err != nil {
			return err
		}
		defer d.close()
		report, err := d.verify(command, *patience)
		if err == nil && *full {
			err = d.verifyFully(command, &report)
		}
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(command, report)
		} else {
			err = printText(command, verification(report))
		}
		if err == nil && !report.Passed {
			err = errSilent
		}
		return err
	}
	return command
}

func (d *data) verify(command *cobra.Command, patience time.Duration) (invariants.Report, error) {
	ctx := command.Context()
	rows, err := projections.OpenPostgres(ctx, d.env.DatabaseURL, "paymint_auditor")
	if err != nil {
		return invariants.Report{}, err
	}
	defer rows.Close()
	bus, err := d.env.connectNATS("paymint verify")
	if err != nil {
		return invariants.Report{}, err
	}
	defer bus.Close()
	if _, err := bus.RTT(); err != nil {
		return invariants.Report{}, fmt.Errorf("reach NATS: %w; `paymint doctor` tells more", err)
	}
	js, err := jetstream.New(bus)
	if err != nil {
		return invariants.Report{}, fmt.Errorf("speak to JetStream: %w", err)
	}
	progress := newMeter(command.ErrOrStderr(), "verify")
	defer progress.end()
	checker := invariants.Checker{
		Log: d.events(), Streams: d.events(),
		Views:  invariants.Views(d.pool, rows),
		Broker: invariants.JetStream{JS: js, Stream: relay.StreamName},
		Book:   sandbox.OpenStatement(d.pool), Gateway: sandbox.Name,
		Patience: patience, Idle: d.lent(), Progress: progress.at,
	}
	report, err := checker.Check(ctx)
	if err != nil {
		return report, fmt.Errorf("verify: %w", err)
	}
	return report, nil
}

// verification is a report for people.
func verification(r invariants.Report) string {
	var out strings.Builder
	for _, i := range r.Invariants {
		mark := "✓"
		switch {
		case i.NotChecked != "":
			mark = "–"
		case !i.Passed:
			mark = "✗"
		}
		fmt.Fprintf(&out, "%s %-4s %s", mark, i.ID, i.Name)
		if i.NotChecked != "" {
			fmt.Fprintf(&out, ": not checked, %s\n", i.NotChecked)
			continue
		}
		fmt.Fprintf(&out, " (%d %s)\n", i.Checked, i.Of)
		for _, v := range i.Violations {
			fmt.Fprintf(&out, "       %s: %s\n", v.Where, v.What)
		}
		if more := i.Found - int64(len(i.Violations)); more > 0 {
			fmt.Fprintf(&out, "       and %d more\n", more)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&out, "  note: %s\n", note)
	}
	fmt.Fprintf(&out, "judged up to %s: %d streams, %d acts in doubt\n", positions(r.Positions), r.Streams, r.InDoubt)
	if r.Passed {
		fmt.Fprintln(&out, "everything holds")
	} else {
		fmt.Fprintln(&out, "NOT everything holds. Read models are mended by `paymint rebuild`. For anything else stop writing to this database, and keep a copy of it as it is.")
	}
	return out.String()
}

func positions(of map[string]int64) string {
	places := make([]string, 0, len(of))
	for lane, position := range of {
		places = append(places, lane+"."+strconv.FormatInt(position, 10))
	}
	slices.Sort(places)
	if len(places) == 0 {
		return "the empty log"
	}
	return strings.Join(places, ", ")
}
