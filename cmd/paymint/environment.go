package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/paymint/paymint/eventstore/embedded"
)

// environment is the pair of services that every command works on: given by
// DATABASE_URL and NATS_URL, embedded in this process, or embedded in another
// process that runs on the same data folder.
type environment struct {
	DatabaseURL string // the owner's connection: migrations and look-ups
	NATSURL     string
	Folder      string // of the embedded services; empty when both are given
	Postgres    *embedded.Postgres
	NATS        *embedded.NATS
	lock        *embedded.DirLock
}

const databaseName = "paymint"

// openOwn makes sure that this process alone works on the folder, and starts
// what is not given by URL.
func openOwn(ctx context.Context, c Config, log *slog.Logger) (*environment, error) {
	e := &environment{DatabaseURL: string(c.DatabaseURL), NATSURL: string(c.NATSURL)}
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
		e.DatabaseURL = e.Postgres.URL(databaseName, "")
	}
	if e.NATSURL == "" {
		if e.NATS, err = embedded.StartNATS(embedded.NATSOptions{Dir: filepath.Join(e.Folder, "nats"), Listen: true, Log: log}); err != nil {
			return err
		}
		e.NATSURL = e.NATS.ClientURL()
	}
	return nil
}

// openShared reaches the services for a command that looks after data: the given
// ones, those of a running `paymint up` on the folder, or its own for as long as
// the command runs.
func openShared(ctx context.Context, c Config, log *slog.Logger) (*environment, error) {
	if c.DatabaseURL != "" && c.NATSURL != "" {
		return &environment{DatabaseURL: string(c.DatabaseURL), NATSURL: string(c.NATSURL)}, nil
	}
	own, err := openOwn(ctx, c, log)
	if !errors.Is(err, embedded.ErrLocked) {
		return own, err
	}
	var running runFile
	if err := readFile(c.DataDir, runFileName, &running); err != nil {
		return nil, fmt.Errorf("%s is in use and does not say where its services are: %w; try again once it has started", c.DataDir, err)
	}
	return &environment{DatabaseURL: running.DatabaseURL, NATSURL: running.NATSURL}, nil
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
