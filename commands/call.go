package commands

import (
	"errors"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
)

// Call is what every command needs to know of the request that carries it.
type Call struct {
	Principal access.Principal
	RequestID id.Request
	// IdempotencyKey is the client's; with "" nothing is ever taken for a repeat.
	IdempotencyKey string
	// Fingerprint digests method, path and canonical body: the same key with
	// another fingerprint is another request.
	Fingerprint [32]byte
	// Render makes the answer that is stored under the key, in the outcome's
	// transaction, so that a replay is the same to the byte. It runs before the
	// outcome is durable and, after a lost race, again: it must not act on anything.
	Render func(Result) Answer
}

// Answer is a rendered answer: an HTTP status and the body's bytes.
type Answer struct {
	Status int
	Body   []byte
}

// Result is what there is to say about a command: on a payment, unless Merchant or
// Key is said.
type Result struct {
	// History is the payment's stream with the events of this command.
	History []payment.Recorded
	State   payment.State // History folded
	Refund  id.Refund     // the refund this command requested; zero for other commands
	// Outcome is the event that concluded this command's act on the world, such as
	// Authorized, Failed or CaptureFailed; nil while it is in doubt or under way.
	Outcome payment.Event
	Refusal *refusal.Refusal // the wish was refused and nothing happened

	Merchant merchant.State // after a command on a merchant, such as its test clock
	Key      access.Key     // after a command on a key; its secret is never part of an answer
}

// Reply is what the client gets. A refusal (422) and an issuer's no (402) are
// replies like any other; only trouble is an error.
type Reply struct {
	Answer
	// Position is where the newest event this answer tells of stands; zero when it
	// tells of none.
	Position eventstore.Position
	Replayed bool // the first answer to this idempotency key, again
}

// What can go wrong with a command that is nobody's refusal. Besides these,
// methods return eventstore.ErrBusy (nothing happened), eventstore.ErrUnavailable
// (what happened is not known; a retry under the same key finds out) and, before
// anything was claimed, *refusal.Refusal with NotFound or AcquirerUnavailable.
var (
	// ErrKeyReused: the idempotency key was used with another request (409).
	ErrKeyReused = errors.New("idempotency key was used with another request")
	// ErrKeyInUse: the first request under this key is still running (409, try again in a second).
	ErrKeyInUse = errors.New("idempotency key is in use by a request that is still running")
	// ErrConcurrentChange: the payment changed under the command three times running (409).
	ErrConcurrentChange = errors.New("payment is being changed by other requests")
	// ErrBusy and ErrUnavailable are the store's, said again for those who do not know the store (503).
	ErrBusy        = eventstore.ErrBusy
	ErrUnavailable = eventstore.ErrUnavailable
)
