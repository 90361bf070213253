// Command bench measures Paymint as its users meet it: it builds the binary,
// starts `paymint up` on a fresh folder, durable and with every worker running,
// offers load over HTTP from this process on the same machine, and prints what
// was accepted, how long it took and where the CPU went.
//
//	make bench                   everything, about 20 minutes
//	make bench-smoke             the same shape in seconds, for CI
//	go run ./cmd/bench --only authorize,list --seconds 5
//
// The same run measures calibrators (one transaction per request, raw batched
// inserts, an Echo route that only decodes and answers), so that the ratios mean
// something on any machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

type options struct {
	binary    string
	only      string
	seconds   int
	open      int
	history   int
	merchants int
	jsonFile  string
	smoke     bool
	keep      bool
}

var cores = float64(runtime.NumCPU())

func main() {
	debug.SetGCPercent(400) // the generator shares the cores: it must cost little
	var o options
	flag.StringVar(&o.binary, "binary", "", "paymint binary to measure; empty: build this tree's")
	flag.StringVar(&o.only, "only", "", "comma-separated groups: "+strings.Join(groupNames(), ", "))
	flag.IntVar(&o.seconds, "seconds", 10, "length of a closed-loop run")
	flag.IntVar(&o.open, "open-seconds", 60, "length of an open-loop run")
	flag.IntVar(&o.history, "history", 10_000_000, "stored events of the growth group")
	flag.IntVar(&o.merchants, "merchants", 10_000, "merchants of the spread group")
	flag.StringVar(&o.jsonFile, "json", "", "also write the rows to this file")
	flag.BoolVar(&o.smoke, "smoke", false, "one second each, small groups: does it run, does anything fail?")
	flag.BoolVar(&o.keep, "keep", false, "keep the data folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left for stop to undo
	}
}

func measure(ctx context.Context, o options) error {
	if o.smoke {
		o.seconds, o.open, o.history, o.merchants = 1, 2, 100_000, 20
	}
	work, err := os.MkdirTemp("", "paymint-bench-")
	if err != nil {
		return err
	}
	if !o.keep {
		defer os.RemoveAll(work)
	}
	if err := os.Chmod(work, 0o755); err != nil { //nolint:gosec // the embedded PostgreSQL runs as another user when we are root
		return err
	}
	if o.binary == "" {
		o.binary = filepath.Join(work, "paymint")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", o.binary, "./cmd/paymint").CombinedOutput(); err != nil { //nolint:gosec // our own tree
			return fmt.Errorf("build paymint: %w\n%s", err, out)
		}
	}
	fmt.Printf("%s, %s/%s, %d cores, %s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	var rows []row
	for _, g := range groups {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), g.name) {
			continue
		}
		found, err := g.measureIn(ctx, o, work)
		rows = append(rows, found...)
		if err != nil {
			printRows(os.Stdout, rows)
			return fmt.Errorf("%s: %w", g.name, err)
		}
	}
	fmt.Println()
	printRows(os.Stdout, rows)
	printRatios(os.Stdout, rows)
	return finish(o, rows)
}

// finish writes the JSON and fails a smoke run in which a request failed.
func finish(o options, rows []row) error {
	if o.jsonFile != "" {
		file, err := os.Create(o.jsonFile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := printJSON(file, rows); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if o.smoke && (r.Failed > 0 || r.Accepted == 0) {
			return fmt.Errorf("%s: %d accepted, %d failed: %s", r.Name, r.Accepted, r.Failed, r.FirstFailure)
		}
	}
	return nil
}
