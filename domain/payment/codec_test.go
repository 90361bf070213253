package payment_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/codec"
	"github.com/paymint/paymint/domain/payment"
)

var update = flag.Bool("update", false, "rewrite golden files and scenarios; golden files of events are only added")

func goldenFile(typ, version string) string {
	return filepath.Join("testdata", "events", typ+".v"+version+".json")
}

// A golden file that exists is never rewritten, not even by -update: it stands for
// bytes that are in somebody's log.
func TestEveryEventIsWrittenAsItsGoldenFile(t *testing.T) {
	t.Parallel()
	for _, e := range samples() {
		typ, schema, body, err := payment.Encode(e)
		if err != nil || schema != 1 {
			t.Errorf("%s: schema %d, %v", typ, schema, err)
			continue
		}
		file := goldenFile(typ, "1")
		want, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && *update {
			if err := os.WriteFile(file, append(body, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Errorf("a new event needs a golden file (go test ./domain/payment -update): %v", err)
			continue
		}
		if got := string(body) + "\n"; got != string(want) {
			t.Errorf("%s is written as\n%swant\n%s", typ, got, want)
		}
	}
}

func TestEveryGoldenFileIsReadForEver(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(goldenFile("*", "*"))
	if err != nil || len(files) < len(payment.Types()) {
		t.Fatalf("%d golden files for %d types: %v", len(files), len(payment.Types()), err)
	}
	wanted := map[string]payment.Event{}
	for _, e := range samples() {
		wanted[e.Type()] = e
	}
	for _, file := range files {
		typ, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), ".v")
		schema, err := strconv.Atoi(version)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := payment.Decode(typ, schema, body)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		} else if diff := cmp.Diff(wanted[typ], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

func TestEveryTypeHasASampleAndASampleFillsEveryField(t *testing.T) {
	t.Parallel()
	sampled := map[string]bool{}
	for _, e := range samples() {
		sampled[e.Type()] = true
		v := reflect.ValueOf(e)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s: field %s is zero in its sample", e.Type(), v.Type().Field(i).Name)
			}
		}
	}
	for _, typ := range payment.Types() {
		if !sampled[typ] {
			t.Errorf("%s has no sample", typ)
		}
	}
}

func TestAnEventOfANewerBinaryIsToldApartFromRubbish(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typ    string
		schema int
		body   string
		want   error
	}{
		"type":         {"payment.teleported", 1, `{}`, payment.ErrUnknownType},
		"newer schema": {payment.TypeReversed, 2, `{}`, payment.ErrUnknownSchema},
		"schema zero":  {payment.TypeReversed, 0, `{}`, payment.ErrUnknownSchema},
		"field":        {payment.TypeAuthorizationReleased, 1, `{"amount":1,"extra":2}`, nil},
		"other case":   {payment.TypeAuthorizationReleased, 1, `{"Amount":1}`, nil},
		"duplicate":    {payment.TypeAuthorizationReleased, 1, `{"amount":1,"amount":2}`, nil},
		"fraction":     {payment.TypeAuthorizationReleased, 1, `{"amount":1.5}`, nil},
		"text":         {payment.TypeAuthorizationReleased, 1, `{"amount":"1"}`, nil},
		"too large":    {payment.TypeAuthorizationReleased, 1, `{"amount":9223372036854775808}`, nil},
		"foreign id":   {payment.TypeReversed, 1, `{"reference":"pay_01h455vb4pex5vsknk084sn02q"}`, nil},
		"two values":   {payment.TypeReversed, 1, `{}{}`, nil},
		"null":         {payment.TypeReversed, 1, `null`, nil},
		"array":        {payment.TypeReversed, 1, `[]`, nil},
		"empty":        {payment.TypeReversed, 1, ``, nil},
		"bad UTF-8":    {payment.TypeCancelled, 1, "{\"reason\":\"\xff\"}", nil},
	} {
		e, err := payment.Decode(c.typ, c.schema, []byte(c.body))
		switch {
		case err == nil:
			t.Errorf("%s was read as %#v", name, e)
		case c.want != nil && !errors.Is(err, c.want):
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		case c.want == nil && (errors.Is(err, payment.ErrUnknownType) || errors.Is(err, payment.ErrUnknownSchema)):
			t.Errorf("%s is rubbish, not news: %v", name, err)
		}
	}
}

type foreign struct{}

func (foreign) Type() string { return "payment.teleported" }

func TestWhatIsNoEventOfOursIsNotWritten(t *testing.T) {
	t.Parallel()
	if _, _, _, err := payment.Encode(foreign{}); !errors.Is(err, payment.ErrUnknownType) {
		t.Errorf("a foreign event was written: %v", err)
	}
	if _, _, _, err := payment.Encode(payment.Cancelled{Reason: "\xff"}); err == nil {
		t.Error("text that is not UTF-8 was written")
	}
	if _, _, _, err := payment.Encode(payment.AuthorizationRequested{Description: "\xff"}); err == nil {
		t.Error("text that is not UTF-8 was written on the hot path")
	}
}

// The written-out encoders must not differ from the struct tags by a byte.
func TestHotEventsAreWrittenAsTheirTagsSay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for _, e := range []payment.Event{drawRequested(t), drawAuthorized(t), drawCaptured(t)} {
			_, _, got, err := payment.Encode(e)
			want, err2 := codec.Append(nil, e)
			if err != nil || err2 != nil || string(got) != string(want) {
				t.Fatalf("written\n%s\nwant\n%s\n%v %v", got, want, err, err2)
			}
		}
	})
}

func TestEveryEventComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for _, e := range []payment.Event{drawRequested(t), drawAuthorized(t), drawCaptured(t)} {
			typ, schema, body, err := payment.Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			got, err := payment.Decode(typ, schema, body)
			if diff := cmp.Diff(e, got); err != nil || diff != "" {
				t.Fatalf("%v (-want +got):\n%s", err, diff)
			}
		}
	})
}

func drawRequested(t *rapid.T) payment.AuthorizationRequested {
	text := rapid.String()
	e := payment.AuthorizationRequested{
		Payment: payID(1), Merchant: mchID(2), Livemode: rapid.Bool().Draw(t, "livemode"), Reference: netID(1),
		Gateway: text.Draw(t, "gateway"), Amount: rapid.Int64().Draw(t, "amount"), Currency: "usd",
		Description: text.Draw(t, "description"), StatementDescriptor: text.Draw(t, "descriptor"),
		Instrument: payment.Instrument{
			ID: text.Draw(t, "pm"), Type: "card", Brand: text.Draw(t, "brand"), LastFour: text.Draw(t, "last four"),
			ExpMonth: rapid.IntRange(0, 12).Draw(t, "month"), ExpYear: rapid.IntRange(0, 2100).Draw(t, "year"),
			Funding: text.Draw(t, "funding"), Fingerprint: text.Draw(t, "fingerprint"),
		},
		Deadline: drawTime(t),
	}
	if rapid.Bool().Draw(t, "capture") {
		e.Capture, e.CaptureReference, e.Customer = true, netID(2), cusID(1)
	}
	if metadata := rapid.MapOf(text, text).Draw(t, "metadata"); len(metadata) > 0 {
		e.Metadata = metadata
	}
	return e
}

func drawAuthorized(t *rapid.T) payment.Authorized {
	return payment.Authorized{
		Reference: netID(1), Amount: rapid.Int64().Draw(t, "amount"),
		NetworkTransactionID: rapid.String().Draw(t, "transaction"), ExpiresAt: drawTime(t),
	}
}

func drawCaptured(t *rapid.T) payment.Captured {
	return payment.Captured{Reference: netID(2), Amount: rapid.Int64().Draw(t, "amount"), FundsAtOnce: rapid.Bool().Draw(t, "at once")}
}

func drawTime(t *rapid.T) time.Time {
	return time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "time")).UTC()
}

// Whatever the written-out reader makes of bytes, the strict one makes too.
func judgeAgain(t *testing.T, typ string, body []byte, e payment.Event) {
	t.Helper()
	var strict payment.Event
	var err error
	switch typ {
	case payment.TypeAuthorizationRequested:
		strict, err = readStrictly[payment.AuthorizationRequested](body)
	case payment.TypeAuthorized:
		strict, err = readStrictly[payment.Authorized](body)
	case payment.TypeCaptured:
		strict, err = readStrictly[payment.Captured](body)
	default:
		return
	}
	if diff := cmp.Diff(strict, e, equalTimes); err != nil || diff != "" {
		t.Fatalf("read fast, but strictly %v (-strict +fast):\n%s", err, diff)
	}
}

func readStrictly[T payment.Event](body []byte) (e T, err error) {
	err = codec.Read(body, &e)
	return e, err
}

func TestOnlyCanonicalBodiesAreReadFast(t *testing.T) {
	t.Parallel()
	const reference = `{"reference":"net_01kny3n100e008000000000101"`
	for body, good := range map[string]bool{
		reference + `,"amount":5,"funds_at_once":true}`:                         true,
		reference + `,"amount":5}`:                                              true,
		reference + `, "amount": 5 }`:                                           true,
		`{"amount":5,` + reference[1:] + `}`:                                    true,
		reference + `,"amount":5,"funds_at_once":false}`:                        true,
		reference + `,"amount":-0}`:                                             true,
		reference + `,"amount":5,"amount":6}`:                                   false,
		reference + `,"amount":05}`:                                             false,
		reference + `,"amount":--5}`:                                            false,
		reference + `,"amount":}`:                                               false,
		reference + `,"amount":-}`:                                              false,
		reference + `,"amount":5}}`:                                             false,
		reference + `,"amount":5`:                                               false,
		reference + `,"amount":5,}`:                                             false,
		reference + `"amount":5}`:                                               false,
		reference + `,"amount":5,"funds_at_once":truefalse}`:                    false,
		reference + `,"amount":5,"funds_at_once":true,"x":1}`:                   false,
		`{,"amount":5}`:                                                         false,
		`{"reference":"net_01kny3n100e00800000000010` + "\n" + `1","amount":5}`: false,
	} {
		e, err := payment.Decode(payment.TypeCaptured, 1, []byte(body))
		if (err == nil) != good {
			t.Errorf("%s: %v", body, err)
		}
		if err == nil {
			judgeAgain(t, payment.TypeCaptured, []byte(body), e)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range samples() {
		typ, schema, body, err := payment.Encode(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(typ, schema, body)
	}
	f.Fuzz(func(t *testing.T, typ string, schema int, body []byte) {
		e, err := payment.Decode(typ, schema, body)
		if err != nil {
			return
		}
		judgeAgain(t, typ, body, e)
		_, _, canonical, err := payment.Encode(e)
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		again, err := payment.Decode(typ, schema, canonical)
		if diff := cmp.Diff(e, again, equalTimes); err != nil || diff != "" {
			t.Fatalf("%v (-first +again):\n%s", err, diff)
		}
		payment.Evolve(payment.State{}, e)
	})
}

var equalTimes = cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
