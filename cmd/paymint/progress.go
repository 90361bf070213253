package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// meter shows how far a long command is, on stderr: a bar on a terminal, a line every
// few seconds elsewhere.
type meter struct {
	out   io.Writer
	label string
	bar   progress.Writer // nil without a terminal
	track *progress.Tracker

	mu   sync.Mutex
	said time.Time
}

// sayEvery is how often a meter without a terminal writes a line.
const sayEvery = 5 * time.Second

// newMeter shows nothing before the first call of at.
func newMeter(out io.Writer, label string) *meter {
	m := &meter{out: out, label: label, said: time.Now()}
	file, isFile := out.(*os.File)
	if !isFile || !isTerminal(file) {
		return m
	}
	m.track = &progress.Tracker{Message: label}
	m.bar = progress.NewWriter()
	m.bar.SetOutputWriter(out)
	m.bar.SetStyle(progress.StyleBlocks)
	m.bar.SetUpdateFrequency(100 * time.Millisecond)
	m.bar.SetAutoStop(false)
	m.bar.Style().Visibility.ETA = true
	m.bar.AppendTracker(m.track)
	go m.bar.Render()
	return m
}

// at says that done of total is done; total 0 means that nobody knows how much.
func (m *meter) at(done, total int64) {
	if m.bar != nil {
		m.track.UpdateTotal(total)
		m.track.SetValue(done)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.said) < sayEvery {
		return
	}
	m.said = time.Now()
	if total > 0 {
		_, _ = fmt.Fprintf(m.out, "%s: %d of %d (%d %%)\n", m.label, done, total, done*100/total)
		return
	}
	_, _ = fmt.Fprintf(m.out, "%s: %d\n", m.label, done)
}

// end takes the bar away; the command's own answer follows.
func (m *meter) end() {
	if m.bar == nil {
		return
	}
	m.track.MarkAsDone()
	m.bar.Stop()
	for m.bar.IsRenderInProgress() {
		time.Sleep(time.Millisecond) //nolint:forbidigo // the library offers nothing to wait on
	}
}
