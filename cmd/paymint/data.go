package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/paymint/paymint/cmd/invariants"
	"github.com/paymint/paymint/eventstore"
)

// data is what a command that looks after stored data works on: the services (see
// openShared) and connections that can only read.
type data struct {
	Config Config
	env    *environment
	pool   *pgxpool.Pool
	log    *slog.Logger
}

const (
	dataPool    = 4
	pingTimeout = 10 * time.Second
)

var errNoSchema = errors.New("the database holds no Paymint data yet; run `paymint migrate`, or `paymint up`, first")

// openServices reaches the services. Embedded ones are started when nobody runs them;
// they speak up only when something is wrong.
func openServices(command *cobra.Command, settings func() (Config, error)) (*data, error) {
	c, err := settings()
	if err != nil {
		return nil, err
	}
	d := &data{Config: c, log: newLogger(command.ErrOrStderr(), slog.LevelWarn)}
	if d.env, err = openShared(command.Context(), c, d.log); err != nil {
		return nil, err
	}
	return d, nil
}

// openData is openServices with a pool to read through. The caller closes it.
func openData(command *cobra.Command, settings func() (Config, error)) (*data, error) {
	d, err := openServices(command, settings)
	if err != nil {
		return nil, err
	}
	if err := d.connect(command.Context()); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *data) connect(ctx context.Context) (err error) {
	config, err := pgxpool.ParseConfig(d.env.DatabaseURL)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	config.MaxConns = dataPool
	for name, value := range invariants.ReaderSettings() {
		config.ConnConfig.RuntimeParams[name] = value
	}
	config.AfterConnect = becomeAuditor
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := d.pool.Ping(ctx); err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	return nil
}

// becomeAuditor leaves a session nothing but reading, whatever the login may do.
func becomeAuditor(ctx context.Context, conn *pgx.Conn) error {
	var there bool
	if err := conn.QueryRow(ctx, `SELECT to_regclass('public.stream_heads') IS NOT NULL`).Scan(&there); err != nil {
		return err
	}
	if !there {
		return errNoSchema
	}
	_, err := conn.Exec(ctx, `SET ROLE paymint_auditor; SET default_transaction_read_only = on`)
	return err
}

func (d *data) close() {
	if d.pool != nil {
		d.pool.Close()
	}
	_ = d.env.close(d.log) // it logs what went wrong; the command's own outcome stands
}

// lent reports whether the services run for this command alone: nobody appends,
// relays or projects meanwhile.
func (d *data) lent() bool { return d.env.Postgres != nil || d.env.NATS != nil }

// events reads the log's tables.
func (d *data) events() invariants.Postgres { return invariants.Postgres{Pool: d.pool} }

// eventOf opens a stored record.
func eventOf(r invariants.Record) (eventstore.Event, error) {
	e, err := eventstore.ParseFrame(r.Frame)
	if err != nil {
		return e, fmt.Errorf("event %d.%d cannot be read: %w; run `paymint verify`", r.Lane, r.Position, err)
	}
	e.Lane, e.Position = r.Lane, r.Position
	copy(e.Hash[:], r.Hash)
	return e, nil
}

// jsonFlag gives command --json.
func jsonFlag(command *cobra.Command, meaning string) *bool {
	return command.Flags().Bool("json", false, meaning)
}

// printJSON writes v for people and programs alike.
func printJSON(command *cobra.Command, v any) error {
	encoder := json.NewEncoder(command.OutOrStdout())
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// printText writes what a command has to say.
func printText(command *cobra.Command, text string) error {
	_, err := io.WriteString(command.OutOrStdout(), text)
	return err
}

// isTerminal reports whether a person looks at f.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
