package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

const (
	tailLines   = 4         // what an error about a failed start quotes
	lineLimit   = 64 * 1024 // a longer line is cut: memory stays bounded whatever the server prints
	serverField = "server"
	// tooEarly begins every answer to a pool that reconnects while the server starts, recovers or stops: dozens of
	// lines that say what the launcher tells in one.
	tooEarly = "the database system is "
)

// serverLog turns PostgreSQL's standard error into log records and remembers its last words.
type serverLog struct {
	log *slog.Logger

	mu      sync.Mutex
	partial []byte
	tail    []string
	ending  bool // a stop was asked for: its FATAL lines are expected
}

// Write takes any piece of the stream; a line is logged once it is whole.
func (s *serverLog) Write(piece []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial = append(s.partial, piece...)
	for {
		end := bytes.IndexByte(s.partial, '\n')
		if end < 0 && len(s.partial) < lineLimit {
			return len(piece), nil
		}
		if end < 0 {
			end = len(s.partial) - 1
		}
		s.line(strings.TrimSpace(string(s.partial[:end])))
		s.partial = append(s.partial[:0], s.partial[end+1:]...)
	}
}

func (s *serverLog) line(text string) {
	if text == "" {
		return
	}
	severity, message, found := strings.Cut(text, ":  ")
	level := severityLevel(severity)
	if !found {
		message = text
	}
	if strings.HasPrefix(message, tooEarly) {
		level = slog.LevelDebug
	} else {
		s.tail = append(s.tail, text)
		s.tail = s.tail[max(0, len(s.tail)-tailLines):]
	}
	if s.ending {
		level = slog.LevelDebug
	}
	s.log.Log(context.Background(), level, message, serverField, "postgres")
}

// severityLevel: a client's FATAL (wrong password, cut off at shutdown) is worth a warning; ERROR lines reach the
// client that caused them, so here they are detail.
func severityLevel(severity string) slog.Level {
	switch severity {
	case "PANIC":
		return slog.LevelError
	case "FATAL", "WARNING":
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

func (s *serverLog) expectEnd() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
}

// lastWords is what the server said before it ended, in one line.
func (s *serverLog) lastWords() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.tail, "; ")
}

// forget starts a new memory for the next process.
func (s *serverLog) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tail, s.partial = nil, nil
}
