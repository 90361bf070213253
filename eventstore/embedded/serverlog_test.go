package embedded

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestServerLinesBecomeRecordsOfTheirLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	said := &serverLog{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	for _, piece := range []string{
		"LOG:  checkpoint starting\nWARN", "ING:  page verification failed\n", "FATAL:  the database system is starting up\n",
		"PANIC:  could not write to file: No space left on device\n",
	} {
		if _, err := said.Write([]byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	for part, want := range map[string]bool{
		`level=WARN msg="page verification failed"`: true, `level=ERROR msg="could not write`: true,
		"checkpoint": false, "starting up": false,
	} {
		if strings.Contains(out.String(), part) != want {
			t.Errorf("log has %q: %v, want %v\n%s", part, !want, want, out.String())
		}
	}
	if words := said.lastWords(); !strings.HasSuffix(words, "No space left on device") {
		t.Errorf("last words %q", words)
	}
}

func TestEndlessLineStaysBounded(t *testing.T) {
	t.Parallel()
	said := &serverLog{log: slog.New(slog.DiscardHandler)}
	for range 100 {
		if _, err := said.Write(bytes.Repeat([]byte("x"), 10_000)); err != nil {
			t.Fatal(err)
		}
	}
	if len(said.partial) > lineLimit {
		t.Errorf("%d bytes are kept, want at most %d", len(said.partial), lineLimit)
	}
}
