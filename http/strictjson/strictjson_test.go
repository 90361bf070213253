package strictjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/paymint/paymint/http/strictjson"
)

const typical = `{"amount":1999,"currency":"eur","payment_method_id":"pm_test_visa","capture":false,` +
	`"description":"Order 1001, two mugs","statement_descriptor":"MUGS AND MORE","metadata":{"order_id":"1001","cart":"c_42"}}`

func TestWhatTwoParsersCouldReadDifferentlyIsRefused(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`[`, 16) + strings.Repeat(`]`, 16)
	cases := []struct{ name, body, reason, field string }{
		{"empty", ``, "empty", ""},
		{"only whitespace", " \n", "empty", ""},
		{"not an object", `[1]`, "must be a JSON object", ""},
		{"a string", `"x"`, "must be a JSON object", ""},
		{"null", `null`, "must be a JSON object", ""},
		{"cut", `{"amount":1`, "incomplete", ""},
		{"duplicate", `{"amount":1,"amount":2}`, "duplicate", "amount"},
		{"duplicate by escape", `{"amount":1,"\u0061mount":2}`, "duplicate", "amount"},
		{"duplicate within", `{"metadata":{"a":"1","a":"2"}}`, "duplicate", "metadata.a"},
		{"trailing object", `{} {}`, "data after", ""},
		{"trailing letter", `{}x`, "data after", ""},
		{"trailing comma", `{"a":1,}`, "invalid JSON", ""},
		{"trailing comma in array", `{"a":[1,]}`, "invalid JSON", ""},
		{"line comment", "{} // hi", "data after", ""},
		{"block comment", `{/* hi */"a":1}`, "invalid JSON", ""},
		{"single quotes", `{'a':1}`, "invalid JSON", ""},
		{"bare name", `{a:1}`, "invalid JSON", ""},
		{"leading zero", `{"a":01}`, "invalid JSON", ""},
		{"plus", `{"a":+1}`, "invalid JSON", ""},
		{"hexadecimal", `{"a":0x10}`, "invalid JSON", ""},
		{"NaN", `{"a":NaN}`, "invalid JSON", ""},
		{"infinity", `{"a":-Infinity}`, "invalid JSON", ""},
		{"byte order mark", "\xEF\xBB\xBF{}", "invalid JSON", ""},
		{"NUL byte", "{\"a\":\"\x00\"}", "control character", ""},
		{"NUL outside", "{}\x00", "control character", ""},
		{"escaped NUL", `{"a":"\u0000"}`, "control character", ""},
		{"escaped bell", `{"a":"\u0007"}`, "control character", ""},
		{"escaped newline", `{"a":"\n"}`, "control character", ""},
		{"raw newline in string", "{\"a\":\"\n\"}", "control character", ""},
		{"DEL", "{\"a\":\"\x7F\"}", "control character", ""},
		{"escaped DEL", `{"a":"\u007F"}`, "control character", ""},
		{"C1", "{\"a\":\"\u0085\"}", "control character", ""},
		{"escaped C1", `{"a":"\u0085"}`, "control character", ""},
		{"control in a name", `{"a\u0001":1}`, "control character", ""},
		{"invalid UTF-8", "{\"a\":\"\xFF\"}", "invalid JSON", "a"},
		{"overlong UTF-8", "{\"a\":\"\xC0\x80\"}", "invalid JSON", "a"},
		{"lone surrogate", `{"a":"\ud800"}`, "invalid JSON", "a"},
		{"surrogates turned round", `{"a":"\udc00\ud800"}`, "invalid JSON", "a"},
		{"bad escape", `{"a":"\x41"}`, "invalid JSON", "a"},
		{"too deep", `{"a":` + deep + `}`, "deeper", ""},
		{"far too deep", strings.Repeat(`{"a":`, 100000), "deeper", ""},
		{"UTF-16", "\xFF\xFE{\x00}\x00", "control", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := strictjson.Parse([]byte(c.body))
			var syntax *strictjson.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if !strings.Contains(syntax.Reason, c.reason) {
				t.Errorf("reason %q, want it to say %q", syntax.Reason, c.reason)
			}
			if c.field != "" && syntax.Field != c.field {
				t.Errorf("field %q, want %q", syntax.Field, c.field)
			}
			if syntax.Offset < 0 || syntax.Offset > len(c.body) {
				t.Errorf("offset %d lies outside of %d bytes", syntax.Offset, len(c.body))
			}
		})
	}
}

func TestNestingOfSixteenIsRead(t *testing.T) {
	t.Parallel()
	body := `{"a":` + strings.Repeat(`[`, 15) + strings.Repeat(`]`, 15) + `}`
	if _, err := strictjson.Parse([]byte(body)); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyAnIntegerLiteralIsAnInteger(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		`0`: true, `100`: true, `-5`: true, `999999999999999999`: true,
		`1e3`: false, `1E3`: false, `100.0`: false, `-0`: false, `"100"`: false, `null`: false, `true`: false,
		`9223372036854775807`: true, `9223372036854775808`: false, `-9223372036854775808`: false, `99999999999999999999`: false, `[1]`: false, `{}`: false,
	}
	for literal, want := range cases {
		object, err := strictjson.Parse([]byte(`{"n": ` + literal + ` }`))
		if err != nil {
			t.Fatalf("%s: %v", literal, err)
		}
		value, _ := object.Get("n")
		if _, got := value.Integer(); got != want {
			t.Errorf("%s is an integer: %v, want %v", literal, got, want)
		}
	}
}

func TestAbsentNullAndZeroStayApart(t *testing.T) {
	t.Parallel()
	object, err := strictjson.Parse([]byte(`{"zero":0,"null":null,"empty":""}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]strictjson.Kind{"zero": strictjson.KindNumber, "null": strictjson.KindNull, "empty": strictjson.KindString, "absent": 0} {
		value, found := object.Get(name)
		if value.Kind() != want || found != (want != 0) {
			t.Errorf("%s: %v, found %v", name, value.Kind(), found)
		}
	}
}

func TestValuesAreReadAsWritten(t *testing.T) {
	t.Parallel()
	object, err := strictjson.Parse([]byte(" {\"t\" : true ,\t\"f\":false, \"s\":\"a\\\"\\u00e9\\\\\", \"l\": [ 1 , {\"x\":[]}, \"]\" ], \"o\":{ \"k\" : \"}\" } } \n"))
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := object.Get("t"); !isBool(v, true) {
		t.Error("t is not true")
	}
	if v, _ := object.Get("f"); !isBool(v, false) {
		t.Error("f is not false")
	}
	if v, _ := object.Get("s"); text(v) != `a"é\` {
		t.Errorf("s is %q", text(v))
	}
	list, _ := object.Get("l")
	if elements := list.Elements(); len(elements) != 3 || text(elements[2]) != "]" || len(elements[1].Members()) != 1 {
		t.Errorf("l is %q", list.Raw())
	}
	inner, _ := object.Get("o")
	if members := inner.Members(); len(members) != 1 || text(members[0].Value) != "}" {
		t.Errorf("o is %q", inner.Raw())
	}
	if unknown := object.Unknown("t", "f", "l"); len(unknown) != 2 || unknown[0] != "s" || unknown[1] != "o" {
		t.Errorf("unknown: %v", unknown)
	}
}

func isBool(v strictjson.Value, want bool) bool {
	got, ok := v.Bool()
	return ok && got == want
}

func text(v strictjson.Value) string {
	s, _ := v.Text()
	return s
}

func TestCanonicalFormForgetsOrderSpaceAndSpelling(t *testing.T) {
	t.Parallel()
	same := []string{
		`{"b":[1,{"y":null,"x":true}],"a":"é/","c":{"k":"v","j":"w"}}`,
		"{ \"a\" : \"\\u00e9\\/\",\n\"c\":{\"j\":\"w\" ,\"k\":\"v\"}, \"b\":[ 1 ,{\"x\":true,\"y\":null}]}",
	}
	if first, second := canonical(t, same[0]), canonical(t, same[1]); first != second {
		t.Errorf("differ:\n%s\n%s", first, second)
	}
	for _, other := range []string{
		`{"b":[1,{"y":null}],"a":"é/","c":{"k":"v","j":"w"}}`,
		`{"b":[{"y":null,"x":true},1],"a":"é/","c":{"k":"v","j":"w"}}`,
		`{"b":[1.0,{"y":null,"x":true}],"a":"é/","c":{"k":"v","j":"w"}}`,
	} {
		if canonical(t, other) == canonical(t, same[0]) {
			t.Errorf("%s has the canonical form of another body", other)
		}
	}
}

func canonical(t testing.TB, body string) string {
	t.Helper()
	object, err := strictjson.Parse([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return string(object.AppendCanonical(nil))
}

func FuzzParse(f *testing.F) {
	for _, body := range []string{typical, `{}`, `{"a":[{"b":"\u00e9\\"}]}`, `{"a":1e3}`, "{\"a\":\"\xFF\"}", `{"a":{"a":{}}`, ` { "x" : [ ] } `} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		object, err := strictjson.Parse(body)
		if err != nil {
			return
		}
		once := object.AppendCanonical(nil)
		again, err := strictjson.Parse(once)
		if err != nil {
			t.Fatalf("canonical form %q is refused: %v", once, err)
		}
		if twice := again.AppendCanonical(nil); string(twice) != string(once) {
			t.Fatalf("canonical form moves: %q then %q", once, twice)
		}
	})
}

func BenchmarkParseTypicalCreatePayment(b *testing.B) {
	b.ReportAllocs()
	body := []byte(typical)
	var members strictjson.Object
	for b.Loop() {
		var err error
		if members, err = strictjson.ParseInto(members[:0], body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	b.ReportAllocs()
	object, _ := strictjson.Parse([]byte(typical))
	var out []byte
	for b.Loop() {
		out = object.AppendCanonical(out[:0])
	}
}
