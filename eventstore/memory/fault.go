package memory

import (
	"fmt"

	"github.com/paymint/paymint/eventstore"
)

// Fault is what befalls one command.
type Fault int

// The faults of a log as its caller sees them. Lost and Doubt look alike from
// outside, which is the point: only reading tells them apart.
const (
	None  Fault = iota
	Busy        // ErrBusy, nothing was written
	Lost        // ErrUnavailable, nothing was written
	Doubt       // ErrUnavailable, and yet it was written
)

// SetFault lets choose decide the fault of every command from now on; nil means
// none. It is called under the log's lock, so it must not call the log.
func (l *Log) SetFault(choose func(lane int, c eventstore.Command) Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = choose
}

func (l *Log) ask(lane int, c eventstore.Command) Fault {
	if l.fault == nil {
		return None
	}
	return l.fault(lane, c)
}

func (f Fault) before() error {
	switch f {
	case Busy:
		return eventstore.ErrBusy
	case Lost:
		return fmt.Errorf("fault before the commit: %w", eventstore.ErrUnavailable)
	default:
		return nil
	}
}

func (f Fault) after() error {
	if f == Doubt {
		return fmt.Errorf("fault after the commit: %w", eventstore.ErrUnavailable)
	}
	return nil
}
