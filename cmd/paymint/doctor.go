package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newDoctorCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the machine, the services and the settings",
		Long: `Examine what Paymint stands on: settings, disk, file limits, PostgreSQL and whether
its durable settings are in force, the schema, NATS and JetStream, how far relay and
read models are behind, and the clocks. Each line says ok, warn or fail, and what to
do next. It changes nothing. Exit code 1: something fails.`,
		Example: `  paymint doctor
  paymint doctor --data-dir /srv/paymint --json
  DATABASE_URL=postgres://… NATS_URL=nats://… paymint doctor`,
		Args: cobra.NoArgs,
	}
	settings := commonFlags(command)
	asJSON := jsonFlag(command, "print JSON")
	command.RunE = func(command *cobra.Command, _ []string) error {
		x := &examination{Findings: []finding{}}
		x.examine(command, settings)
		x.Passed = x.count(levelFail) == 0
		var err error
		if *asJSON {
			err = printJSON(command, x)
		} else {
			err = printText(command, x.text())
		}
		if err == nil && !x.Passed {
			err = errSilent
		}
		return err
	}
	return command
}

// level is how a finding is to be taken.
type level string

const (
	levelOK   level = "ok"
	levelWarn level = "warn"
	levelFail level = "fail"
)

// finding is one thing that was looked at.
type finding struct {
	Name  string `json:"name"`
	Level level  `json:"level"`
	Says  string `json:"says"`
	Next  string `json:"next,omitempty"` // what to do
}

// examination collects findings, in the order in which things rest on each other.
type examination struct {
	Passed   bool      `json:"passed"`
	Findings []finding `json:"findings"`
}

func (x *examination) ok(name, format string, arguments ...any) {
	x.Findings = append(x.Findings, finding{Name: name, Level: levelOK, Says: fmt.Sprintf(format, arguments...)})
}

func (x *examination) warn(name, next, format string, arguments ...any) {
	x.Findings = append(x.Findings, finding{Name: name, Level: levelWarn, Says: fmt.Sprintf(format, arguments...), Next: next})
}

func (x *examination) fail(name, next, format string, arguments ...any) {
	x.Findings = append(x.Findings, finding{Name: name, Level: levelFail, Says: fmt.Sprintf(format, arguments...), Next: next})
}

func (x *examination) count(of level) (n int) {
	for _, f := range x.Findings {
		if f.Level == of {
			n++
		}
	}
	return n
}

func (x *examination) text() string {
	var out strings.Builder
	for _, f := range x.Findings {
		fmt.Fprintf(&out, "%-4s  %-16s %s\n", f.Level, f.Name, f.Says)
		if f.Next != "" {
			fmt.Fprintf(&out, "      %-16s → %s\n", "", f.Next)
		}
	}
	fmt.Fprintf(&out, "%d ok, %d warnings, %d failures\n", x.count(levelOK), x.count(levelWarn), x.count(levelFail))
	return out.String()
}

// examineTimeout bounds what asks the services.
const examineTimeout = time.Minute

func (x *examination) examine(command *cobra.Command, settings func() (Config, error)) {
	c, err := settings()
	if err != nil {
		x.fail("settings", "correct the setting; `paymint config` explains each one", "%v", err)
		return
	}
	x.settings(c)
	x.machine(c)
	if !x.programs(c) {
		return
	}
	ctx, cancel := context.WithTimeout(command.Context(), examineTimeout)
	defer cancel()
	command.SetContext(ctx)
	d, err := openServices(command, func() (Config, error) { return c, nil })
	if err != nil {
		x.fail("services", "see the message; `paymint up --data-dir "+c.DataDir+"` shows more of it", "%v", err)
		return
	}
	defer d.close()
	switch {
	case d.lent():
		x.ok("services", "no server runs on %s; its services were started for this examination", c.DataDir)
	case c.DatabaseURL != "" && c.NATSURL != "":
		x.ok("services", "DATABASE_URL and NATS_URL are used")
	default:
		x.ok("services", "a server runs on %s; its services are used", c.DataDir)
	}
	if x.database(ctx, d) {
		x.followers(ctx, d)
	}
}

// settings looks for what parses and is wrong all the same.
func (x *examination) settings(c Config) {
	before := len(x.Findings)
	if c.Lanes < 1 || c.Lanes > 64 {
		x.fail("settings", "set PAYMINT_LANES to 1 … 64", "PAYMINT_LANES is %d", c.Lanes)
	}
	if c.DatabasePool < 2 {
		x.warn("settings", "set PAYMINT_DB_POOL to 4 or more", "PAYMINT_DB_POOL is %d: reads will queue", c.DatabasePool)
	}
	if (c.DatabaseURL == "") != (c.NATSURL == "") {
		x.warn("settings", "set both for a shared installation, none for an embedded one", "only one of DATABASE_URL and NATS_URL is set; the other service is embedded in %s", c.DataDir)
	}
	for name, secret := range map[string]Secret{"PAYMINT_PEPPER": c.Pepper, "PAYMINT_CURSOR_KEY": c.CursorKey} {
		if secret != "" && len(secret) < secretMin {
			x.fail("settings", "use `openssl rand -hex 32`", "%s has %d characters, %d are needed", name, len(secret), secretMin)
		}
	}
	if c.DatabaseURL != "" && c.Pepper == "" {
		x.warn("settings", "set PAYMINT_PEPPER and PAYMINT_CURSOR_KEY, the same in all processes", "PAYMINT_PEPPER is not set: `paymint serve --role api` will not start")
	}
	if c.NoRateLimits {
		x.warn("settings", "unset PAYMINT_NO_RATE_LIMITS outside of load tests", "rate limits are off")
	}
	if len(x.Findings) == before {
		x.ok("settings", "all settings can be used")
	}
}

const (
	diskWarn  = 5 << 30
	diskFail  = 512 << 20
	filesWarn = 4096
)

// machine looks at what the operating system gives.
func (x *examination) machine(c Config) {
	if free, total, err := diskSpace(c.DataDir); err != nil {
		x.warn("disk", "", "the free space of %s is not known: %v", c.DataDir, err)
	} else {
		says := fmt.Sprintf("%s of %s are free for %s", gigabytes(free), gigabytes(total), c.DataDir)
		const next = "an authorization takes about 4 KB: make room, or move the folder with --data-dir"
		switch {
		case free < diskFail:
			x.fail("disk", next, "%s", says)
		case free < diskWarn:
			x.warn("disk", next, "%s", says)
		default:
			x.ok("disk", "%s", says)
		}
	}
	if files, err := fileLimit(); err != nil {
		x.warn("open files", "", "the limit is not known: %v", err)
	} else if files < filesWarn {
		x.warn("open files", "raise it: ulimit -n 65536, or LimitNOFILE=65536 in the service's unit", "a process may have %d files and connections open", files)
	} else {
		x.ok("open files", "a process may have %d files and connections open", files)
	}
	if now := time.Now(); now.Year() < 2026 {
		x.fail("clock", "set the clock; run an NTP client", "the clock says %s", now.UTC().Format(time.RFC3339))
	}
	if info, err := os.Stat(c.DataDir); err == nil && !info.IsDir() {
		x.fail("data folder", "choose another with --data-dir", "%s is no folder", c.DataDir)
	}
}

func gigabytes(n uint64) string { return fmt.Sprintf("%d.%d GB", n>>30, n>>20%1024*10/1024) }
