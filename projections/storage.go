package projections

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Storage keeps checkpoints, parked streams and, through trips, rows. Postgres does;
// Memory serves simulations.
type Storage interface {
	// Progress gives where each of the named projections stands on a lane, in the order
	// asked; one that was never seen begins at 0 with version 1.
	Progress(ctx context.Context, lane int, names []string) ([]Progress, error)
	// Load makes a trip that reads.
	Load(ctx context.Context, trip *Trip) error
	// Commit writes a trip and moves the checkpoints of step, all in one transaction or
	// not at all. ErrOvertaken: a checkpoint did not stand at step.From.
	Commit(ctx context.Context, step Step, trip *Trip) error
	// Parked lists what is parked on a lane, by position, at most limit.
	Parked(ctx context.Context, lane, limit int) ([]Parked, error)
}

// Progress is where a projection stands.
type Progress struct {
	Name     string
	Version  int // of the tables in use
	Position int64
}

// Step is one move of checkpoints.
type Step struct {
	Lane     int
	Of       []Progress // name and version count
	From, To int64
	Park     []Parked
	Unpark   []Parked
}

// Parked is a stream that a projection cannot fold from Position on.
type Parked struct {
	Projection string
	Version    int // of the projection's tables
	Lane       int
	Stream     uuid.UUID
	Aggregate  string
	Position   int64 // of the first event that waits
	StreamAt   int   // its version in the stream
	Reason     string
	Since      time.Time
}

// ErrOvertaken: another follower moved the checkpoint, or the tables were switched
// to another version. Nothing was written; read the progress again.
var ErrOvertaken = errors.New("checkpoint was moved by somebody else")

// UnfitError: PostgreSQL refused a value of a batch (SQLSTATE class 22 or 23). Tried
// again it will be refused again: some event in the batch is poison.
type UnfitError struct{ Err error }

// Error implements error.
func (e *UnfitError) Error() string { return "a value does not fit the table: " + e.Err.Error() }

// Unwrap gives PostgreSQL's answer.
func (e *UnfitError) Unwrap() error { return e.Err }
