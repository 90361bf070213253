package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"github.com/paymint/paymint/migrations"
)

func newMigrateCommand() *cobra.Command {
	var status, asJSON *bool
	command := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database to this binary's schema",
		Long: `Bring the database to this binary's schema: numbered files, forward only, each in
a transaction of its own. It may run beside live traffic, and several at once: one
migrates, the others wait. ` + "`paymint up` does the same when it starts; `paymint serve`" + ` expects it done.`,
		Example: `  paymint migrate --data-dir .paymint
  DATABASE_URL=postgres://… NATS_URL=nats://… paymint migrate
  paymint migrate --status --json`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	status = command.Flags().Bool("status", false, "only say which files were applied and which wait")
	asJSON = jsonFlag(command, "print JSON")
	command.RunE = func(command *cobra.Command, _ []string) error {
		d, err := openServices(command, settings)
		if err != nil {
			return err
		}
		defer d.close()
		report, err := migrate(command.Context(), d.env.OwnerURL, *status)
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(command, report)
		}
		return printText(command, report.text())
	}
	return command
}

// migrationReport is what migrate did, or would do.
type migrationReport struct {
	Applied []migrationFile `json:"applied"` // by this run
	Files   []migrationFile `json:"files"`   // all of this binary's
	Waiting int             `json:"waiting"`
}

type migrationFile struct {
	Version   int64      `json:"version"`
	File      string     `json:"file"`
	AppliedAt *time.Time `json:"applied_at"`
}

func migrate(ctx context.Context, url string, statusOnly bool) (migrationReport, error) {
	before, err := migrationFiles(ctx, url)
	if err != nil {
		return migrationReport{}, err
	}
	if statusOnly {
		return newMigrationReport(before, before), nil
	}
	if err := migrations.Up(ctx, url); err != nil {
		return migrationReport{}, err
	}
	after, err := migrationFiles(ctx, url)
	return newMigrationReport(before, after), err
}

// migrationFiles is empty for a database that was never migrated: it has not even
// the roles that asking takes.
func migrationFiles(ctx context.Context, url string) ([]migrations.Applied, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	var begun bool
	err = conn.QueryRow(ctx, `SELECT to_regclass('public.goose_db_version') IS NOT NULL`).Scan(&begun)
	_ = conn.Close(ctx)
	if err != nil || !begun {
		return nil, err
	}
	return migrations.Status(ctx, url)
}

func newMigrationReport(before, after []migrations.Applied) migrationReport {
	report := migrationReport{Applied: []migrationFile{}, Files: []migrationFile{}}
	was := map[int64]bool{}
	for _, file := range before {
		was[file.Version] = !file.At.IsZero()
	}
	for _, file := range after {
		f := migrationFile{Version: file.Version, File: file.File}
		if file.At.IsZero() {
			report.Waiting++
		} else {
			at := file.At.UTC()
			f.AppliedAt = &at
			if !was[file.Version] {
				report.Applied = append(report.Applied, f)
			}
		}
		report.Files = append(report.Files, f)
	}
	return report
}

func (r migrationReport) text() string {
	var out strings.Builder
	for _, f := range r.Files {
		state := "waits"
		if f.AppliedAt != nil {
			state = "applied " + f.AppliedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(&out, "%-36s %s\n", f.File, state)
	}
	switch {
	case len(r.Files) == 0:
		fmt.Fprintln(&out, "nothing was ever applied to this database; run `paymint migrate`")
	case r.Waiting > 0:
		fmt.Fprintf(&out, "%d files wait; run `paymint migrate`\n", r.Waiting)
	case len(r.Applied) > 0:
		fmt.Fprintf(&out, "%d files were applied now\n", len(r.Applied))
	default:
		fmt.Fprintln(&out, "the schema is this binary's")
	}
	return out.String()
}
