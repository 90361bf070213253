package merchant

import (
	"time"

	"github.com/paymint/paymint/domain/refusal"
)

// Bounds of the test clock: what a test of years needs, and far from where times
// stop being representable.
const (
	AdvanceMax     = 366 * 24 * time.Hour
	ClockOffsetMax = 10 * AdvanceMax
)

// AdvanceTestClock wishes to move the merchant's clock in test mode.
type AdvanceTestClock struct {
	By time.Duration // whole milliseconds; the rest is dropped
}

// Decide refuses to go back or to stand still, and to go beyond the bounds.
func (w AdvanceTestClock) Decide(s State) ([]Event, *refusal.Refusal) {
	switch {
	case !s.Exists():
		return nil, refusal.New(refusal.NotFound, "No such merchant.")
	case w.By < time.Millisecond:
		return nil, refusal.New(refusal.TestClockInvalid, "The test clock only goes forward, by a millisecond at least.")
	case w.By > AdvanceMax:
		return nil, refusal.New(refusal.TestClockInvalid, "The test clock goes forward by at most 366 days at a time.")
	case s.ClockOffset+w.By > ClockOffsetMax:
		return nil, refusal.New(refusal.TestClockInvalid, "The test clock may run at most ten years ahead.")
	}
	return []Event{TestClockAdvanced{OffsetMilliseconds: (s.ClockOffset + w.By).Milliseconds()}}, nil
}
