package invariants

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/payments"
)

// memoryView is a View on any storage, for simulations.
type memoryView[R any] struct {
	*tableView[R]
	storage projections.Storage
	lanes   []int
}

// ViewOf holds a projection's rows in storage, such as projections.Memory, against the
// fold. It knows nothing of sums: those are a matter of SQL.
func ViewOf[R any](storage projections.Storage, lanes []int, of projections.Projection, content func(row *R) Row) View {
	return memoryView[R]{tableView: newTableView(nil, storage, of, content, nil), storage: storage, lanes: lanes}
}

// PaymentContent is a payment's resource as a Row.
func PaymentContent(r *payments.Resource) Row {
	return Row{Stream: r.ID.UUID(), Version: r.Version, Content: payments.AppendJSON(nil, *r)}
}

func (v memoryView[R]) progress(ctx context.Context, lane int) (projections.Progress, error) {
	all, err := v.storage.Progress(ctx, lane, []string{v.Name()})
	if err != nil || len(all) == 0 {
		return projections.Progress{}, err
	}
	return all[0], nil
}

// Checkpoint implements View.
func (v memoryView[R]) Checkpoint(ctx context.Context, lane int) (int64, error) {
	progress, err := v.progress(ctx, lane)
	return progress.Position, err
}

// Rows implements View.
func (v memoryView[R]) Rows(ctx context.Context, keys []projections.RowKey) ([]Row, error) {
	progress, err := v.progress(ctx, v.lanes[0])
	if err != nil {
		return nil, err
	}
	return v.load(ctx, progress.Version, keys)
}

// Parked implements View.
func (v memoryView[R]) Parked(ctx context.Context) (map[uuid.UUID]int, error) {
	parked := map[uuid.UUID]int{}
	for _, lane := range v.lanes {
		all, err := v.storage.Parked(ctx, lane, parkedMax)
		if err != nil {
			return nil, fmt.Errorf("lane %d: %w", lane, err)
		}
		for _, p := range all {
			if p.Projection == v.Name() {
				parked[p.Stream] = p.StreamAt
			}
		}
	}
	return parked, nil
}

// Sums implements View.
func (memoryView[R]) Sums(context.Context) (int64, []Violation, error) { return 0, nil, nil }
