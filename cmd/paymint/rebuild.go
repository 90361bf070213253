package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/paymint/paymint/cmd/invariants"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/projections"
)

func newRebuildCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "rebuild [NAME…]",
		Short: "Fold read models anew from the log, or compare them with it",
		Long: `Fold read models anew from the first event and put the new tables in place of the old.
Reads and writes go on meanwhile; the old tables stay in use until the new ones have
caught up. Without a name, all of them: ` + strings.Join(readModelNames(), ", ") + `.

With --verify nothing is replaced: every row is compared with what the log gives, and
the exit code is 1 if one differs.`,
		Example: `  paymint rebuild
  paymint rebuild payments --data-dir .paymint
  paymint rebuild --verify --json`,
		Args:      cobra.MatchAll(cobra.OnlyValidArgs),
		ValidArgs: readModelNames(),
	}
	settings := commonFlags(command)
	asJSON := jsonFlag(command, "print JSON")
	verify := command.Flags().Bool("verify", false, "compare row by row and change nothing")
	command.RunE = func(command *cobra.Command, names []string) error {
		if len(names) == 0 {
			names = readModelNames()
		}
		slices.Sort(names)
		d, err := openData(command, settings)
		if err != nil {
			return err
		}
		defer d.close()
		report, err := d.rebuild(command, slices.Compact(names), *verify)
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(command, report)
		} else {
			err = printText(command, report.text())
		}
		if err == nil && !report.Passed {
			err = errSilent
		}
		return err
	}
	return command
}

func readModelNames() []string {
	var names []string
	for _, p := range readModelsOf() {
		names = append(names, p.Name())
	}
	return names
}

// rebuildReport is what became of a rebuild.
type rebuildReport struct {
	Projections []string            `json:"projections"`
	Verified    bool                `json:"verified"` // compared, not replaced
	Passed      bool                `json:"passed"`
	Events      int64               `json:"events"` // of the log, folded
	TookMS      int64               `json:"took_ms"`
	Differences []rebuildDifference `json:"differences"`
}

type rebuildDifference struct {
	Table   string `json:"table"`
	Missing bool   `json:"missing"` // the log gives the row and the table lacks it; else the other way round
	Row     string `json:"row"`
}

func (d *data) rebuild(command *cobra.Command, names []string, verify bool) (rebuildReport, error) {
	report := rebuildReport{Projections: names, Verified: verify, Differences: []rebuildDifference{}}
	begin := time.Now()
	label := "rebuild"
	if verify {
		label = "compare"
	}
	progress := newMeter(command.ErrOrStderr(), label)
	defer progress.end()
	rebuilder, err := d.rebuilder(command.Context(), func(done, total int64) {
		report.Events = done
		progress.at(done, total)
	})
	if err != nil {
		return report, err
	}
	if verify {
		differences, err := rebuilder.Verify(command.Context(), names)
		if err != nil {
			return report, err
		}
		for _, of := range differences {
			report.Differences = append(report.Differences, rebuildDifference{Table: of.Table, Missing: of.Missing, Row: of.Row})
		}
	} else if err := rebuilder.Rebuild(command.Context(), names); err != nil {
		return report, err
	}
	report.TookMS = time.Since(begin).Milliseconds()
	report.Passed = len(report.Differences) == 0
	return report, nil
}

func (d *data) rebuilder(ctx context.Context, progress func(done, total int64)) (projections.Rebuilder, error) {
	lanes, err := d.events().Lanes(ctx)
	if err != nil {
		return projections.Rebuilder{}, fmt.Errorf("list the lanes: %w", err)
	}
	log, err := eventstore.Open(ctx, eventstore.Config{Pool: d.pool}) // no lanes: it only reads, and needs no closing
	if err != nil {
		return projections.Rebuilder{}, err
	}
	return projections.Rebuilder{
		URL: d.env.OwnerURL, Log: log, Lanes: lanes, Projections: readModelsOf(), Decoders: decoders(),
		Progress: progress, Logger: d.log,
	}, nil
}

// verifyFully has every table of every read model compared with the log, and adds
// what differs to the report.
func (d *data) verifyFully(command *cobra.Command, report *invariants.Report) error {
	compared, err := d.rebuild(command, readModelNames(), true)
	if err != nil {
		return err
	}
	for _, i := range report.Invariants {
		if i.ID != "I6" {
			continue
		}
		i.Checked += compared.Events
		for _, of := range compared.Differences {
			i.Violate(of.Table, "%s", of.describe())
		}
		report.Passed = report.Passed && i.Passed
	}
	return nil
}

func (d rebuildDifference) describe() string {
	if d.Missing {
		return "lacks " + d.Row
	}
	return "has " + d.Row + ", which the log does not give"
}

func (r rebuildReport) text() string {
	var out strings.Builder
	for _, d := range r.Differences {
		fmt.Fprintf(&out, "✗ %s %s\n", d.Table, d.describe())
	}
	names, took := strings.Join(r.Projections, ", "), time.Duration(r.TookMS)*time.Millisecond
	switch {
	case !r.Verified:
		fmt.Fprintf(&out, "%s: rebuilt from %d events in %s\n", names, r.Events, took)
	case r.Passed:
		fmt.Fprintf(&out, "✓ %s: every row is what %d events give (%s)\n", names, r.Events, took)
	default:
		fmt.Fprintf(&out, "%s: not what %d events give. Run `paymint rebuild` to mend the read models; the log is the truth.\n", names, r.Events)
	}
	return out.String()
}
