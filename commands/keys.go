package commands

import (
	"context"
	"fmt"
	"io"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
)

// IssueKey wishes for a new API key.
type IssueKey struct {
	Merchant id.Merchant // zero: a key of the platform, bound to no merchant
	Kind     access.Kind
	Livemode bool
	Scopes   []access.Scope // of a secret key: none means merchant:admin
}

// pepperMin: as long as the digest it keys.
const pepperMin = 32

// KeyReply is how a key stands after a command. Secret is set once, by IssueKey.
type KeyReply struct {
	Key      access.Key
	Secret   access.Secret
	Position eventstore.Position // zero for a repeat
	Answer   Answer              // see MerchantReply
	Replayed bool
}

// IssueKey draws a key and records what it can be found and verified by; the secret
// itself is in the reply and nowhere else, so a repeat under the same idempotency key
// is told of the key and not its secret. Hashing takes tens of milliseconds.
func (d *Desk) IssueKey(ctx context.Context, call Call, w IssueKey) (KeyReply, error) {
	if len(d.pepper) < pepperMin {
		return KeyReply{}, fmt.Errorf("issue a key: pepper of %d bytes, want %d", len(d.pepper), pepperMin)
	}
	var random [32]byte
	if _, err := io.ReadFull(d.random, random[:]); err != nil {
		return KeyReply{}, fmt.Errorf("draw a key: %w", err)
	}
	secret := access.NewSecret(random, w.Kind, w.Livemode)
	hash, err := HashSecret(d.random, secret)
	if err != nil {
		return KeyReply{}, err
	}
	wish := access.Issue{
		Key: id.From[id.Key](d.newID()), Merchant: w.Merchant, Secret: secret, Scopes: w.Scopes,
		Digest: secret.Digest(d.pepper), Hash: hash,
	}
	if _, refused := wish.Decide(access.Key{}); refused != nil {
		return KeyReply{}, refused
	}
	at, err := d.placeOfKey(ctx, wish.Key, w.Merchant, w.Livemode)
	if err != nil {
		return KeyReply{}, err
	}
	after, err := alter(ctx, d, keys, call, at, wish.Decide)
	if err != nil {
		return KeyReply{}, err
	}
	if after.replayed {
		secret = access.Secret{}
	}
	return KeyReply{Key: after.state, Secret: secret, Position: after.position, Answer: after.answer, Replayed: after.replayed}, nil
}

// RevokeKey ends a key of the caller's merchant, or as the platform any, for good.
func (d *Desk) RevokeKey(ctx context.Context, call Call, key id.Key, w access.Revoke) (KeyReply, error) {
	history, err := d.log.ReadStream(ctx, key.UUID(), 0, historyMax)
	if err != nil {
		return KeyReply{}, fmt.Errorf("read key %s: %w", key, err)
	}
	state, err := keys.fold(history)
	if err != nil {
		return KeyReply{}, err
	}
	who := call.Principal
	if !who.Platform && (state.Merchant != who.Merchant || state.Livemode != who.Livemode) {
		return KeyReply{}, refusal.New(refusal.NotFound, "No such API key.")
	}
	at, err := d.placeOfKey(ctx, key, state.Merchant, state.Livemode)
	if err != nil {
		return KeyReply{}, err
	}
	after, err := alter(ctx, d, keys, call, at, w.Decide)
	if err != nil {
		return KeyReply{}, err
	}
	return KeyReply{Key: after.state, Position: after.position, Answer: after.answer, Replayed: after.replayed}, nil
}

// placeOfKey: a key lives in its merchant's lane, a platform key in the first.
func (d *Desk) placeOfKey(ctx context.Context, key id.Key, m id.Merchant, livemode bool) (place, error) {
	at := place{stream: key.UUID(), lane: d.laneNumbers[0], merchant: m, livemode: livemode}
	if m.IsZero() {
		return at, nil
	}
	var err error
	at.lane, err = d.laneOf(ctx, m)
	return at, err
}
