package id_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/id"
)

func TestTextFormFollowsTheTypeIDSpecification(t *testing.T) {
	t.Parallel()
	u := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	if got, want := id.From[id.Payment](u).String(), "pay_01h455vb4pex5vsknk084sn02q"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestEveryIDHasOneSpelling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var u uuid.UUID
		copy(u[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		u[0] |= 1
		want := id.From[id.Refund](u)
		got, err := id.Parse[id.Refund](want.String())
		if err != nil || got != want {
			t.Fatalf("%s came back as %s: %v", want, got, err)
		}
	})
}

func TestParseRefusesEveryOtherSpelling(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "pay_", "pay_01h455vb4pex5vsknk084sn02", "pay_01h455vb4pex5vsknk084sn02qq", "ref_01h455vb4pex5vsknk084sn02q",
		"pay_01H455VB4PEX5VSKNK084SN02Q", "pay_81h455vb4pex5vsknk084sn02q", "pay_01h455vb4pex5vsknk084sn02u",
		"pay_00000000000000000000000000", "pay_01h455vb4pex5vsknk084sn0\x002", " pay_01h455vb4pex5vsknk084sn02", "pay/01h455vb4pex5vsknk084sn02q",
	} {
		if got, err := id.Parse[id.Payment](s); err == nil {
			t.Errorf("%q was accepted as %s", s, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("pay_01h455vb4pex5vsknk084sn02q")
	f.Add("pay_7zzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := id.Parse[id.Payment](s); err == nil && got.String() != s {
			t.Fatalf("%q parsed and printed as %q", s, got)
		}
	})
}
