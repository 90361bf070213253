package access

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/projections"
)

// DecodeMerchant is the projections.Decoder of merchants' streams.
func DecodeMerchant(typ string, schema int, body []byte) (any, error) {
	return merchant.Decode(typ, schema, body)
}

// MerchantRow is what lists of merchants show and filter by.
type MerchantRow struct {
	Merchant     id.Merchant
	Lane         int
	Version      int
	Status       merchant.Status
	BusinessName string
}

// Merchants is the projection of merchants for a Follower.
func Merchants() projections.Projection {
	return &projections.Rows[MerchantRow]{
		ProjectionName: MerchantsName, Aggregate: AggregateMerchant, Fold: foldMerchant,
		Contents: func(version int) []projections.Content {
			return []projections.Content{{Name: fmt.Sprintf("merchants_v%d", version)}}
		},
		Table: func(version int) projections.Table[MerchantRow] {
			return merchantTable{load: fmt.Sprintf(selectMerchants, version), upsert: fmt.Sprintf(upsertMerchant, version)}
		},
	}
}

func foldMerchant(row *MerchantRow, e *projections.Event) error {
	fact, fits := e.Fact.(merchant.Event)
	if !fits {
		return fmt.Errorf("a merchant's stream holds a %T", e.Fact)
	}
	s := merchant.Evolve(merchant.State{ID: row.Merchant, Status: row.Status, BusinessName: row.BusinessName}, fact)
	*row = MerchantRow{Merchant: s.ID, Lane: e.Lane, Version: e.Version, Status: s.Status, BusinessName: s.BusinessName}
	return nil
}

const merchantColumns = `merchant_id, lane, version, status, business_name`

const (
	selectMerchants = `SELECT ` + merchantColumns + ` FROM merchants_v%d WHERE merchant_id = ANY($1)`

	upsertMerchant = `
INSERT INTO merchants_v%d (` + merchantColumns + `) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (merchant_id) DO UPDATE SET version = excluded.version, status = excluded.status, business_name = excluded.business_name`

	selectPage = `SELECT ` + merchantColumns + ` FROM merchants WHERE merchant_id > $1 ORDER BY merchant_id LIMIT $2`
)

type merchantTable struct{ load, upsert string }

// Load implements projections.Table.
func (t merchantTable) Load(trip *projections.Trip, keys []projections.RowKey, found func(uuid.UUID, *MerchantRow)) {
	ids := make([][16]byte, len(keys))
	for i, key := range keys {
		ids[i] = key.Stream
	}
	trip.Query(t.load, func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, scanMerchant)
		for i := range all {
			found(all[i].Merchant.UUID(), &all[i])
		}
		return err
	}, ids)
}

// Save implements projections.Table. Merchants change so rarely that a statement each is fine.
func (t merchantTable) Save(trip *projections.Trip, changes []*projections.Change[MerchantRow]) {
	for _, change := range changes {
		m := change.New
		trip.Query(t.upsert, nil, change.Stream, m.Lane, m.Version, string(m.Status), m.BusinessName)
	}
}

func scanMerchant(row pgx.CollectableRow) (m MerchantRow, err error) {
	var u uuid.UUID
	var status string
	err = row.Scan(&u, &m.Lane, &m.Version, &status, &m.BusinessName)
	m.Merchant, m.Status = id.From[id.Merchant](u), merchant.Status(status)
	return m, err
}

// MerchantQuery answers questions about merchants.
type MerchantQuery struct {
	DB  projections.Database
	Log projections.Streams
}

// Find returns a merchant as it is now, folded from its stream. The error is
// projections.ErrNotFound or trouble.
func (q MerchantQuery) Find(ctx context.Context, of id.Merchant) (merchant.State, error) {
	events, err := q.Log.ReadStream(ctx, of.UUID(), 0, projections.StreamEventsMax)
	if err != nil {
		return merchant.State{}, fmt.Errorf("read merchant %s: %w", of, err)
	}
	if len(events) == 0 || events[0].Stream.Aggregate != AggregateMerchant {
		return merchant.State{}, projections.ErrNotFound
	}
	var s merchant.State
	for i := range events {
		fact, err := merchant.Decode(events[i].Type, events[i].Schema, events[i].Body)
		if err != nil {
			return merchant.State{}, fmt.Errorf("decode %s, version %d of merchant %s: %w", events[i].Type, events[i].Version, of, err)
		}
		s = merchant.Evolve(s, fact)
	}
	return s, nil
}

// List returns up to limit merchants behind after, oldest first.
func (q MerchantQuery) List(ctx context.Context, after id.Merchant, limit int) ([]MerchantRow, error) {
	rows, err := q.DB.Query(ctx, selectPage, after.UUID(), limit)
	if err != nil {
		return nil, fmt.Errorf("list merchants: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanMerchant)
	if err != nil {
		return nil, fmt.Errorf("list merchants: %w", err)
	}
	return all, nil
}
