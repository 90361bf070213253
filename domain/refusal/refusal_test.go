package refusal_test

import (
	"errors"
	"testing"

	"github.com/paymint/paymint/domain/refusal"
)

func TestTheFirstWrongFieldStaysFirst(t *testing.T) {
	t.Parallel()
	one, two, three := refusal.Of("a", "x", "X."), refusal.Of("b", "y", "Y."), refusal.New("c", "Z.")
	var whole *refusal.Refusal
	whole = whole.And(nil).And(one).And(nil).And(two).And(three)
	all := whole.All()
	if len(all) != 3 || all[0] != one || all[1] != two || all[2] != three {
		t.Errorf("found %v", all)
	}
	if whole.Code != "a" || whole.Error() != "a: X." {
		t.Errorf("it is %v", whole)
	}
	if got, ok := errors.AsType[*refusal.Refusal](error(whole)); !ok || got.Param != "x" {
		t.Errorf("as an error it is %v", got)
	}
}

func TestNoRefusalListsNothing(t *testing.T) {
	t.Parallel()
	var none *refusal.Refusal
	if len(none.All()) != 0 || none.And(nil) != nil {
		t.Error("something was refused")
	}
}
