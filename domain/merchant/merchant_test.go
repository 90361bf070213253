package merchant_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/refusal"
)

var update = flag.Bool("update", false, "add golden files that are missing")

var shopID = id.From[id.Merchant](uuid.MustParse("019d7c3a-8400-7000-8000-000000000002"))

func rate(t *testing.T, s string) money.Rate {
	t.Helper()
	r, err := money.ParseRate(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func create(t *testing.T) merchant.Create {
	t.Helper()
	return merchant.Create{
		Merchant: shopID, BusinessName: "Shoes & Sons", MCC: "5661", Country: "DE", SettlementCurrency: "eur",
		WebhookURL: "https://shoes.example/hooks", APIVersion: "2026-04-01",
		Pricing: merchant.Pricing{Percentage: rate(t, "1.4"), Fixed: map[money.Currency]int64{"eur": 25, "usd": 30}},
	}
}

type wish interface {
	Decide(merchant.State) ([]merchant.Event, *refusal.Refusal)
}

func given(status merchant.Status) merchant.State {
	return merchant.State{ID: shopID, Status: status}
}

func TestOnboardingGoesItsWay(t *testing.T) {
	t.Parallel()
	const none, review, active, suspended, terminated = "", merchant.StatusPendingReview, merchant.StatusActive, merchant.StatusSuspended, merchant.StatusTerminated
	for name, c := range map[string]struct {
		wish wish
		to   merchant.Status
		from []merchant.Status
	}{
		"create":    {create(t), review, []merchant.Status{none}},
		"activate":  {merchant.Activate{}, active, []merchant.Status{review}},
		"suspend":   {merchant.Suspend{Reason: "velocity"}, suspended, []merchant.Status{active}},
		"thaw":      {merchant.Thaw{}, active, []merchant.Status{suspended}},
		"terminate": {merchant.Terminate{Reason: "asked to"}, terminated, []merchant.Status{review, active, suspended}},
	} {
		for _, from := range []merchant.Status{none, review, active, suspended, terminated} {
			events, refused := c.wish.Decide(given(from))
			allowed := false
			for _, f := range c.from {
				allowed = allowed || f == from
			}
			if (refused == nil) != allowed || (len(events) == 1) != allowed {
				t.Errorf("%s when %q: refused with %v, events %v", name, from, refused, events)
				continue
			}
			if got := merchant.Fold(given(from), events).Status; allowed && got != c.to {
				t.Errorf("%s when %q leads to %s, want %s", name, from, got, c.to)
			}
		}
	}
	if s := given(active); !s.Active() || given(suspended).Active() || given(review).Active() || given(terminated).Active() {
		t.Error("only an active merchant is active")
	}
}

func TestEveryWrongFieldOfANewMerchantIsFound(t *testing.T) {
	t.Parallel()
	_, refused := merchant.Create{MCC: "56x1", Country: "de", SettlementCurrency: "xxx", Pricing: merchant.Pricing{Fixed: map[money.Currency]int64{"eur": -1}}}.Decide(merchant.State{})
	var params []string
	for _, each := range refused.All() {
		params = append(params, each.Param)
	}
	if got, want := strings.Join(params, " "), "business_name mcc country api_version settlement_currency pricing"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}

func TestAMerchantIsAsItWasCreated(t *testing.T) {
	t.Parallel()
	w := create(t)
	events, refused := w.Decide(merchant.State{})
	if refused != nil {
		t.Fatal(refused)
	}
	want := merchant.State{
		ID: shopID, Version: 1, Status: merchant.StatusPendingReview, BusinessName: w.BusinessName, MCC: w.MCC, Country: w.Country,
		SettlementCurrency: "eur", WebhookURL: w.WebhookURL, APIVersion: w.APIVersion, Pricing: w.Pricing,
	}
	if diff := cmp.Diff(want, merchant.Fold(merchant.State{}, events)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestTheTestClockGoesForwardWithinBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := given(merchant.StatusActive)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			by := time.Duration(rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, int64(400*24*time.Hour))).Draw(t, "by"))
			events, refused := merchant.AdvanceTestClock{By: by}.Decide(s)
			next := merchant.Fold(s, events)
			switch {
			case refused == nil && next.ClockOffset-s.ClockOffset != by.Truncate(time.Millisecond):
				t.Fatalf("by %s it went from %s to %s", by, s.ClockOffset, next.ClockOffset)
			case refused == nil && (by < time.Millisecond || by > merchant.AdvanceMax || next.ClockOffset > merchant.ClockOffsetMax):
				t.Fatalf("by %s it was allowed to go to %s", by, next.ClockOffset)
			case refused != nil && next.ClockOffset != s.ClockOffset:
				t.Fatalf("refused, and it moved by %s", next.ClockOffset-s.ClockOffset)
			}
			s = next
		}
	})
}

func TestTheTestClockIsOfTestModeAlone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 11, 12, 0, 0, 0, time.UTC)
	s := merchant.Fold(given(merchant.StatusActive), []merchant.Event{merchant.TestClockAdvanced{OffsetMilliseconds: 3_600_000}})
	if got := s.Clock(now, false); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("in test mode it is %s", got)
	}
	if got := s.Clock(now, true); !got.Equal(now) {
		t.Errorf("in live mode it is %s", got)
	}
	if _, refused := (merchant.AdvanceTestClock{By: time.Hour}).Decide(merchant.State{}); refused == nil {
		t.Error("moved the clock of nobody")
	}
}

func samples(t *testing.T) []merchant.Event {
	t.Helper()
	return []merchant.Event{
		merchant.Created(create(t)), merchant.Activated{}, merchant.Suspended{Reason: "velocity"}, merchant.Thawed{Reason: "explained"},
		merchant.Terminated{Reason: "asked to"}, merchant.TestClockAdvanced{OffsetMilliseconds: 86_400_000},
	}
}

func TestMerchantEventsAreWrittenAndReadForEver(t *testing.T) {
	t.Parallel()
	for _, e := range samples(t) {
		typ, schema, body, err := merchant.Encode(e)
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
		got, err := merchant.Decode(typ, schema, golden)
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Errorf("%s is read (-want +got) %v\n%s", typ, err, diff)
		}
	}
	if n := len(samples(t)); n != len(merchant.Types()) {
		t.Errorf("%d samples of %v", n, merchant.Types())
	}
}
