package commands_test

import (
	"testing"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
)

func TestEveryEventSaysWhoActed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := w.authorize("pm_test_3ds_required", 5000)
	guest := w.call("", "")
	guest.Principal.Key = id.Key{}
	if _, err := w.desk.CompleteAction(t.Context(), guest, commands.CompleteAction{Payment: p, Succeeded: true}); err != nil {
		t.Fatal(err)
	}
	operator := commands.Call{Principal: access.Principal{Platform: true}}
	if _, err := w.desk.SuspendMerchant(t.Context(), operator, w.principal.Merchant, suspension); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"payment.authorization_requested": w.principal.Key.String(),
		"payment.action_completed":        "cardholder",
		"merchant.suspended":              "operator",
	}
	events, err := w.log.ReadLog(t.Context(), 0, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Meta.Actor == "" || want[e.Type] != "" && e.Meta.Actor != want[e.Type] {
			t.Errorf("%s by %q, want %q", e.Type, e.Meta.Actor, want[e.Type])
		}
		delete(want, e.Type)
	}
	if len(want) > 0 {
		t.Errorf("not in the log: %v", want)
	}
}
