package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// printRows writes the rows as a Markdown table, ready for docs/performance.md.
func printRows(w io.Writer, rows []row) {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"scenario", "offered", "accepted/s", "failed", "p50", "p95", "p99", "visible p50", "visible p99",
		"app µs", "PG µs", "load µs", "busy %", "MiB", "batch", "B/req"})
	for _, r := range rows {
		t.AppendRow(table.Row{r.Name, r.Offered, fmt.Sprintf("%.0f", r.PerSecond), r.Failed,
			short(r.P50), short(r.P95), short(r.P99), short(r.VisibleP50), short(r.VisibleP99),
			known("%.1f", r.AppMicros), known("%.1f", r.DBMicros), known("%.1f", r.LoadMicros),
			known("%.0f", r.Busy), known("%.0f", float64(r.Resident>>20)), known("%.0f", r.BatchMean), known("%.0f", r.DiskPer)})
	}
	fmt.Fprintln(w, t.RenderMarkdown())
}

func printJSON(w io.Writer, rows []row) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(rows)
}

// known is blank for what a scenario does not measure.
func known(format string, figure float64) string {
	if figure == 0 {
		return ""
	}
	return fmt.Sprintf(format, figure)
}

func short(d time.Duration) string {
	switch {
	case d == 0:
		return ""
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
	default:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
}

// printRatios holds the best authorization figure against the calibrators of the
// same run: the machine's mood cancels out.
func printRatios(w io.Writer, rows []row) {
	best := 0.0
	for _, r := range rows {
		if strings.HasPrefix(r.Name, "authorize") {
			best = max(best, r.PerSecond)
		}
	}
	if best == 0 {
		return
	}
	t := table.NewWriter()
	t.AppendHeader(table.Row{"the best authorize figure, " + fmt.Sprintf("%.0f/s", best) + ", is", "times"})
	for _, r := range rows {
		if slices.Contains(calibrators, r.Name) && r.PerSecond > 0 {
			t.AppendRow(table.Row{fmt.Sprintf("%.2f", best/r.PerSecond), fmt.Sprintf("%s (%.0f/s)", r.Name, r.PerSecond)})
		}
	}
	if t.Length() > 0 {
		fmt.Fprintln(w, "\n"+t.RenderMarkdown())
	}
}
