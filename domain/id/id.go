// Package id names things: a type prefix and a UUIDv7 in TypeID form, such as
// pay_01h455vb4pex5vsknk084sn02q.
//
// The suffix is 26 characters of Crockford's base 32 in lower case (TypeID
// specification 0.3): it sorts as the UUID sorts, so by the time of its making.
// Each kind of resource has a Go type of its own; a refund id where a payment id
// is wanted does not compile.
package id

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// Kind is the phantom type that tells one sort of id from another.
type Kind interface{ Prefix() string }

// ID is the id of one resource of kind K. The zero value is "no resource" and
// prints as the empty string.
type ID[K Kind] struct{ u uuid.UUID }

type (
	paymentKind       struct{}
	refundKind        struct{}
	disputeKind       struct{}
	merchantKind      struct{}
	customerKind      struct{}
	paymentMethodKind struct{}
	eventKind         struct{}
	requestKind       struct{}
	keyKind           struct{}
	referenceKind     struct{}
)

func (paymentKind) Prefix() string       { return "pay" }
func (refundKind) Prefix() string        { return "ref" }
func (disputeKind) Prefix() string       { return "dsp" }
func (merchantKind) Prefix() string      { return "mch" }
func (customerKind) Prefix() string      { return "cus" }
func (paymentMethodKind) Prefix() string { return "pm" }
func (eventKind) Prefix() string         { return "evt" }
func (requestKind) Prefix() string       { return "req" }
func (keyKind) Prefix() string           { return "key" }
func (referenceKind) Prefix() string     { return "net" }

// The ids of Paymint's resources. Reference is what an acquirer knows one of our
// calls by: fixed in the intent, the same on every repetition of the call.
type (
	Payment       = ID[paymentKind]
	Refund        = ID[refundKind]
	Dispute       = ID[disputeKind]
	Merchant      = ID[merchantKind]
	Customer      = ID[customerKind]
	PaymentMethod = ID[paymentMethodKind]
	Event         = ID[eventKind]
	Request       = ID[requestKind]
	Key           = ID[keyKind]
	Reference     = ID[referenceKind]
)

// ErrMalformed is wrapped by every error of Parse.
var ErrMalformed = errors.New("malformed id")

const (
	alphabet   = "0123456789abcdefghjkmnpqrstvwxyz"
	suffixSize = 26
)

// From gives the UUID u the kind K.
func From[I ID[K], K Kind](u uuid.UUID) I { return I{u: u} }

// UUID is what the database stores.
func (i ID[K]) UUID() uuid.UUID { return i.u }

// IsZero reports whether i names nothing.
func (i ID[K]) IsZero() bool { return i.u == uuid.Nil }

// Equal is ==, for comparisons that cannot see inside.
func (i ID[K]) Equal(j ID[K]) bool { return i == j }

// String is the form of the API; empty for the zero id.
func (i ID[K]) String() string {
	if i.IsZero() {
		return ""
	}
	var k K
	b := make([]byte, 0, len(k.Prefix())+1+suffixSize)
	b, _ = i.AppendText(b)
	return string(b)
}

// AppendText implements encoding.TextAppender; it never fails.
func (i ID[K]) AppendText(b []byte) ([]byte, error) {
	if i.IsZero() {
		return b, nil
	}
	var k K
	b = append(b, k.Prefix()...)
	b = append(b, '_')
	return appendSuffix(b, i.u), nil
}

// MarshalText implements encoding.TextMarshaler; it never fails.
func (i ID[K]) MarshalText() ([]byte, error) { return i.AppendText(nil) }

// UnmarshalText accepts what MarshalText writes: the empty text is the zero id.
func (i *ID[K]) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*i = ID[K]{}
		return nil
	}
	parsed, err := parse[K](string(text))
	if err != nil {
		return err
	}
	*i = parsed
	return nil
}

// Parse is strict: the kind's own prefix, lower case, exactly 26 characters, no
// overflow of 128 bits, not the nil UUID. The error wraps ErrMalformed.
func Parse[I ID[K], K Kind](s string) (I, error) {
	parsed, err := parse[K](s)
	return I(parsed), err
}

func parse[K Kind](s string) (ID[K], error) {
	var k K
	prefix := k.Prefix() // and "_", checked apart: joining them here would allocate on every call
	n := len(prefix)
	if len(s) != n+1+suffixSize || s[:n] != prefix || s[n] != '_' {
		return ID[K]{}, fmt.Errorf("%w: want %s_ and %d characters", ErrMalformed, prefix, suffixSize)
	}
	u, ok := parseSuffix(s[n+1:])
	if !ok || u == uuid.Nil {
		return ID[K]{}, fmt.Errorf("%w: not base 32 of a UUID after %s_", ErrMalformed, prefix)
	}
	return ID[K]{u: u}, nil
}
