package embedded

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CreateDatabase makes the database unless it exists.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	return p.ensure(ctx, "database "+name, `SELECT 1 FROM pg_database WHERE datname = $1`, name,
		"CREATE DATABASE "+pgx.Identifier{name}.Sanitize(), "")
}

// CreateRole makes a login role with the password that URL uses for it, or gives an existing role that password. The
// role gets no rights here: migrations grant them.
func (p *Postgres) CreateRole(ctx context.Context, name string) error {
	role := pgx.Identifier{name}.Sanitize()
	login := fmt.Sprintf(" LOGIN PASSWORD '%s'", p.Password(name)) // hexadecimal: nothing to escape
	return p.ensure(ctx, "role "+name, `SELECT 1 FROM pg_roles WHERE rolname = $1`, name,
		"CREATE ROLE "+role+login, "ALTER ROLE "+role+login)
}

// ensure runs absent when the query finds no row for name, else present; "" is nothing to do.
func (p *Postgres) ensure(ctx context.Context, what, query, name, absent, present string) error {
	conn, err := pgx.Connect(ctx, p.URL("", ""))
	if err != nil {
		return fmt.Errorf("make %s: %w", what, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	found, err := conn.Exec(ctx, query, name)
	if err != nil {
		return fmt.Errorf("make %s: %w", what, err)
	}
	statement := absent
	if found.RowsAffected() > 0 {
		statement = present
	}
	if statement == "" {
		return nil
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("make %s: %w", what, err)
	}
	return nil
}
