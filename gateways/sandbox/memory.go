package sandbox

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Memory is a Book and a Statement that live as long as the process: for tests
// and simulations. The zero value is not usable; see NewMemory.
type Memory struct {
	mu   sync.Mutex
	page page
}

// NewMemory opens an empty book.
func NewMemory() *Memory {
	return &Memory{page: page{entries: map[id.Reference]Entry{}}}
}

// Enter implements Book. It does not wait, so ctx is not asked.
func (m *Memory) Enter(_ context.Context, request Entry) (Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.page.enter(request), nil
}

// Find implements Book.
func (m *Memory) Find(_ context.Context, reference id.Reference, at time.Time) (Entry, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, found := m.page.find(reference)
	if !found {
		return Entry{}, false, nil
	}
	return m.page.settle(e, clock(at)), true, nil
}

// Totals implements Statement, of the book as it stands at the call.
func (m *Memory) Totals(_ context.Context, payments ...id.Payment) iter.Seq2[Total, error] {
	type account struct {
		payment  id.Payment
		currency money.Currency
	}
	sums := map[account]Total{}
	m.mu.Lock()
	for _, e := range m.page.entries {
		if e.Operation == acquirer.OperationAuthorize && (len(payments) == 0 || slices.Contains(payments, e.Payment)) {
			key := account{e.Payment, e.Amount.Currency}
			sums[key] = sums[key].add(e)
		}
	}
	m.mu.Unlock()
	ordered := slices.SortedFunc(maps.Values(sums), func(a, b Total) int {
		return cmp.Or(compare(a.Payment, b.Payment), cmp.Compare(a.Currency, b.Currency))
	})
	return func(yield func(Total, error) bool) {
		for _, total := range ordered {
			if !yield(total, nil) {
				return
			}
		}
	}
}

// Entries implements Statement.
func (m *Memory) Entries(_ context.Context, after id.Reference, limit int) ([]Entry, error) {
	m.mu.Lock()
	var found []Entry
	for _, e := range m.page.entries {
		if compare(e.Reference, after) > 0 {
			found = append(found, e)
		}
	}
	m.mu.Unlock()
	slices.SortFunc(found, func(a, b Entry) int { return compare(a.Reference, b.Reference) })
	return found[:min(len(found), limit, entriesMax)], nil
}

func compare[K id.Kind](a, b id.ID[K]) int {
	x, y := a.UUID(), b.UUID()
	return bytes.Compare(x[:], y[:])
}
