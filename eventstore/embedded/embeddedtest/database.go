package embeddedtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/paymint/paymint/eventstore/embedded"
)

// databasePatience bounds one CREATE or DROP DATABASE; both take a tenth of a second when the machine is idle.
const databasePatience = time.Minute

// template is a migrated database that tests copy.
type template struct {
	once sync.Once
	name string
	err  error
}

// Database returns the connection string of a fresh database, dropped when the test ends. migrate brings an empty
// database to the schema the test wants and must close its connections; it runs once per test binary for each
// distinct function (a closure counts as one, whatever it captured). A nil migrate gives an empty database.
//
// The role in the string is the cluster's superuser: SET ROLE to test a smaller one.
func Database(t testing.TB, migrate func(ctx context.Context, url string) error) string {
	t.Helper()
	server := serverURL(t)
	ctx, cancel := context.WithTimeout(t.Context(), startPatience)
	defer cancel()
	source := "template0"
	if migrate != nil {
		made := templateFor(ctx, server, migrate)
		if made.err != nil {
			t.Fatalf("embeddedtest: migrate the template database: %v", made.err)
		}
		source = made.name
	}
	name := freshName("test")
	if err := create(ctx, server, name, source); err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	t.Cleanup(func() {
		if err := drop(server, name); err != nil {
			t.Errorf("embeddedtest: %v", err)
		}
	})
	return withDatabase(server, name)
}

// templateFor migrates at the first call for a function; the others wait and share the result, errors included.
func templateFor(ctx context.Context, server string, migrate func(context.Context, string) error) *template {
	key := reflect.ValueOf(migrate).Pointer()
	binary.Lock()
	made, ok := binary.templates[key]
	if !ok {
		made = &template{name: freshName("template")}
		binary.templates[key] = made
	}
	binary.Unlock()
	made.once.Do(func() {
		ctx := context.WithoutCancel(ctx) // one test's end must not spoil the others' template
		if made.err = create(ctx, server, made.name, "template0"); made.err == nil {
			made.err = migrate(ctx, withDatabase(server, made.name))
		}
	})
	return made
}

// dropTemplates tidies a server that outlives this binary. The caller holds the lock.
func dropTemplates() error {
	var errs []error
	for _, made := range binary.templates {
		errs = append(errs, drop(binary.url, made.name))
	}
	return errors.Join(errs...)
}

// create copies source. A backend of the migration that is still leaving makes PostgreSQL refuse with 55006
// (object_in_use), so that answer is asked again until the time is over.
func create(ctx context.Context, server, name, source string) error {
	ctx, cancel := context.WithTimeout(ctx, databasePatience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := execute(ctx, server, "CREATE DATABASE "+name+" TEMPLATE "+source)
		busy := (*pgconn.PgError)(nil)
		if err == nil || !errors.As(err, &busy) || busy.Code != "55006" {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("copy database %s: did migrate close its connections? %w", source, err)
		}
	}
}

func drop(server, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), databasePatience)
	defer cancel()
	return execute(ctx, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

// freshName is unique on a server that several test binaries share.
func freshName(kind string) string {
	return "paymint_" + kind + "_" + strings.ToLower(rand.Text()[:12])
}

func withDatabase(server, name string) string {
	address, err := url.Parse(server)
	if err != nil {
		return server // pgx then reports it with the same text
	}
	address.Path = "/" + name
	return address.String()
}

// NATS starts a server with JetStream and an empty store of the test's own, stopped when the test ends.
func NATS(t testing.TB) *embedded.NATS {
	t.Helper()
	server, err := embedded.StartNATS(embedded.NATSOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("embeddedtest: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("embeddedtest: stop NATS: %v", err)
		}
	})
	return server
}
