package eventstore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Stream names one aggregate's history, such as one payment's.
type Stream struct {
	Aggregate string // payment, merchant, api_key, …: the noun of domain/
	ID        uuid.UUID
}

// Event is one immutable fact. Whoever appends fills all but Lane, Position,
// Version and Hash; the store gives those.
type Event struct {
	Lane     int
	Position int64 // 1, 2, 3 … in its lane, in commit order, without gaps
	Stream   Stream
	Version  int // 1, 2, 3 … in its stream, without gaps

	ID          uuid.UUID // UUIDv7
	Type        string    // dotted, past tense, final: payment.authorized
	Schema      int       // version of the body's shape, from 1
	Merchant    uuid.UUID
	Livemode    bool
	RecordedAt  time.Time // UTC, microseconds
	EffectiveAt time.Time // when it happened in the world; equal unless back-dated
	Meta        Meta
	Body        []byte // canonical JSON: these bytes are hashed, stored and published

	Hash [32]byte // SHA-256 of the frame of all fields but Lane and Position
}

// Meta is who caused the event and how. Empty fields are absent.
type Meta struct {
	Actor          string    // key id, user, or system part such as reaction:inquiry
	RequestID      string    // req_…
	IdempotencyKey string    // as the client sent it
	Correlation    uuid.UUID // first event of the chain
	Cause          uuid.UUID // event that led to this one
}

// Position is a place in the log: number n of a lane.
type Position struct {
	Lane   int
	Number int64
}

// String is the token of the Paymint-Position header: <lane>.<position>.
func (p Position) String() string {
	return strconv.Itoa(p.Lane) + "." + strconv.FormatInt(p.Number, 10)
}

// ParsePosition reads what String writes.
func ParsePosition(s string) (Position, error) {
	lane, number, found := strings.Cut(s, ".")
	l, err1 := strconv.ParseUint(lane, 10, 15)
	n, err2 := strconv.ParseUint(number, 10, 63)
	p := Position{Lane: int(l), Number: int64(n)} //nolint:gosec // 15 and 63 bits fit
	if !found || err1 != nil || err2 != nil || p.String() != s {
		return Position{}, fmt.Errorf("position %q: want <lane>.<number>", s)
	}
	return p, nil
}
