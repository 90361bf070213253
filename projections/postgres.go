package projections

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// connectionsMax is one connection for each of the lanes a process usually follows,
// and one to look around with.
const connectionsMax = 4

// Postgres is the Storage of production. It opens connections of its own, with
// WriterSettings.
type Postgres struct{ pool *pgxpool.Pool }

// OpenPostgres connects lazily: a database that is away is trouble of the first call.
// With a role, connections act as that role (paymint_projector).
func OpenPostgres(ctx context.Context, url, role string) (*Postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("projections: parse the database's address: %w", err)
	}
	for name, value := range WriterSettings() {
		config.ConnConfig.RuntimeParams[name] = value
	}
	if role != "" {
		config.ConnConfig.RuntimeParams["role"] = role
	}
	config.ConnConfig.RuntimeParams["application_name"] = "paymint projector"
	config.MaxConns = connectionsMax
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("projections: open the database: %w", err)
	}
	return &Postgres{pool: pool}, nil
}

// Close ends the connections; a transaction under way is rolled back.
func (p *Postgres) Close() { p.pool.Close() }

const (
	insertProgress = `
INSERT INTO projection_checkpoints (name, version, lane, position)
SELECT n, coalesce((SELECT v.version FROM projection_versions v WHERE v.name = n), 1), $1, 0 FROM unnest($2::text[]) n
    ON CONFLICT DO NOTHING`
	insertVersions = `
INSERT INTO projection_versions (name, version) SELECT n, 1 FROM unnest($1::text[]) n ON CONFLICT DO NOTHING`
	selectProgress = `
SELECT v.name, v.version, c.position
  FROM unnest($2::text[]) WITH ORDINALITY AS n(name, place)
  JOIN projection_versions v ON v.name = n.name
  JOIN projection_checkpoints c ON c.name = v.name AND c.version = v.version AND c.lane = $1
 ORDER BY n.place`
)

// Progress implements Storage.
func (p *Postgres) Progress(ctx context.Context, lane int, names []string) ([]Progress, error) {
	for attempt := 0; ; attempt++ {
		all, err := p.progress(ctx, lane, names)
		if err != nil {
			return nil, fmt.Errorf("read the checkpoints of lane %d: %w", lane, err)
		}
		if len(all) == len(names) {
			return all, nil
		}
		if attempt > 0 {
			return nil, fmt.Errorf("read the checkpoints of lane %d: found %d of %v", lane, len(all), names)
		}
		var b pgx.Batch
		b.Queue(insertVersions, names)
		b.Queue(insertProgress, lane, names)
		if err := p.pool.SendBatch(ctx, &b).Close(); err != nil {
			return nil, fmt.Errorf("make checkpoints of lane %d: %w", lane, err)
		}
	}
}

func (p *Postgres) progress(ctx context.Context, lane int, names []string) ([]Progress, error) {
	rows, err := p.pool.Query(ctx, selectProgress, lane, names)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Progress])
}

// Load implements Storage.
func (p *Postgres) Load(ctx context.Context, trip *Trip) error {
	if trip.sql.Len() == 0 {
		return nil
	}
	if err := p.pool.SendBatch(ctx, &trip.sql).Close(); err != nil {
		return fmt.Errorf("read rows: %w", err)
	}
	return nil
}

// overtaken is what advance_checkpoints raises.
const overtaken = "PM001"

const (
	advance = `SELECT advance_checkpoints($1, $2, $3, $4, $5)`
	park    = `
INSERT INTO parked_streams (projection, version, lane, stream_id, aggregate, position, stream_version, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`
	unpark = `DELETE FROM parked_streams WHERE projection = $1 AND version = $2 AND stream_id = $3`
)

// Commit implements Storage. Without copies everything travels in one pipeline, which
// PostgreSQL runs as one transaction; the checkpoints come first and hold everybody
// else off.
func (p *Postgres) Commit(ctx context.Context, step Step, trip *Trip) error {
	var b pgx.Batch
	queueStep(&b, step)
	if len(trip.copies) == 0 {
		b.QueuedQueries = append(b.QueuedQueries, trip.sql.QueuedQueries...)
		return said(p.pool.SendBatch(ctx, &b).Close())
	}
	return said(pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if err := tx.SendBatch(ctx, &b).Close(); err != nil {
			return err
		}
		return send(ctx, tx, trip)
	}))
}

// send writes a trip inside a transaction: copies first.
func send(ctx context.Context, tx pgx.Tx, trip *Trip) error {
	for _, c := range trip.copies {
		if _, err := tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(c.rows.finished()), c.statement); err != nil {
			return err
		}
	}
	if trip.sql.Len() == 0 {
		return nil
	}
	return tx.SendBatch(ctx, &trip.sql).Close()
}

func queueStep(b *pgx.Batch, step Step) {
	names, versions := make([]string, len(step.Of)), make([]int32, len(step.Of))
	for i, of := range step.Of {
		names[i], versions[i] = of.Name, int32(of.Version)
	}
	b.Queue(advance, step.Lane, names, versions, step.From, step.To)
	for _, s := range step.Park {
		b.Queue(park, s.Projection, s.Version, s.Lane, s.Stream, s.Aggregate, s.Position, s.StreamAt, strings.ToValidUTF8(strings.ReplaceAll(s.Reason, "\x00", ""), "?"))
	}
	for _, s := range step.Unpark {
		b.Queue(unpark, s.Projection, s.Version, s.Stream)
	}
}

// said sorts PostgreSQL's answers.
func said(err error) error {
	var answer *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &answer):
		return fmt.Errorf("write rows: %w", err)
	case answer.Code == overtaken:
		return ErrOvertaken
	case strings.HasPrefix(answer.Code, "22"), strings.HasPrefix(answer.Code, "23"):
		return &UnfitError{Err: err}
	default:
		return fmt.Errorf("write rows: %w", err)
	}
}

const selectParked = `
SELECT projection, version, lane, stream_id, aggregate, position, stream_version, reason, since
  FROM parked_streams WHERE lane = $1 ORDER BY lane, position, projection LIMIT $2`

// Parked implements Storage.
func (p *Postgres) Parked(ctx context.Context, lane, limit int) ([]Parked, error) {
	rows, err := p.pool.Query(ctx, selectParked, lane, limit)
	if err != nil {
		return nil, fmt.Errorf("read parked streams of lane %d: %w", lane, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Parked])
	if err != nil {
		return nil, fmt.Errorf("read parked streams of lane %d: %w", lane, err)
	}
	return all, nil
}
