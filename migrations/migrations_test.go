package migrations_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/migrations"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func run(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestSeveralProcessesMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	database := embeddedtest.Database(t, nil)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if err := migrations.Up(t.Context(), database); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	list, err := migrations.Status(t.Context(), database)
	if err != nil || len(list) == 0 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, file := range list {
		if file.At.IsZero() {
			t.Errorf("%s has not run", file.File)
		}
	}
}

func TestStatusOfAnEmptyDatabaseListsWhatWaits(t *testing.T) {
	t.Parallel()
	database := embeddedtest.Database(t, nil)
	conn := connect(t, database)
	run(t, conn, "DO $$ BEGIN CREATE ROLE paymint_owner NOLOGIN; EXCEPTION WHEN OTHERS THEN NULL; END $$")
	run(t, conn, "GRANT CREATE ON SCHEMA public TO paymint_owner")
	list, err := migrations.Status(t.Context(), database)
	if err != nil || len(list) == 0 || !list[0].At.IsZero() || list[0].Version != 1 {
		t.Fatalf("%v, %v", list, err)
	}
}

func TestEverythingBelongsToTheOwnerRole(t *testing.T) {
	t.Parallel()
	database := embeddedtest.Database(t, migrations.Up)
	var strays []string
	err := connect(t, database).QueryRow(t.Context(), `SELECT array_agg(relname ORDER BY 1) FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relowner <> 'paymint_owner'::regrole`).Scan(&strays)
	if err != nil || len(strays) > 0 {
		t.Fatalf("not the owner role's: %v, %v", strays, err)
	}
}

// A DATABASE_URL often names an ordinary user that owns the database and no more.
func TestAnOrdinaryOwnerOfTheDatabaseCanMigrate(t *testing.T) {
	t.Parallel()
	database := embeddedtest.Database(t, nil)
	if err := migrations.Up(t.Context(), embeddedtest.Database(t, nil)); err != nil { // the roles are there
		t.Fatal(err)
	}
	conn := connect(t, database)
	name := conn.Config().Database
	ordinary := name + "_ordinary"
	run(t, conn, "CREATE ROLE "+ordinary+" LOGIN PASSWORD 'secret'")
	run(t, conn, "ALTER DATABASE "+name+" OWNER TO "+ordinary)
	t.Cleanup(func() {
		sql := "REASSIGN OWNED BY " + ordinary + " TO CURRENT_USER; DROP OWNED BY " + ordinary + "; DROP ROLE " + ordinary
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Error(err)
		}
	})
	as := asUser(t, database, ordinary)
	err := migrations.Up(t.Context(), as)
	if err == nil || !strings.Contains(err.Error(), "GRANT paymint_owner TO "+ordinary) {
		t.Fatalf("without membership: %v, want the statement that helps", err)
	}
	run(t, conn, "GRANT paymint_owner, paymint_app, paymint_projector, paymint_auditor TO "+ordinary)
	if err := migrations.Up(t.Context(), as); err != nil {
		t.Fatal(err)
	}
	own := connect(t, as)
	run(t, own, "SET ROLE paymint_app")
	run(t, own, "SELECT open_lane(0::smallint, 100)")
	if _, err := own.Exec(t.Context(), "CREATE TABLE mine ()"); err == nil {
		t.Error("the app may create tables")
	}
}

func asUser(t *testing.T, database, user string) string {
	t.Helper()
	address, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword(user, "secret")
	query := address.Query()
	if query.Has("user") {
		query.Set("user", user)
		query.Set("password", "secret")
		address.RawQuery = query.Encode()
	}
	return address.String()
}
