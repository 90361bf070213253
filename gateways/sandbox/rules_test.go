package sandbox

import (
	"testing"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// A capture that another process committed between the lock of the holds and the
// reading of the entries shows up without its hold: nothing may be concluded.
func TestAPageWithoutTheHoldOfACaptureIsTorn(t *testing.T) {
	t.Parallel()
	reference := func() id.Reference { return id.From[id.Reference](uuid.Must(uuid.NewV7())) }
	taken := Entry{
		Reference: reference(), Operation: acquirer.OperationCapture, Authorization: reference(),
		Amount: money.Of(100, "eur"), Outcome: acquirer.Approved, Approved: 100,
	}
	refund := Entry{Reference: reference(), Operation: acquirer.OperationRefund, Capture: taken.Reference, Amount: money.Of(1, "eur")}
	loaded := newPage()
	loaded.entries[taken.Reference] = taken
	if loaded.enter(refund); !loaded.torn {
		t.Error("the refund was judged without the hold")
	}
	declined := newPage()
	declined.entries[taken.Reference] = taken.declined(reasonNoHold)
	if declined.enter(refund); declined.torn {
		t.Error("a declined capture has no hold to miss")
	}
}
