package payments

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/projectionstest"
)

// shelf is a table of payments without a log behind it.
type shelf struct {
	*projectionstest.World
	storage  *projections.Postgres
	position int64
	all      []Resource
}

func newShelf(t testing.TB) *shelf {
	w := projectionstest.Open(t)
	return &shelf{World: w, storage: w.Storage()}
}

// put saves payments as one batch of the follower.
func (s *shelf) put(resources ...Resource) {
	s.Helper()
	progress, err := s.storage.Progress(s.Context(), 0, []string{Name})
	if err != nil {
		s.Fatal(err)
	}
	var trip projections.Trip
	changes := make([]*projections.Change[Resource], len(resources))
	for i := range resources {
		changes[i] = &projections.Change[Resource]{Stream: resources[i].ID.UUID(), New: &resources[i]}
	}
	saving := Table(1).(*table)
	var prepare projections.Trip
	saving.Prepare(&prepare, changes)
	if err := s.storage.Load(s.Context(), &prepare); err != nil {
		s.Fatal(err)
	}
	saving.Save(&trip, changes)
	s.position++
	step := projections.Step{Lane: 0, Of: progress, From: s.position - 1, To: s.position}
	if err := s.storage.Commit(s.Context(), step, &trip); err != nil {
		s.Fatal(err)
	}
	s.all = append(s.all, resources...)
}

func (s *shelf) fill(lives *projectionstest.Lives, n int) {
	for n > 0 {
		batch := make([]Resource, 0, 4000)
		for ; n > 0 && len(batch) < cap(batch); n-- {
			batch = append(batch, FoldAll(lives.Next().History()))
		}
		s.put(batch...)
	}
}

// expected is the list by definition.
func (s *shelf) expected(f Filter) []Key {
	var matching []Resource
	for i := range s.all {
		if f.matches(&s.all[i]) {
			matching = append(matching, s.all[i])
		}
	}
	slices.SortFunc(matching, func(a, b Resource) int {
		order := cmp.Compare(a.ID.String(), b.ID.String())
		if f.Sort.byAmount() {
			order = cmp.Or(cmp.Compare(a.Amount, b.Amount), order)
		}
		if f.Sort.descending() {
			return -order
		}
		return order
	})
	keys := make([]Key, len(matching))
	for i := range matching {
		keys[i] = keyOf(&matching[i])
	}
	return keys
}

func TestPagesForwardAndBackwardShowEveryItemOnceInOrder(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	lives := projectionstest.NewLives(1, 2)
	s.fill(lives, 1200)
	query := Query{DB: s.Pool, Log: s.Store}
	random := rand.New(rand.NewPCG(3, 3))
	for range 120 {
		f := s.drawFilter(random, lives)
		want := s.expected(f)
		if got := walkForward(t, query, f, len(want)); !slices.Equal(got, want) {
			t.Fatalf("%+v: %d items forward, want %d in order", f, len(got), len(want))
		}
		if got := walkBackward(t, query, f, want); !slices.Equal(got, want) {
			t.Fatalf("%+v: %d items backward, want %d in order", f, len(got), len(want))
		}
	}
}

func (s *shelf) drawFilter(random *rand.Rand, lives *projectionstest.Lives) Filter {
	f := Filter{
		Merchant: lives.Merchants[random.IntN(len(lives.Merchants))], Livemode: random.IntN(2) == 0,
		Sort: Sort(random.IntN(4)), Limit: 1 + random.IntN(40),
	}
	some := &s.all[random.IntN(len(s.all))]
	if random.IntN(3) == 0 {
		f.Status = []payment.Status{payment.StatusAuthorized, payment.StatusCaptured, payment.StatusPending, payment.StatusRefunded}[random.IntN(4)]
	}
	if random.IntN(3) == 0 {
		f.Currency = []money.Currency{"usd", "eur", "chf"}[random.IntN(3)]
	}
	if random.IntN(5) == 0 {
		f.Customer = some.Customer
	}
	if random.IntN(5) == 0 {
		f.Metadata = some.Metadata
	}
	if random.IntN(8) == 0 {
		f.IdempotencyKey, f.Merchant, f.Livemode = some.IdempotencyKey, some.Merchant, some.Livemode
	}
	if random.IntN(4) == 0 {
		f.CreatedFrom = some.CreatedAt
	}
	if random.IntN(4) == 0 {
		f.CreatedTo = s.all[random.IntN(len(s.all))].CreatedAt
	}
	return f
}

func walkForward(t *testing.T, q Query, f Filter, most int) (keys []Key) {
	t.Helper()
	for range most + 20 {
		page, err := q.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if page.HasMore == page.Next.IsZero() {
			t.Fatalf("has more: %v, next: %v", page.HasMore, page.Next)
		}
		if page.TotalCount != nil && *page.TotalCount != int64(most) {
			t.Fatalf("%+v: total count %d, want %d", f, *page.TotalCount, most)
		}
		for i := range page.Items {
			keys = append(keys, keyOf(&page.Items[i]))
		}
		if !page.HasMore {
			return keys
		}
		f.After = page.Next
	}
	t.Fatal("the list does not end")
	return nil
}

// walkBackward begins at the last item and prepends pages.
func walkBackward(t *testing.T, q Query, f Filter, want []Key) (keys []Key) {
	t.Helper()
	if len(want) == 0 {
		return nil
	}
	f.Before = want[len(want)-1]
	keys = []Key{f.Before}
	for range len(want) + 20 {
		page, err := q.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		var before []Key
		for i := range page.Items {
			before = append(before, keyOf(&page.Items[i]))
		}
		keys = append(before, keys...)
		if !page.HasMore {
			return keys
		}
		f.Before = page.Previous
	}
	t.Fatal("the list does not end")
	return nil
}

func TestNothingIsSkippedOrRepeatedWhileOthersAreCreated(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	lives := projectionstest.NewLives(5, 1)
	s.fill(lives, 300)
	query := Query{DB: s.Pool, Log: s.Store}
	for sort := NewestFirst; sort <= LargestFirst; sort++ {
		f := Filter{Merchant: lives.Merchants[0], Sort: sort, Limit: 7}
		there := s.expected(f)
		seen := map[Key]int{}
		for {
			page, err := query.List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for i := range page.Items {
				seen[keyOf(&page.Items[i])]++
			}
			if !page.HasMore {
				break
			}
			f.After = page.Next
			if len(s.all) < 900 {
				s.fill(lives, 5)
			}
		}
		for _, key := range there {
			if seen[key] != 1 {
				t.Fatalf("sort %d: an item that was there all along was seen %d times", sort, seen[key])
			}
		}
	}
}

func TestAListByARareCombinationCostsABoundedPage(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	lives := projectionstest.NewLives(6, 1)
	s.fill(lives, 5000)
	rare := s.all[0]
	f := Filter{
		Merchant: lives.Merchants[0], Livemode: rare.Livemode, Sort: LargestFirst, Limit: 10,
		CreatedFrom: rare.CreatedAt, CreatedTo: rare.CreatedAt,
	}
	query := Query{DB: s.Pool, Log: s.Store}
	if got, want := walkForward(t, query, f, 0), s.expected(f); !slices.Equal(got, want) {
		t.Fatalf("got %d items, want %d", len(got), len(want))
	}
}

func TestEachListWalksOneIndexOnAnEmptyAndOnALargeTable(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	check := func(when string) {
		for statement, want := range map[string]string{
			selectByCreation: "payments_v1_pkey", selectByCreationDown: "payments_v1_pkey",
			selectByStatus: "payments_v1_group", selectByStatusDown: "payments_v1_group",
			selectByAmount: "payments_v1_amount", selectByAmountDown: "payments_v1_amount",
			selectByCustomer: "payments_v1_customer", selectByCustomerDown: "payments_v1_customer",
			selectByLabel: "payments_labels_v1_pkey", selectByLabelDown: "payments_labels_v1_pkey",
			selectByIDs: "payments_v1_pkey", selectByIdempotencyKey: "payments_v1_idempotency",
			selectDue: "payments_v1_due", selectTotals: "payments_totals_v1_pkey", fmt.Sprintf(addToTotals, 1): "payments_totals_v1_group",
			fmt.Sprintf(readGroups, 1): "payments_totals_v1_pkey", selectRowAndHead: "payments_v1_pkey",
			fmt.Sprintf(selectRows, 1): "payments_v1_pkey",
		} {
			plan := s.plan(statement)
			if !strings.Contains(plan, want) || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort") || strings.Contains(plan, "Bitmap") {
				t.Errorf("%s: %s\nis planned as\n%s\nwant %s alone", when, statement, plan, want)
			}
		}
	}
	check("empty")
	s.fill(projectionstest.NewLives(7, 20), 100_000)
	check("filled, not analyzed")
	conn, err := pgx.Connect(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	check("filled and analyzed")
}

// plan is the generic plan, the one a prepared statement keeps.
func (s *shelf) plan(statement string) string {
	s.Helper()
	config, err := pgx.ParseConfig(s.URL)
	if err != nil {
		s.Fatal(err)
	}
	for name, value := range projections.ReaderSettings() {
		config.RuntimeParams[name] = value
	}
	conn, err := pgx.ConnectConfig(s.Context(), config)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close(context.Background())
	parameters := strings.Count(statement, "$")
	for parameters > 0 && !strings.Contains(statement, fmt.Sprintf("$%d", parameters)) {
		parameters--
	}
	nulls := strings.TrimSuffix(strings.Repeat("NULL, ", parameters), ", ")
	results, err := conn.PgConn().Exec(s.Context(), "DEALLOCATE ALL; PREPARE looked_at AS "+statement+"; EXPLAIN EXECUTE looked_at("+nulls+"); DEALLOCATE looked_at").ReadAll()
	if err != nil {
		s.Fatal(err)
	}
	var plan strings.Builder
	for _, row := range results[2].Rows {
		plan.Write(row[0])
		plan.WriteByte('\n')
	}
	return plan.String()
}

func TestADueListNamesWhatIsPastItsDeadline(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	lives := projectionstest.NewLives(8, 1)
	s.fill(lives, 200)
	query := Query{DB: s.Pool, Log: s.Store}
	later := time.Now().Add(1000 * time.Hour)
	due, err := query.Due(t.Context(), 0, later, 1000)
	if err != nil {
		t.Fatal(err)
	}
	want := map[id.Payment]bool{}
	for i := range s.all {
		if !dueAt(&s.all[i].state).IsZero() {
			want[s.all[i].ID] = true
		}
	}
	if len(due) != len(want) || len(due) == 0 {
		t.Fatalf("%d are due, want %d", len(due), len(want))
	}
	for i, d := range due {
		if !want[d.Payment] || i > 0 && due[i-1].DueAt.After(d.DueAt) {
			t.Fatalf("%+v is not due, or out of order", d)
		}
	}
	rest, err := query.DueAfter(t.Context(), 0, later, due[9], 1000)
	if err != nil || len(rest) != len(due)-10 {
		t.Fatalf("%d behind the tenth: %v", len(rest), err)
	}
	if early, err := query.Due(t.Context(), 0, time.Now().Add(-time.Hour), 10); err != nil || len(early) != 0 {
		t.Fatalf("%d were due an hour ago: %v", len(early), err)
	}
}
