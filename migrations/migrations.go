// Package migrations is the ground: the database's schema as numbered files, forward
// only, embedded in the binary.
//
// Everything belongs to the role paymint_owner, which is used here and nowhere else:
// the connection takes it before the first file is read, so a file grants what the
// other roles (roles.sql) may do with what it makes. The user of the connection needs
// to be a member of it; on an empty server the right to create roles is enough.
//
// Files run beside live traffic. A statement waits at most lockPatience for a lock,
// because all traffic queues behind it meanwhile; then its file is rolled back and
// tried again.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	lockPatience = "500ms"
	attemptsMax  = 30 // a minute or so; a lock held for longer is somebody's open transaction
	pause        = time.Second

	// starterLock keeps concurrent starts apart; goose's own default would be shared with
	// other programs on the database.
	starterLock     = 0x7061796d696e74 // "paymint"
	starterPatience = 300              // times one second

	lockNotAvailable = "55P03"
	concurrentUpdate = "XX000"
)

//go:embed *.sql
var files embed.FS

// Applied is one file and when it ran.
type Applied struct {
	Version int64
	File    string
	At      time.Time // zero: it waits
}

// Up brings the database at url to this binary's schema. Several processes may start
// at once: one migrates, the others wait and find nothing left to do. On an error the
// files that ran before it stay applied, the failing one has left nothing behind.
func Up(ctx context.Context, url string) error {
	if err := makeRoles(ctx, url); err != nil {
		return fmt.Errorf("migrate: make the roles: %w", err)
	}
	return with(url, func(provider *goose.Provider) error {
		for attempt := 1; ; attempt++ {
			_, err := provider.Up(ctx)
			refused, ok := errors.AsType[*pgconn.PgError](err)
			if err == nil || !ok || refused.Code != lockNotAvailable || attempt == attemptsMax {
				return err
			}
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
}

// Status lists this binary's files in order. It changes nothing that matters: an
// untouched database gets goose's own empty table.
func Status(ctx context.Context, url string) (list []Applied, err error) {
	err = with(url, func(provider *goose.Provider) error {
		states, err := provider.Status(ctx)
		for _, state := range states {
			list = append(list, Applied{Version: state.Source.Version, File: state.Source.Path, At: state.AppliedAt})
		}
		return err
	})
	return list, err
}

func with(url string, use func(*goose.Provider) error) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(becomeOwner))
	defer func() { _ = db.Close() }() // nothing of it is used any more
	provider, err := newProvider(db)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := use(provider); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func newProvider(db *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(starterLock), lock.WithLockTimeout(1, starterPatience))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true), goose.WithExcludeNames([]string{"roles.sql"}))
}

func becomeOwner(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET ROLE paymint_owner; SET search_path = public; SET lock_timeout = '"+lockPatience+"'; SET timezone = 'UTC'")
	return err
}

// makeRoles is repeated when another database of the same server is migrated at the
// same moment: roles are shared, and PostgreSQL lets the second change of one fail.
func makeRoles(ctx context.Context, url string) error {
	text, err := files.ReadFile("roles.sql")
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for attempt := 1; ; attempt++ {
		_, err = conn.Exec(ctx, string(text))
		refused, ok := errors.AsType[*pgconn.PgError](err)
		switch {
		case ok && refused.Code == concurrentUpdate && attempt < attemptsMax:
		case ok && refused.Hint != "":
			return fmt.Errorf("%w. %s", err, refused.Hint)
		default:
			return err
		}
	}
}
