// Package access is the read models that tell who calls: API keys by the digest of
// their secret, and merchants.
package access

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/projections"
)

// The names of the two projections, in checkpoints and tables.
const (
	KeysName      = "api_keys"
	MerchantsName = "merchants"
)

// The aggregates of the streams folded here.
const (
	AggregateKey      = "api_key"
	AggregateMerchant = "merchant"
)

// DecodeKey is the projections.Decoder of API keys' streams.
func DecodeKey(typ string, schema int, body []byte) (any, error) {
	return access.Decode(typ, schema, body)
}

// KeyRow is an API key with its place.
type KeyRow struct {
	access.Key
	Lane    int   // of its stream, so of its merchant
	Changed int64 // position of its latest event
}

// Keys is the projection of API keys for a Follower.
func Keys() projections.Projection {
	return &projections.Rows[KeyRow]{
		ProjectionName: KeysName, Aggregate: AggregateKey, Fold: foldKey,
		Contents: func(version int) []projections.Content {
			return []projections.Content{{Name: fmt.Sprintf("api_keys_v%d", version)}}
		},
		Table: func(version int) projections.Table[KeyRow] {
			return keyTable{load: fmt.Sprintf(selectKeys, version), upsert: fmt.Sprintf(upsertKey, version)}
		},
	}
}

func foldKey(row *KeyRow, e *projections.Event) error {
	fact, fits := e.Fact.(access.Event)
	if !fits {
		return fmt.Errorf("an API key's stream holds a %T", e.Fact)
	}
	row.Key = access.Evolve(row.Key, fact)
	row.Version, row.Lane, row.Changed = e.Version, e.Lane, e.Position
	return nil
}

const keyColumns = `key_id, merchant_id, livemode, kind, scopes, masked, digest, hash, revoked, version, lane, changed`

const (
	selectKeys = `SELECT ` + keyColumns + ` FROM api_keys_v%d WHERE key_id = ANY($1)`

	upsertKey = `
INSERT INTO api_keys_v%d (` + keyColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (key_id) DO UPDATE SET revoked = excluded.revoked, version = excluded.version, changed = excluded.changed`

	selectByDigest = `SELECT ` + keyColumns + ` FROM api_keys WHERE digest = $1`

	// One position per lane, from the end of an index: cheap, and it grows with every change.
	selectRevision = `
SELECT coalesce(sum((SELECT max(changed) FROM api_keys k WHERE k.lane = l.lane)), 0)::bigint FROM lanes l`
)

type keyTable struct{ load, upsert string }

// Load implements projections.Table.
func (t keyTable) Load(trip *projections.Trip, keys []projections.RowKey, found func(uuid.UUID, *KeyRow)) {
	ids := make([][16]byte, len(keys))
	for i, key := range keys {
		ids[i] = key.Stream
	}
	trip.Query(t.load, func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, scanKey)
		for i := range all {
			found(all[i].ID.UUID(), &all[i])
		}
		return err
	}, ids)
}

// Save implements projections.Table. Keys change so rarely that a statement each is fine.
func (t keyTable) Save(trip *projections.Trip, changes []*projections.Change[KeyRow]) {
	for _, change := range changes {
		k := change.New
		digest, err := hex.DecodeString(k.Digest)
		if err != nil {
			digest = []byte(k.Digest) // found by nobody, and seen by whoever looks
		}
		scopes := []string{}
		for _, scope := range k.Scopes.List() {
			scopes = append(scopes, string(scope))
		}
		trip.Query(t.upsert, nil, change.Stream, k.Merchant.UUID(), k.Livemode, string(k.Kind), scopes, k.Masked, digest, k.Hash,
			k.Revoked, k.Version, k.Lane, k.Changed)
	}
}

func scanKey(row pgx.CollectableRow) (k KeyRow, err error) {
	var key, merchant uuid.UUID
	var kind string
	var names []access.Scope
	var digest []byte
	err = row.Scan(&key, &merchant, &k.Livemode, &kind, &names, &k.Masked, &digest, &k.Hash, &k.Revoked, &k.Version, &k.Lane, &k.Changed)
	if err != nil {
		return k, err
	}
	k.ID, k.Merchant = id.From[id.Key](key), id.From[id.Merchant](merchant)
	k.Kind, k.Digest = access.Kind(kind), hex.EncodeToString(digest)
	for _, name := range names { // one that this binary does not know grants nothing
		if scope, err := access.ScopesOf(name); err == nil {
			k.Scopes |= scope
		}
	}
	return k, nil
}

// KeyQuery finds API keys. Its methods may be called from any number of goroutines.
type KeyQuery struct{ DB projections.Database }

// ByDigest finds a key, revoked ones too, with the lane of its merchant. A key that
// was issued is found once the read model has reached its position.
func (q KeyQuery) ByDigest(ctx context.Context, digest access.Digest) (key access.Key, lane int, found bool, err error) {
	rows, err := q.DB.Query(ctx, selectByDigest, digest[:])
	if err != nil {
		return access.Key{}, 0, false, fmt.Errorf("find an API key: %w", err)
	}
	row, err := pgx.CollectExactlyOneRow(rows, scanKey)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return access.Key{}, 0, false, nil
	case err != nil:
		return access.Key{}, 0, false, fmt.Errorf("find an API key: %w", err)
	}
	return row.Key, row.Lane, true, nil
}

// Revision grows whenever any key is issued or revoked.
func (q KeyQuery) Revision(ctx context.Context) (revision int64, err error) {
	if err := q.DB.QueryRow(ctx, selectRevision).Scan(&revision); err != nil {
		return 0, fmt.Errorf("read the revision of API keys: %w", err)
	}
	return revision, nil
}
