package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
)

// Keys finds API keys by the keyed digest of their text.
type Keys interface {
	// ByDigest finds a key, revoked ones too, with the lane of its merchant.
	ByDigest(ctx context.Context, digest access.Digest) (key access.Key, lane int, found bool, err error)
	// Revision is a number that changes whenever any key is issued, revoked or
	// changed. It is asked twice a second, so it must be cheap.
	Revision(ctx context.Context) (int64, error)
}

const (
	// revisionEvery is how often we ask whether any key changed; with the time the
	// question takes, a revoked key stops within a second.
	revisionEvery = 500 * time.Millisecond
	// askTimeout bounds that question: everybody waits for the one who asks.
	askTimeout = time.Second
	// lookUpTimeout bounds the look-up of one key.
	lookUpTimeout = 2 * time.Second
	// trustFor is how long a key is believed without being looked up again, even
	// when no change was announced.
	trustFor = time.Minute
	// verifiedFor is how long an Argon2id verification stands for a key's text.
	verifiedFor = 24 * time.Hour
	// keysMax bounds the memory: about 500 bytes each.
	keysMax = 100_000
	// verifiersMax bounds Argon2id at work: 19 MiB and a core each.
	verifiersMax = 2
)

// remembered is a key whose text was verified. It is replaced, never changed.
type remembered struct {
	principal access.Principal
	hash      string // that the text was verified against
	revision  int64  // of all keys when it was looked up
	lookedUp  time.Time
	verified  time.Time
}

// keyring turns the Authorization header into a principal. A warm key costs one
// HMAC and one look-up in memory: the memory is keyed by the digest, so it never
// holds a key. Revocation is noticed by revision, not by asking for each key.
type keyring struct {
	keys    Keys
	peppers [][]byte
	now     func() time.Time
	meter   *meter
	known   *otter.Cache[access.Digest, *remembered]
	slots   chan struct{}
	// verifying joins the callers that wait for one key's verification.
	verifying singleflight.Group

	revision atomic.Int64
	checked  atomic.Int64  // when revision was last read, Unix nanoseconds
	asking   chan struct{} // holds one: who asks
	asked    atomic.Int64  // how often it was asked
	said     error         // what went wrong the last time; belongs to who asks
}

func newKeyring(keys Keys, peppers [][]byte, now func() time.Time, m *meter) *keyring {
	return &keyring{
		keys: keys, peppers: peppers, now: now, meter: m, slots: make(chan struct{}, verifiersMax), asking: make(chan struct{}, 1),
		known: otter.Must(&otter.Options[access.Digest, *remembered]{MaximumSize: keysMax}),
	}
}

// authenticate answers who calls; a *failure of 401 if nobody we know.
func (k *keyring) authenticate(ctx context.Context, header http.Header) (access.Principal, error) {
	secret, err := secretOf(header)
	if err != nil {
		return access.Principal{}, err
	}
	if err := k.refreshRevision(ctx); err != nil {
		return access.Principal{}, err
	}
	for _, pepper := range k.peppers {
		principal, found, err := k.open(ctx, secret, secret.Digest(pepper))
		if found || err != nil {
			return principal, err
		}
	}
	k.meter.keyChecks.WithLabelValues("unknown").Inc()
	return access.Principal{}, fail(codeKeyInvalid, "This API key is not one of ours.")
}

func (k *keyring) open(ctx context.Context, secret access.Secret, digest access.Digest) (access.Principal, bool, error) {
	known, _ := k.known.GetIfPresent(digest)
	if known != nil && known.revision == k.revision.Load() && k.now().Sub(known.lookedUp) < trustFor {
		return known.principal, true, nil
	}
	revision := k.revision.Load() // before the look-up: a change during it is seen next time
	key, lane, found, err := k.lookUp(ctx, digest)
	if err != nil {
		return access.Principal{}, false, fmt.Errorf("look an API key up: %w", unavailable{err})
	}
	if !found {
		k.known.Invalidate(digest)
		return access.Principal{}, false, nil
	}
	principal, usable := key.Principal()
	if !usable {
		k.known.Invalidate(digest)
		k.meter.keyChecks.WithLabelValues("revoked").Inc()
		return access.Principal{}, true, fail(codeKeyRevoked, "This API key was revoked.")
	}
	if known == nil || known.hash != key.Hash || k.now().Sub(known.verified) > verifiedFor {
		if err := k.verifyOnce(ctx, secret, digest, key.Hash); err != nil {
			return access.Principal{}, true, err
		}
	}
	principal.Lane = lane
	k.remember(digest, known, &remembered{principal: principal, hash: key.Hash, revision: revision, lookedUp: k.now()})
	return principal, true, nil
}

func (k *keyring) lookUp(ctx context.Context, digest access.Digest) (access.Key, int, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	return k.keys.ByDigest(ctx, digest)
}

// remember keeps the moment of the first verification over later look-ups.
func (k *keyring) remember(digest access.Digest, before, now *remembered) {
	now.verified = now.lookedUp
	if before != nil && before.hash == now.hash && now.lookedUp.Sub(before.verified) <= verifiedFor {
		now.verified = before.verified
	}
	k.known.Set(digest, now)
}

// verifyOnce lets callers who come with the same cold key at once wait for one
// verification: a busy merchant's first second would else cost minutes of CPU.
func (k *keyring) verifyOnce(ctx context.Context, secret access.Secret, digest access.Digest, hash string) error {
	_, err, _ := k.verifying.Do(string(digest[:])+hash, func() (any, error) {
		return nil, k.verify(context.WithoutCancel(ctx), secret, hash)
	})
	return err
}

// verify pays for Argon2id, few at a time.
func (k *keyring) verify(ctx context.Context, secret access.Secret, hash string) error {
	select {
	case k.slots <- struct{}{}:
		defer func() { <-k.slots }()
	case <-ctx.Done():
		return fmt.Errorf("wait to verify an API key: %w", ctx.Err())
	}
	if !commands.VerifySecret(hash, secret) {
		k.meter.keyChecks.WithLabelValues("wrong").Inc()
		return fail(codeKeyInvalid, "This API key is not one of ours.")
	}
	k.meter.keyChecks.WithLabelValues("verified").Inc()
	return nil
}

// refreshRevision asks for the revision when the last answer is old. One request
// asks; the others go on with the last answer until it is twice as old, so that a
// slow database is felt by one request and a lost one by all.
func (k *keyring) refreshRevision(ctx context.Context) error {
	age := k.now().UnixNano() - k.checked.Load()
	if age < int64(revisionEvery) {
		return nil
	}
	before := k.asked.Load()
	select {
	case k.asking <- struct{}{}:
	default:
		if age < int64(2*revisionEvery) {
			return nil
		}
		select {
		case k.asking <- struct{}{}:
		case <-ctx.Done():
			return fmt.Errorf("wait to learn whether API keys changed: %w", unavailable{ctx.Err()})
		}
	}
	defer func() { <-k.asking }()
	if k.asked.Load() == before {
		k.ask(ctx)
	}
	return k.said // also what another said while we waited: one time-out for all, not one each
}

// ask reads the revision. The client may go away: others wait for the answer.
func (k *keyring) ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	began := k.now()
	revision, err := k.keys.Revision(ctx)
	k.said = nil
	if err != nil {
		k.said = fmt.Errorf("ask whether API keys changed: %w", unavailable{err})
	} else {
		k.revision.Store(revision)
		k.checked.Store(began.UnixNano())
	}
	k.asked.Add(1)
}

// secretOf reads the key of Authorization: Bearer <key>, or Basic with the key as
// user name and no password.
func secretOf(header http.Header) (access.Secret, error) {
	value, sent := first(header, "Authorization")
	if !sent || value == "" {
		return access.Secret{}, fail(codeKeyMissing, "No API key was sent. Send Authorization: Bearer and a secret key.")
	}
	scheme, text, _ := strings.Cut(value, " ")
	switch {
	case strings.EqualFold(scheme, "Basic"):
		decoded, err := base64.StdEncoding.DecodeString(text)
		user, password, found := strings.Cut(string(decoded), ":")
		if err != nil || !found || password != "" {
			return access.Secret{}, fail(codeKeyInvalid, "Send the key as the user name, with an empty password.")
		}
		text = user
	case !strings.EqualFold(scheme, "Bearer"):
		return access.Secret{}, fail(codeKeyMissing, "Send Authorization: Bearer and a secret key.")
	}
	secret, err := access.ParseSecret(text)
	if err != nil {
		return access.Secret{}, fail(codeKeyInvalid, "This is not an API key, or not a complete one.")
	}
	return secret, nil
}

// unavailable marks trouble of storage, so that it answers 503 and not 500.
type unavailable struct{ error }

// Unwrap gives the cause.
func (u unavailable) Unwrap() error { return u.error }
