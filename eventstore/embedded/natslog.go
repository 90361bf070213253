package embedded

import (
	"fmt"
	"log/slog"
	"strings"
)

// plaintext begins a warning about passwords in a configuration file. Ours is random and only ever in memory.
const plaintext = "Plaintext passwords detected"

// natsLog passes the server's warnings and worse to slog and drops the rest before it is formatted.
type natsLog struct{ log *slog.Logger }

func (l natsLog) Warnf(format string, v ...any) {
	if strings.HasPrefix(format, plaintext) {
		return
	}
	l.log.Warn(fmt.Sprintf(format, v...), serverField, "nats")
}

func (l natsLog) Errorf(format string, v ...any) {
	l.log.Error(fmt.Sprintf(format, v...), serverField, "nats")
}

// Fatalf only logs: the server runs inside a process that it may not end. StartNATS sees that it is not ready.
func (l natsLog) Fatalf(format string, v ...any) {
	l.log.Error(fmt.Sprintf(format, v...), serverField, "nats", "fatal", true)
}

func (natsLog) Noticef(string, ...any) {}
func (natsLog) Debugf(string, ...any)  {}
func (natsLog) Tracef(string, ...any)  {}
