package access_test

import (
	"encoding/hex"
	"testing"
	"time"

	domain "github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/eventstore"
	"github.com/paymint/paymint/eventstore/embedded/embeddedtest"
	"github.com/paymint/paymint/projections"
	"github.com/paymint/paymint/projections/access"
	"github.com/paymint/paymint/projections/projectionstest"
)

func TestMain(m *testing.M) { embeddedtest.Main(m) }

func TestAKeyIsFoundByItsDigestAndItsEndIsSeen(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	f := follow(w)
	query := access.KeyQuery{DB: w.Pool}
	digest := domain.Digest{1, 2, 3}
	key := id.From[id.Key](projectionstest.NewID())
	stream := eventstore.Stream{Aggregate: access.AggregateKey, ID: key.UUID()}
	if _, _, found, err := query.ByDigest(t.Context(), digest); found || err != nil {
		t.Fatalf("found before it was issued: %v", err)
	}
	issued := domain.KeyIssued{
		Key: key, Merchant: id.From[id.Merchant](projectionstest.NewID()), Kind: domain.KindSecret, Scopes: []domain.Scope{domain.MerchantAdmin},
		Masked: "sk_test_…1a2b", Digest: hex.EncodeToString(digest[:]), Hash: "$argon2id$",
	}
	typ, schema, body, err := domain.Encode(issued)
	appended(w, stream, 0, typ, schema, body, err)
	w.CaughtUp(f)
	before, err := query.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, lane, found, err := query.ByDigest(t.Context(), digest)
	if want := domain.Evolve(domain.Key{}, issued); !found || err != nil || got != want || lane != 0 {
		t.Fatalf("got %+v in lane %d, want %+v: %v", got, lane, want, err)
	}
	typ, schema, body, err = domain.Encode(domain.KeyRevoked{})
	appended(w, stream, 1, typ, schema, body, err)
	w.CaughtUp(f)
	if got, _, _, err := query.ByDigest(t.Context(), digest); !got.Revoked || err != nil {
		t.Fatalf("got %+v after it was revoked: %v", got, err)
	}
	if after, err := query.Revision(t.Context()); err != nil || after <= before {
		t.Fatalf("revision %d after %d: %v", after, before, err)
	}
}

func TestMerchantsAreListedAndFoundAsTheyAreNow(t *testing.T) {
	t.Parallel()
	w := projectionstest.Open(t)
	f := follow(w)
	of := id.From[id.Merchant](projectionstest.NewID())
	stream := eventstore.Stream{Aggregate: access.AggregateMerchant, ID: of.UUID()}
	typ, schema, body, err := merchant.Encode(merchant.Created{Merchant: of, BusinessName: "Acme", Country: "DE"})
	appended(w, stream, 0, typ, schema, body, err)
	w.CaughtUp(f)
	typ, schema, body, err = merchant.Encode(merchant.Activated{})
	appended(w, stream, 1, typ, schema, body, err)
	query := access.MerchantQuery{DB: w.Pool, Log: w.Store}
	if s, err := query.Find(t.Context(), of); err != nil || s.Status != merchant.StatusActive || s.BusinessName != "Acme" {
		t.Fatalf("found %+v: %v", s, err)
	}
	w.CaughtUp(f)
	if all, err := query.List(t.Context(), id.Merchant{}, 10); err != nil || len(all) != 1 || all[0].Status != merchant.StatusActive || all[0].Merchant != of {
		t.Fatalf("listed %+v: %v", all, err)
	}
	if _, err := query.Find(t.Context(), id.From[id.Merchant](projectionstest.NewID())); err == nil {
		t.Fatal("found one that does not exist")
	}
}

func follow(w *projectionstest.World) *projections.Follower {
	return w.Follow(projections.Config{
		Projections: []projections.Projection{access.Keys(), access.Merchants()},
		Decoders:    projections.Decoders{access.AggregateKey: access.DecodeKey, access.AggregateMerchant: access.DecodeMerchant},
	})
}

func appended(w *projectionstest.World, stream eventstore.Stream, expected int, typ string, schema int, body []byte, err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
	w.Append(eventstore.Command{Writes: []eventstore.Write{{Stream: stream, Expected: expected, Events: []eventstore.Event{{
		ID: projectionstest.NewID(), Type: typ, Schema: schema, RecordedAt: time.Now(), EffectiveAt: time.Now(), Body: body,
	}}}}})
}
