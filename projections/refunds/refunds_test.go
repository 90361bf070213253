package refunds

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/projectionstest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func projected(t *testing.T, n int) (*projectionstest.World, []Resource, []projectionstest.Life) {
	t.Helper()
	w := projectionstest.Open(t)
	f := w.Follow(projections.Config{
		Projections: []projections.Projection{Projection()},
		Decoders:    projections.Decoders{projections.AggregatePayment: projections.DecodePayment},
	})
	lives := w.AppendAll(projectionstest.NewLives(1, 1), n)
	w.CaughtUp(f)
	var all []Resource
	for _, life := range lives {
		all = append(all, FoldAll(life.History()).Refunds...)
	}
	slices.SortFunc(all, func(a, b Resource) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	return w, all, lives
}

func TestListsShowEveryRefundOnceInOrder(t *testing.T) {
	t.Parallel()
	w, all, lives := projected(t, 400)
	query := Query{DB: w.Pool, Log: w.Store}
	for _, livemode := range []bool{true, false} {
		for _, status := range []payment.RefundStatus{"", payment.RefundStatusSucceeded, payment.RefundStatusFailed} {
			for _, oldest := range []bool{true, false} {
				f := Filter{Merchant: lives[0].Merchant, Livemode: livemode, Status: status, OldestFirst: oldest, Limit: 3}
				var want []id.Refund
				for i := range all {
					if all[i].Livemode == livemode && f.matches(&all[i]) {
						want = append(want, all[i].ID)
					}
				}
				if !oldest {
					slices.Reverse(want)
				}
				if got := walk(t, query, f, int64(len(want))); !slices.Equal(got, want) {
					t.Fatalf("%+v: got %d refunds, want %d in order", f, len(got), len(want))
				}
			}
		}
	}
}

func walk(t *testing.T, q Query, f Filter, total int64) (ids []id.Refund) {
	t.Helper()
	for range 1000 {
		page, err := q.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if *page.TotalCount != total {
			t.Fatalf("total %d, want %d", *page.TotalCount, total)
		}
		for i := range page.Items {
			ids = append(ids, page.Items[i].ID)
		}
		if !page.Previous.IsZero() {
			back := f
			back.After, back.Before = id.Refund{}, page.Previous
			before, err := q.List(t.Context(), back)
			if err != nil || len(before.Items) != f.Limit || before.Next != ids[len(ids)-len(page.Items)-1] {
				t.Fatalf("the page in front has %d items: %v", len(before.Items), err)
			}
		}
		if !page.HasMore {
			return ids
		}
		f.After = page.Next
	}
	t.Fatal("the list does not end")
	return nil
}

func TestRefundsOfOnePaymentAreCurrentWithoutAFollower(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	lives := projectionstest.NewLives(3, 1)
	var life projectionstest.Life
	for len(FoldAll(life.History()).Refunds) < 2 {
		life = lives.Next()
	}
	query := Query{DB: w.Pool, Log: w.Store}
	for n := range life.Steps {
		w.Append(life.Command(n))
	}
	want := FoldAll(life.History()).Refunds
	page, err := query.List(t.Context(), Filter{Merchant: life.Merchant, Livemode: life.Livemode, Payment: life.Payment, OldestFirst: true})
	if err != nil || len(page.Items) != len(want) || *page.TotalCount != int64(len(want)) {
		t.Fatalf("listed %d of %d: %v", len(page.Items), len(want), err)
	}
	for i := range want {
		got, err := query.Get(t.Context(), life.Merchant, life.Livemode, life.Payment, want[i].ID)
		if err != nil || got.Status != want[i].Status || !json.Valid(AppendJSON(nil, got)) {
			t.Fatalf("got %s: %v", AppendJSON(nil, got), err)
		}
	}
	if _, err := query.Get(t.Context(), life.Merchant, !life.Livemode, life.Payment, want[0].ID); err != projections.ErrNotFound { //nolint:errorlint // returned as it is
		t.Fatalf("the other mode: %v", err)
	}
}

func TestEachListWalksOneIndexOnAnEmptyTable(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	config, err := pgx.ParseConfig(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range projections.ReaderSettings() {
		config.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for statement, index := range map[string]string{
		selectOne: "refunds_v1_pkey", selectByCreation: "refunds_v1_pkey", selectByCreationDown: "refunds_v1_pkey",
		selectByStatus: "refunds_v1_status", selectByStatusDown: "refunds_v1_status",
		selectTotals: "refunds_totals_v1_pkey", fmt.Sprintf(selectOfPayments, 1): "refunds_v1_payment",
	} {
		parameters := 0
		for strings.Contains(statement, fmt.Sprintf("$%d", parameters+1)) {
			parameters++
		}
		nulls := strings.TrimSuffix(strings.Repeat("NULL, ", parameters), ", ")
		results, err := conn.PgConn().Exec(t.Context(), "DEALLOCATE ALL; PREPARE looked_at AS "+statement+"; EXPLAIN EXECUTE looked_at("+nulls+")").ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		var plan strings.Builder
		for _, row := range results[2].Rows {
			plan.WriteString(string(row[0]) + "\n")
		}
		if p := plan.String(); !strings.Contains(p, index) || strings.Contains(p, "Seq Scan") || strings.Contains(p, "Sort") {
			t.Errorf("%s\nis planned as\n%s\nwant %s alone", statement, p, index)
		}
	}
}
