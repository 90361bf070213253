// Package eventstore is the log: the one place where what happened is kept.
//
//	Append ──► appender (one per lane and process) ──► one statement per batch ──► lanes, events, stream_heads, claims
//	                                                        │ committed batch
//	                                                        ▼
//	                                                   Tail (memory) ──► relay ──► JetStream
//
// A lane is one total order. An event's position is 1, 2, 3 … in its lane, in
// commit order, without gaps, so a tail can never miss an event and the number
// itself is the checkpoint, the read-your-writes token and the Merkle leaf index.
// A merchant belongs to one lane for ever.
//
// Store (PostgreSQL) and memory.Log keep one contract, held by eventstoretest.
package eventstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// EventsPerCommandMax bounds one command, BatchMax one batch: a batch is one
// transaction, and everybody behind it waits for it.
const (
	EventsPerCommandMax = 64
	BatchMax            = 512
)

// Command is one atomic append: all of its writes, its claim and its answer, or
// nothing. A command without writes only claims or answers.
type Command struct {
	Writes []Write
	Claim  *Claim
	Answer *Answer
}

// Write appends Events to Stream, which must stand at version Expected (0: it
// must not exist yet). A command names a stream once.
type Write struct {
	Stream   Stream
	Expected int
	Events   []Event
}

// ClaimKey identifies an idempotency key within its scope: a digest of merchant,
// livemode and the client's key (see KeyOf).
type ClaimKey [16]byte

// ClaimDaysBack and ClaimDaysAhead say which claims count against a new one: those
// of its own UTC day, of the two days before, and of the day after (another process
// whose clock has passed midnight already). So a key is held for 48 hours or more.
const (
	ClaimDaysBack  = 2
	ClaimDaysAhead = 1
)

// Claim takes an idempotency key for a request. It fails with *ClaimedError when
// the key was claimed before, in the last 48 hours or more. That is looked at
// before the versions are: a retry learns of its first attempt, not of a conflict.
type Claim struct {
	Key         ClaimKey
	Fingerprint [32]byte  // of method, path and canonical body
	Stream      uuid.UUID // what the request works on, so that a retry finds it
	Intent      uuid.UUID // the intent event of this request; uuid.Nil when it made none
	At          time.Time // store's day partition; UTC
}

// Answer is stored for replays: the first answer to a claimed key, to the byte.
// The first one stays: storing a second is not an error and changes nothing. Whether
// the claim exists is not looked at; an answer to none is found by nobody.
type Answer struct {
	Key       ClaimKey
	ClaimedAt time.Time // At of the claim, exactly: finds its partition
	Status    int
	Body      []byte
}

// Claimed is an idempotency key as found in the store.
type Claimed struct {
	Claim
	Answer *Answer // nil while the first request is under way, or died
}

// Receipt tells where a command's events stand. On return they are durable:
// flushed to disk by PostgreSQL, visible to every reader of this database.
type Receipt struct {
	Last Position // of the command's last event; of the lane's head when it had none
}

// Result is one command's end in AppendAll.
type Result struct {
	Receipt Receipt
	Err     error
}

// ErrBusy: the bounded queue before the appender is full. Nothing was written;
// over HTTP this is 503 with Retry-After.
var ErrBusy = errors.New("event store is busy")

// ErrUnavailable: the database cannot be reached or did not answer in time. The
// command may or may not have been written; reading tells.
var ErrUnavailable = errors.New("event store is unavailable")

// ErrClosed: the store is shutting down. Nothing was written.
var ErrClosed = errors.New("event store is closed")

// ErrNoLane: this store was not opened for appending to that lane.
var ErrNoLane = errors.New("lane is not open here")

// ErrUnassigned: the merchant belongs to no lane yet.
var ErrUnassigned = errors.New("merchant belongs to no lane")

// Limits of reading, so that a reader of any history runs in bounded memory: at
// most ReadMax events or a little over ReadBytesMax of frames come back at once.
const (
	ReadMax        = 4096
	ReadBytesMax   = 16 << 20
	ReadStreamsMax = 1000
)

// ConflictError: a stream was not at the expected version. Nothing was written.
type ConflictError struct {
	Stream           Stream
	Expected, Actual int
}

// Error implements error.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("%s %s is at version %d, expected %d", e.Stream.Aggregate, e.Stream.ID, e.Actual, e.Expected)
}

// ClaimedError: the idempotency key was claimed before. Nothing was written.
type ClaimedError struct{ Claimed Claimed }

// Error implements error.
func (e *ClaimedError) Error() string { return "idempotency key was claimed before" }
