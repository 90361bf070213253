package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"

	"github.com/paymint/paymint/eventstore/embedded"
)

// environment is the pair of services that every command works on: given by
// DATABASE_URL and NATS_URL, embedded in this process, or embedded in another
// process that runs on the same data folder.
type environment struct {
	DatabaseURL string // the servers' login: everything at run time
	OwnerURL    string // of a login that may take paymint_owner: migrations and rebuilds; given services: DatabaseURL
	NATSURL     string
	Folder      string // of the embedded services; empty when both are given
	Postgres    *embedded.Postgres
	NATS        *embedded.NATS
	lock        *embedded.DirLock
	published   bool // DIR/run.json tells of these services
}

const (
	databaseName = "paymint"
	// serverLogin is no superuser: a hole in a server must not open the cluster.
	serverLogin = "paymint_server"
)

// openOwn makes sure that this process alone works on the folder, and starts
// what is not given by URL.
func openOwn(ctx context.Context, c Config, log *slog.Logger) (*environment, error) {
	e := given(c)
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return nil, err
	}
	e.Folder = dir
	if e.lock, err = embedded.Lock(dir); err != nil {
		return nil, err
	}
	if err := e.start(ctx, c, log); err != nil {
		return nil, errors.Join(err, e.close(log))
	}
	return e, nil
}

func (e *environment) start(ctx context.Context, c Config, log *slog.Logger) (err error) {
	if e.DatabaseURL == "" {
		if e.Postgres, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{
			Dir: filepath.Join(e.Folder, "postgres"), Bin: c.PostgresBin, Log: log,
		}); err != nil {
			return err
		}
		if err := e.Postgres.CreateDatabase(ctx, databaseName); err != nil {
			return err
		}
		e.OwnerURL = e.Postgres.URL(databaseName, "")
		if err := e.makeServerLogin(ctx); err != nil {
			return err
		}
		e.DatabaseURL = e.Postgres.URL(databaseName, serverLogin)
	}
	if e.NATSURL == "" {
		if e.NATS, err = embedded.StartNATS(embedded.NATSOptions{Dir: filepath.Join(e.Folder, "nats"), Listen: true, Log: log}); err != nil {
			return err
		}
		e.NATSURL = e.NATS.ClientURL()
	}
	return nil
}

// serverGroups are what the servers' login may act as. They are made here, before the
// migrations ask for them: a folder of an older release needs no step of its own.
const serverGroups = `
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['paymint_app', 'paymint_projector', 'paymint_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        END IF;
        IF NOT pg_has_role('` + serverLogin + `', wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO ` + serverLogin + `', wanted);
        END IF;
    END LOOP;
END
$$`

func (e *environment) makeServerLogin(ctx context.Context) error {
	if err := e.Postgres.CreateRole(ctx, serverLogin); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, e.OwnerURL)
	if err != nil {
		return fmt.Errorf("grant %s its roles: %w", serverLogin, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, serverGroups); err != nil {
		return fmt.Errorf("grant %s its roles: %w", serverLogin, err)
	}
	return nil
}

// given is what the environment gives by URL. There Paymint has one login, and what
// it may take says whether it can migrate.
func given(c Config) *environment {
	return &environment{DatabaseURL: string(c.DatabaseURL), OwnerURL: string(c.DatabaseURL), NATSURL: string(c.NATSURL)}
}

// openShared reaches the services for a command that looks after data: the given
// ones, those of a running `paymint up` on the folder, or its own for as long as
// the command runs.
func openShared(ctx context.Context, c Config, log *slog.Logger) (*environment, error) {
	if c.DatabaseURL != "" && c.NATSURL != "" {
		return given(c), nil
	}
	own, err := openOwn(ctx, c, log)
	taken, is := errors.AsType[*embedded.LockedError](err)
	if !is {
		return own, err
	}
	var running runFile
	if err := readFile(c.DataDir, runFileName, &running); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if running.PID == 0 || running.PID != taken.PID {
		return nil, fmt.Errorf("%w, which does not share its services: a server that starts or stops, or a command of its own; try again in a moment", err)
	}
	return &environment{DatabaseURL: running.DatabaseURL, OwnerURL: running.OwnerURL, NATSURL: running.NATSURL}, nil
}

// publish tells other commands where the services are: DIR/run.json. A crash leaves the
// file; then its process id is not that of the folder's next holder.
func (e *environment) publish() error {
	err := writeFile(e.Folder, runFileName, runFile{
		PID: os.Getpid(), DatabaseURL: e.DatabaseURL, OwnerURL: e.OwnerURL, NATSURL: e.NATSURL,
	})
	e.published = err == nil
	return err
}

// connectNATS opens a client connection that comes back by itself for ever:
// events wait in PostgreSQL while NATS is away.
func (e *environment) connectNATS(name string) (*nats.Conn, error) {
	options := []nats.Option{nats.Name(name), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.RetryOnFailedConnect(true)}
	if e.NATS != nil {
		return e.NATS.Connect(options...)
	}
	connection, err := nats.Connect(e.NATSURL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return connection, nil
}

const closeTimeout = 30 * time.Second

// close stops what this process started, PostgreSQL last: it is the truth.
func (e *environment) close(log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	var err error
	if e.published {
		if err = os.Remove(filepath.Join(e.Folder, runFileName)); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
	}
	if e.NATS != nil {
		err = errors.Join(err, e.NATS.Stop())
	}
	if e.Postgres != nil {
		err = errors.Join(err, e.Postgres.Stop(ctx))
	}
	if e.lock != nil {
		err = errors.Join(err, e.lock.Unlock())
	}
	if err != nil {
		log.Error("the embedded services did not stop cleanly", "error", err)
	}
	return err
}
