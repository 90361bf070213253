package access

import (
	"encoding/hex"

	"github.com/paymint/paymint/domain/codec"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
)

// Event is one fact in an API key's stream.
type Event interface{ Type() string }

// The event types, for ever.
const (
	TypeKeyIssued  = "api_key.issued"
	TypeKeyRevoked = "api_key.revoked"
)

// KeyIssued: the key exists. Nothing in it lets anybody use the key.
type KeyIssued struct {
	Key      id.Key      `json:"key_id"`
	Merchant id.Merchant `json:"merchant_id,omitzero"` // absent: a platform key
	Livemode bool        `json:"livemode"`
	Kind     Kind        `json:"kind"`
	Scopes   []Scope     `json:"scopes"` // as granted, without what they imply
	Masked   string      `json:"masked"`
	Digest   string      `json:"digest"` // hex of the keyed digest it is found by
	Hash     string      `json:"hash"`   // Argon2id, in its usual text form with salt and cost
}

// KeyRevoked: the key opens nothing any more.
type KeyRevoked struct {
	Reason string `json:"reason,omitzero"`
}

// Type implements Event.
func (KeyIssued) Type() string { return TypeKeyIssued }

// Type implements Event.
func (KeyRevoked) Type() string { return TypeKeyRevoked }

// Key is the state of an API key; the zero value is "no such key".
type Key struct {
	ID       id.Key
	Merchant id.Merchant
	Livemode bool
	Kind     Kind
	Scopes   Scopes
	Masked   string
	Digest   string
	Hash     string
	Revoked  bool
	Version  int
}

// Evolve brings k forward by one event; it never refuses.
func Evolve(k Key, e Event) Key {
	switch e := e.(type) {
	case KeyIssued:
		k.ID, k.Merchant, k.Livemode, k.Kind = e.Key, e.Merchant, e.Livemode, e.Kind
		k.Masked, k.Digest, k.Hash = e.Masked, e.Digest, e.Hash
		for _, scope := range e.Scopes { // one that this binary does not know grants nothing
			set, _ := ScopesOf(scope)
			k.Scopes |= set
		}
	case KeyRevoked:
		k.Revoked = true
	}
	k.Version++
	return k
}

// Fold brings k forward by events, oldest first.
func Fold(k Key, events []Event) Key {
	for _, e := range events {
		k = Evolve(k, e)
	}
	return k
}

// Principal is who the key stands for; Lane is the caller's to fill. A revoked or
// missing key stands for nobody.
func (k Key) Principal() (Principal, bool) {
	if k.ID.IsZero() || k.Revoked {
		return Principal{}, false
	}
	return Principal{
		Merchant: k.Merchant, Livemode: k.Livemode, Key: k.ID, KeyPrefix: k.Masked, Kind: k.Kind,
		Scopes: k.Scopes, Platform: k.Scopes.Has(PlatformAdmin),
	}, true
}

// Issue wishes for a new key. The issuer has drawn the secret and hashed it.
type Issue struct {
	Key      id.Key
	Merchant id.Merchant
	Secret   Secret
	Scopes   []Scope // of a secret key: empty means merchant:admin
	Digest   Digest
	Hash     string
}

// Decide checks, in this order: that the key is new; that its scopes are known and
// fit its kind (none on a publishable key, a chosen few on a restricted one); that
// it is bound to a merchant, unless it is the platform's.
func (w Issue) Decide(k Key) ([]Event, *refusal.Refusal) {
	if !k.ID.IsZero() {
		return nil, refusal.New(refusal.AlreadyExists, "A key with this id exists.")
	}
	scopes := w.Scopes
	if w.Secret.Kind() == KindSecret && len(scopes) == 0 {
		scopes = []Scope{MerchantAdmin}
	}
	set, err := ScopesOf(scopes...)
	switch {
	case err != nil:
		return nil, refusal.Of(refusal.ScopeInvalid, "scopes", "There is no such scope: "+err.Error()+".")
	case w.Secret.Kind() == KindPublishable && set != 0:
		return nil, refusal.Of(refusal.ScopeInvalid, "scopes", "A publishable key carries no scopes: it may only tokenize.")
	case w.Secret.Kind() == KindRestricted && (set == 0 || set.Has(MerchantAdmin)):
		return nil, refusal.Of(refusal.ScopeInvalid, "scopes", "A restricted key carries a chosen few scopes, not all. Create a secret key instead.")
	case w.Merchant.IsZero() && !set.Has(PlatformAdmin):
		return nil, refusal.Of(refusal.ParameterInvalid, "merchant_id", "A key is bound to one merchant. Send its id.")
	}
	return []Event{KeyIssued{
		Key: w.Key, Merchant: w.Merchant, Livemode: w.Secret.Livemode(), Kind: w.Secret.Kind(), Scopes: scopes,
		Masked: w.Secret.Masked(), Digest: hex.EncodeToString(w.Digest[:]), Hash: w.Hash,
	}}, nil
}

// Revoke wishes to end a key for good.
type Revoke struct{ Reason string }

// Decide refuses a key that does not exist or is revoked already.
func (w Revoke) Decide(k Key) ([]Event, *refusal.Refusal) {
	switch {
	case k.ID.IsZero():
		return nil, refusal.New(refusal.NotFound, "No such API key.")
	case k.Revoked:
		return nil, refusal.New(refusal.KeyRevoked, "This API key has been revoked already.")
	}
	return []Event{KeyRevoked(w)}, nil
}

var kinds = codec.Kinds[Event]{
	TypeKeyIssued:  codec.Of[KeyIssued, Event](),
	TypeKeyRevoked: codec.Of[KeyRevoked, Event](),
}

// Types lists every event type of an API key's stream, in the order of the alphabet.
func Types() []string { return kinds.Types() }

// Encode gives what the log stores of e.
func Encode(e Event) (typ string, schema int, body []byte, err error) {
	return kinds.Encode(e.Type(), e)
}

// Decode reads what Encode ever wrote; errors wrap codec.ErrUnknownType or
// codec.ErrUnknownSchema, or say where the body is malformed.
func Decode(typ string, schema int, body []byte) (Event, error) {
	return kinds.Decode(typ, schema, body)
}
