package sandbox

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
)

// A statement prepared on an empty table keeps its plan when the table has grown.
func TestEveryLookUpGoesThroughTheIndexOnAnEmptyTableToo(t *testing.T) {
	t.Parallel()
	schema, err := os.ReadFile("../../migrations/00010_sandbox_book.sql")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), embeddedtest.Database(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	one, many := uuid.New(), [][16]byte{uuid.New()}
	text, flags, numbers := []string{""}, []bool{false}, []int64{0}
	if _, err := conn.Exec(t.Context(), string(schema)+"SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	check := func(statement string, arguments ...any) {
		t.Helper()
		rows, err := conn.Query(t.Context(), "EXPLAIN "+statement, arguments...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		plan := strings.Join(lines, "\n")
		if err != nil || strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "sandbox_book_pkey") {
			t.Errorf("error %v, plan of%s\n%s", err, statement, plan)
		}
	}
	check(selectEntry, one)
	check(selectPage, one, 100)
	if _, err := conn.Exec(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	check(selectEntries, many, many)
	check(lockHolds, many, many)
	check(updateEntries, many, text, text, numbers, numbers, numbers, numbers, flags)
}
