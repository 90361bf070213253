package invariants

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/access"
	"github.com/paymint/paymint/projections/payments"
	"github.com/paymint/paymint/projections/refunds"
)

// Views are all read models of the database, in the versions in use. Rows are read
// through loader (projections.Postgres), everything else through db.
func Views(db projections.Database, loader Loader) []View {
	return []View{
		newPaymentsView(db),
		newTableView(db, loader, refunds.Projection(), RefundContent, refundSums),
		newTableView(db, loader, access.Keys(), keyContent, keySums),
		newTableView(db, loader, access.Merchants(), merchantContent, merchantSums),
	}
}

// Loader runs what a projection's table queued for reading; every projections.Storage
// is one.
type Loader interface {
	Load(ctx context.Context, trip *projections.Trip) error
}

// tableView is a View on a projection's own fold and table: what it loads is held
// against what it folds.
type tableView[R any] struct {
	db      projections.Database
	loader  Loader
	rows    *projections.Rows[R]
	content func(row *R) Row
	sums    []sum
}

func newTableView[R any](db projections.Database, loader Loader, of projections.Projection, content func(*R) Row, sums []sum) *tableView[R] {
	rows, _ := of.(*projections.Rows[R]) //nolint:errcheck // another kind of projection is a bug that the first use shows
	return &tableView[R]{db: db, loader: loader, rows: rows, content: content, sums: sums}
}

func newPaymentsView(db projections.Database) View {
	return paymentsView{newTableView[payments.Resource](db, nil, payments.Projection(), nil, paymentSums)}
}

// paymentsView compares the columns of rows, which say more than the resource that is
// read back from one of them.
type paymentsView struct{ *tableView[payments.Resource] }

// Fold implements View.
func (v paymentsView) Fold(events []eventstore.Event) (Row, error) {
	row, err := v.fold(events)
	if err != nil {
		return Row{}, err
	}
	stored := payments.StoredOf(*row, events[0].Lane)
	return Row{Stream: stored.Payment, Version: stored.Version, Content: stored.Text}, nil
}

// Rows implements View.
func (v paymentsView) Rows(ctx context.Context, keys []projections.RowKey) ([]Row, error) {
	stored, err := payments.ReadStored(ctx, v.db, keys)
	found := make([]Row, len(stored))
	for i, s := range stored {
		found[i] = Row{Stream: s.Payment, Version: s.Version, Content: s.Text}
	}
	return found, err
}

// Name implements View.
func (v *tableView[R]) Name() string { return v.rows.ProjectionName }

// Aggregate implements View.
func (v *tableView[R]) Aggregate() string { return v.rows.Aggregate }

const selectCheckpoint = `
SELECT coalesce((SELECT c.position FROM projection_versions v JOIN projection_checkpoints c ON c.name = v.name AND c.version = v.version
                  WHERE v.name = $1 AND c.lane = $2), 0)`

// Checkpoint implements View.
func (v *tableView[R]) Checkpoint(ctx context.Context, lane int) (position int64, err error) {
	err = v.db.QueryRow(ctx, selectCheckpoint, v.Name(), lane).Scan(&position)
	return position, err
}

const selectVersionInUse = `SELECT coalesce((SELECT version FROM projection_versions WHERE name = $1), 1)`

// Rows implements View, through the table's own loading.
func (v *tableView[R]) Rows(ctx context.Context, keys []projections.RowKey) ([]Row, error) {
	var version int
	if err := v.db.QueryRow(ctx, selectVersionInUse, v.Name()).Scan(&version); err != nil {
		return nil, err
	}
	return v.load(ctx, version, keys)
}

func (v *tableView[R]) load(ctx context.Context, version int, keys []projections.RowKey) (found []Row, err error) {
	var trip projections.Trip
	v.rows.Table(version).Load(&trip, keys, func(stream uuid.UUID, row *R) {
		r := v.content(row)
		r.Stream = stream
		found = append(found, r)
	})
	err = v.loader.Load(ctx, &trip)
	return found, err
}

// Fold implements View.
func (v *tableView[R]) Fold(events []eventstore.Event) (Row, error) {
	row, err := v.fold(events)
	if err != nil || v.rows.Keep != nil && !v.rows.Keep(row) {
		return Row{}, err
	}
	return v.content(row), nil
}

var decoders = projections.Decoders{
	projections.AggregatePayment: projections.DecodePayment,
	access.AggregateKey:          access.DecodeKey,
	access.AggregateMerchant:     access.DecodeMerchant,
}

func (v *tableView[R]) fold(events []eventstore.Event) (*R, error) {
	row := new(R)
	for i := range events {
		fact, err := decoders.Decode(&events[i])
		if err != nil {
			return nil, err
		}
		if err := v.rows.Fold(row, &projections.Event{Event: events[i], Fact: fact}); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// parkedMax bounds what is remembered of parked streams; more than a handful means
// that a whole type of event is unknown here.
const parkedMax = 100_000

const selectParked = `
SELECT p.stream_id, p.stream_version FROM parked_streams p JOIN projection_versions v ON v.name = p.projection AND v.version = p.version
 WHERE p.projection = $1 LIMIT $2`

// Parked implements View.
func (v *tableView[R]) Parked(ctx context.Context) (map[uuid.UUID]int, error) {
	rows, err := v.db.Query(ctx, selectParked, v.Name(), parkedMax)
	if err != nil {
		return nil, err
	}
	parked := map[uuid.UUID]int{}
	var stream uuid.UUID
	var version int
	_, err = pgx.ForEachRow(rows, []any{&stream, &version}, func() error {
		parked[stream] = version
		return nil
	})
	return parked, err
}

// RefundContent is a payment's refunds as a Row. Rows do not know the stream's version.
func RefundContent(p *refunds.Payment) Row {
	r := Row{Stream: p.Payment.UUID(), Content: []byte{}}
	of := slices.Clone(p.Refunds)
	slices.SortFunc(of, func(a, b refunds.Resource) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	for i := range of {
		r.Content = append(refunds.AppendJSON(r.Content, of[i]), ' ')
		r.Content = append(append(r.Content, of[i].Merchant.String()...), '\n')
	}
	return r
}

func keyContent(row *access.KeyRow) Row {
	return Row{Stream: row.ID.UUID(), Version: row.Version, Content: fmt.Appendf(nil, "%+v", *row)}
}

func merchantContent(row *access.MerchantRow) Row {
	return Row{Stream: row.Merchant.UUID(), Version: row.Version, Content: fmt.Appendf(nil, "%+v", *row)}
}
