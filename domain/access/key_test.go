package access_test

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
)

var update = flag.Bool("update", false, "add golden files that are missing")

var (
	keyID  = id.From[id.Key](uuid.MustParse("019d7c3a-8400-7000-8000-000000000001"))
	shopID = id.From[id.Merchant](uuid.MustParse("019d7c3a-8400-7000-8000-000000000002"))
)

func issue(kind access.Kind, scopes ...access.Scope) access.Issue {
	secret := access.NewSecret(bytesOf(7), kind, false)
	return access.Issue{Key: keyID, Merchant: shopID, Secret: secret, Scopes: scopes, Digest: secret.Digest([]byte("pepper")), Hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"}
}

func TestIssuingAKey(t *testing.T) {
	t.Parallel()
	unbound, platform := issue(access.KindSecret), issue(access.KindSecret, access.PlatformAdmin)
	unbound.Merchant, platform.Merchant = id.Merchant{}, id.Merchant{}
	for name, c := range map[string]struct {
		given   access.Key
		when    access.Issue
		grants  []access.Scope
		refused string
	}{
		"a secret key has all of its merchant": {when: issue(access.KindSecret), grants: []access.Scope{access.MerchantAdmin}},
		"a secret key with less":               {when: issue(access.KindSecret, access.PaymentsRead), grants: []access.Scope{access.PaymentsRead}},
		"a publishable key has nothing":        {when: issue(access.KindPublishable)},
		"a publishable key with a scope":       {when: issue(access.KindPublishable, access.PaymentsRead), refused: "scope_invalid"},
		"a restricted key has a few":           {when: issue(access.KindRestricted, access.RefundsWrite), grants: []access.Scope{access.RefundsWrite}},
		"a restricted key with nothing":        {when: issue(access.KindRestricted), refused: "scope_invalid"},
		"a restricted key with all":            {when: issue(access.KindRestricted, access.MerchantAdmin), refused: "scope_invalid"},
		"a restricted key of the platform":     {when: issue(access.KindRestricted, access.PlatformAdmin), refused: "scope_invalid"},
		"a scope that does not exist":          {when: issue(access.KindSecret, "payments:steal"), refused: "scope_invalid"},
		"bound to nobody":                      {when: unbound, refused: "parameter_invalid"},
		"the platform's":                       {when: platform, grants: []access.Scope{access.PlatformAdmin}},
		"an id that is taken":                  {given: access.Key{ID: keyID}, when: issue(access.KindSecret), refused: "resource_already_exists"},
	} {
		events, refused := c.when.Decide(c.given)
		if refused != nil || c.refused != "" {
			if refused == nil || string(refused.Code) != c.refused || events != nil {
				t.Errorf("%s: refused with %v, want %q; events %v", name, refused, c.refused, events)
			}
			continue
		}
		issued, ok := events[0].(access.KeyIssued)
		if !ok || !cmp.Equal(issued.Scopes, c.grants) && len(c.grants) > 0 {
			t.Errorf("%s: %+v", name, events)
		}
		if issued.Digest != hex.EncodeToString(c.when.Digest[:]) || issued.Masked != c.when.Secret.Masked() {
			t.Errorf("%s: %+v", name, issued)
		}
	}
}

func TestAKeyStandsForItsPrincipalUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	issued, refused := issue(access.KindRestricted, access.PaymentsWrite).Decide(access.Key{})
	if refused != nil {
		t.Fatal(refused)
	}
	key := access.Fold(access.Key{}, issued)
	got, ok := key.Principal()
	want := access.Principal{Merchant: shopID, Key: keyID, KeyPrefix: key.Masked, Kind: access.KindRestricted, Scopes: key.Scopes}
	if !ok || got != want || !got.May(access.PaymentsRead) || got.May(access.RefundsWrite) {
		t.Errorf("stands for %+v, want %+v", got, want)
	}
	revoked, refused := access.Revoke{Reason: "leaked"}.Decide(key)
	if refused != nil {
		t.Fatal(refused)
	}
	key = access.Fold(key, revoked)
	if p, ok := key.Principal(); ok || p != (access.Principal{}) {
		t.Errorf("a revoked key stands for %+v", p)
	}
	if _, refused := (access.Revoke{}).Decide(key); refused == nil {
		t.Error("revoked twice")
	}
	if _, refused := (access.Revoke{}).Decide(access.Key{}); refused == nil {
		t.Error("revoked a key that does not exist")
	}
}

func TestAPlatformKeyIsKnownAsOne(t *testing.T) {
	t.Parallel()
	issued, _ := issue(access.KindSecret, access.PlatformAdmin).Decide(access.Key{})
	if p, _ := access.Fold(access.Key{}, issued).Principal(); !p.Platform || !p.May(access.AuditRead) {
		t.Errorf("stands for %+v", p)
	}
}

func TestScopesGrantWhatTheyImplyAndNoMore(t *testing.T) {
	t.Parallel()
	all := []access.Scope{
		access.PaymentsRead, access.PaymentsWrite, access.RefundsWrite, access.DisputesRead, access.DisputesWrite, access.CustomersRead,
		access.CustomersWrite, access.MerchantAdmin, access.FinanceRead, access.AuditRead, access.PlatformAdmin,
	}
	for _, scope := range all {
		want := []access.Scope{scope}
		switch scope {
		case access.PaymentsWrite:
			want = []access.Scope{access.PaymentsRead, scope}
		case access.DisputesWrite:
			want = []access.Scope{access.DisputesRead, scope}
		case access.CustomersWrite:
			want = []access.Scope{access.CustomersRead, scope}
		case access.MerchantAdmin:
			want = all[:len(all)-1]
		case access.PlatformAdmin:
			want = all
		}
		set, err := access.ScopesOf(scope)
		if diff := cmp.Diff(want, set.List()); err != nil || diff != "" {
			t.Errorf("%s grants (-want +got) %v\n%s", scope, err, diff)
		}
		whole, _ := access.ScopesOf(access.MerchantAdmin)
		if set.Within(whole) != (scope != access.PlatformAdmin) {
			t.Errorf("%s within merchant:admin: %t", scope, set.Within(whole))
		}
	}
	if everything, _ := access.ScopesOf(all...); everything.Has("payments:steal") || everything.Has("") {
		t.Error("an unknown scope is granted")
	}
	if _, err := access.ScopesOf("payments:read", "x"); err == nil {
		t.Error("an unknown scope was taken")
	}
}

func samples() []access.Event {
	return []access.Event{
		access.KeyIssued{
			Key: keyID, Merchant: shopID, Livemode: true, Kind: access.KindRestricted, Scopes: []access.Scope{access.PaymentsRead, access.RefundsWrite},
			Masked: "rk_live_…1a2b", Digest: "00ff", Hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
		},
		access.KeyRevoked{Reason: "leaked"},
	}
}

func TestKeyEventsAreWrittenAndReadForEver(t *testing.T) {
	t.Parallel()
	for _, e := range samples() {
		typ, schema, body, err := access.Encode(e)
		if err != nil || schema != 1 {
			t.Fatalf("%s: schema %d, %v", typ, schema, err)
		}
		file := filepath.Join("testdata", "events", typ+".v1.json")
		if _, err := os.Stat(file); err != nil && *update {
			if err := os.WriteFile(file, append(body, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(file)
		if err != nil || string(golden) != string(body)+"\n" {
			t.Errorf("%s is written as\n%s\nwant\n%s%v", typ, body, golden, err)
		}
		got, err := access.Decode(typ, schema, golden)
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Errorf("%s is read (-want +got) %v\n%s", typ, err, diff)
		}
	}
}

func TestEveryKeyEventHasASample(t *testing.T) {
	t.Parallel()
	if n := len(samples()); n != len(access.Types()) {
		t.Errorf("%d samples of %v", n, access.Types())
	}
}

func TestAScopeOfANewerBinaryGrantsNothingHere(t *testing.T) {
	t.Parallel()
	key := access.Evolve(access.Key{}, access.KeyIssued{Key: keyID, Merchant: shopID, Scopes: []access.Scope{"moon:fly", access.AuditRead}})
	if got := key.Scopes.List(); !cmp.Equal(got, []access.Scope{access.AuditRead}) {
		t.Errorf("grants %v", got)
	}
}
