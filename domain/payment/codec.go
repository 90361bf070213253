package payment

import (
	"fmt"

	"github.com/paymint/paymint/domain/codec"
)

// ErrUnknownType and ErrUnknownSchema are what Decode wraps for an event of a
// newer binary: the stream is parked, nothing is skipped.
var (
	ErrUnknownType   = codec.ErrUnknownType
	ErrUnknownSchema = codec.ErrUnknownSchema
)

// kinds are the events of a payment's stream, for ever. A new shape of an old
// event gets an upcaster here, and its old golden file stays.
var kinds = codec.Kinds[Event]{
	TypeAuthorizationRequested: hot(readAuthorizationRequested),
	TypeAuthorized:             hot(readAuthorized),
	TypeFailed:                 codec.Of[Failed, Event](),
	TypeActionRequired:         codec.Of[ActionRequired, Event](),
	TypeActionCompleted:        codec.Of[ActionCompleted, Event](),
	TypeOutcomeUnknown:         codec.Of[OutcomeUnknown, Event](),
	TypeReversalRequested:      codec.Of[ReversalRequested, Event](),
	TypeLateApprovalNoted:      codec.Of[LateApprovalNoted, Event](),
	TypeReversed:               codec.Of[Reversed, Event](),
	TypeCaptureRequested:       codec.Of[CaptureRequested, Event](),
	TypeCaptured:               hot(readCaptured),
	TypeAuthorizationReleased:  codec.Of[AuthorizationReleased, Event](),
	TypeCaptureFailed:          codec.Of[CaptureFailed, Event](),
	TypeCancellationRequested:  codec.Of[CancellationRequested, Event](),
	TypeCancelled:              codec.Of[Cancelled, Event](),
	TypeCancellationFailed:     codec.Of[CancellationFailed, Event](),
	TypeAuthorizationExpired:   codec.Of[AuthorizationExpired, Event](),
	TypeRefundRequested:        codec.Of[RefundRequested, Event](),
	TypeRefundSucceeded:        codec.Of[RefundSucceeded, Event](),
	TypeRefundFailed:           codec.Of[RefundFailed, Event](),
	TypeCorrected:              codec.Of[Corrected, Event](),
}

// Encode gives what the log stores of e: its type, the schema version of its body
// and the body, canonical JSON.
func Encode(e Event) (typ string, schema int, body []byte, err error) {
	body, schema, err = AppendEncode(nil, e)
	return e.Type(), schema, body, err
}

// AppendEncode appends e's body to b, for callers with a buffer at hand.
func AppendEncode(b []byte, e Event) (body []byte, schema int, err error) {
	kind, known := kinds[e.Type()]
	if !known {
		return b, 0, fmt.Errorf("%w: %T", ErrUnknownType, e)
	}
	switch e := e.(type) {
	case AuthorizationRequested:
		b, err = e.append(b)
	case Authorized:
		b, err = e.append(b)
	case Captured:
		b, err = e.append(b)
	default:
		b, err = codec.Append(b, e)
	}
	if err != nil {
		err = fmt.Errorf("encode %s: %w", e.Type(), err)
	}
	return b, kind.Schema(), err
}

// Decode reads what Encode ever wrote, of any schema version; the event is a
// value, not a pointer. Errors wrap ErrUnknownType or ErrUnknownSchema, or say
// where the body is malformed.
func Decode(typ string, schema int, body []byte) (Event, error) {
	return kinds.Decode(typ, schema, body)
}

// Types lists every event type of a payment's stream, in the order of the alphabet.
func Types() []string { return kinds.Types() }
