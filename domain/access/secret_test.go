package access_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/access"
)

var kinds = []access.Kind{access.KindSecret, access.KindPublishable, access.KindRestricted}

func draw(t *rapid.T) (random [32]byte) {
	copy(random[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "random"))
	return random
}

func bytesOf(b byte) (random [32]byte) {
	return [32]byte(bytes.Repeat([]byte{b}, 32))
}

func TestAKeyTellsItsKindAndModeAndComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind, live := rapid.SampledFrom(kinds).Draw(t, "kind"), rapid.Bool().Draw(t, "live")
		secret := access.NewSecret(draw(t), kind, live)
		parsed, err := access.ParseSecret(secret.Reveal())
		if err != nil || parsed.Reveal() != secret.Reveal() || parsed.Kind() != kind || parsed.Livemode() != live {
			t.Fatalf("%s came back as %s, live %t: %v", secret, parsed.Kind(), parsed.Livemode(), err)
		}
	})
}

func TestAKeyHoldsAllOfItsRandomness(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		random := draw(t)
		digits := access.NewSecret(random, access.KindSecret, true).Reveal()[len("sk_live_"):]
		number := new(big.Int)
		for _, c := range digits[:43] {
			number.Mul(number, big.NewInt(62))
			number.Add(number, big.NewInt(int64(strings.IndexRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", c))))
		}
		if number.Cmp(new(big.Int).SetBytes(random[:])) != 0 {
			t.Fatalf("%x became %x", random, number)
		}
	})
}

func TestOneWrongCharacterIsNoticedWithoutALookUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(access.NewSecret(draw(t), access.KindSecret, false).Reveal())
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		was := text[at]
		text[at] = rapid.Byte().Draw(t, "now")
		if _, err := access.ParseSecret(string(text)); (err == nil) != (text[at] == was) {
			t.Fatalf("character %d changed from %q to %q: %v", at, was, text[at], err)
		}
	})
}

func TestJunkIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	good := access.NewSecret(bytesOf(7), access.KindSecret, true).Reveal()
	for name, junk := range map[string]string{
		"empty": "", "prefix alone": "sk_live_", "another kind": "xk" + good[2:], "another mode": "sk_prod_" + good[8:], "mode in upper case": "sk_LIVE_" + good[8:],
		"other mode, same digits": "sk_test_" + good[8:], "one short": good[:len(good)-1], "one long": good + "0", "space before": " " + good[:len(good)-1],
		"NUL": good[:20] + "\x00" + good[21:], "look-alike": good[:20] + "о" + good[22:], "2^256 and more": "sk_live_" + strings.Repeat("z", 49),
	} {
		_, err := access.ParseSecret(junk)
		if !errors.Is(err, access.ErrMalformedSecret) {
			t.Errorf("%s: %v", name, err)
		} else if len(junk) > 8 && strings.Contains(err.Error(), junk[8:16]) {
			t.Errorf("%s is repeated: %v", name, err)
		}
	}
}

func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	secret := access.NewSecret(bytesOf(200), access.KindSecret, true)
	digits := secret.Reveal()[len("sk_live_") : len(secret.Reveal())-4]
	held := struct {
		Name   string
		Secret access.Secret
		secret access.Secret
	}{"x", secret, secret}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t", "%p", "%10.3s"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, secret, &secret, held, []access.Secret{secret})
	}
	encoded, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(encoded)
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "secret", secret, "held", held)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "secret", secret, "held", held)
	for n := range len(digits) - 8 {
		for _, part := range []string{digits[n : n+8], fmt.Sprintf("%x", digits[n:n+8]), fmt.Sprintf("%X", digits[n:n+8])} {
			if bytes.Contains(out.Bytes(), []byte(part)) {
				t.Fatalf("digits %d to %d of the secret were printed", n, n+8)
			}
		}
	}
	if want := "sk_live_…" + secret.Reveal()[53:]; secret.String() != want || len(want) != len("sk_live_…")+4 {
		t.Errorf("masked form is %s, want %s", secret, want)
	}
}

func TestTheZeroSecretIsNoKey(t *testing.T) {
	t.Parallel()
	var none access.Secret
	if none.Reveal() != "" || none.Kind() != "" || none.Livemode() || none.String() != "" {
		t.Errorf("it says %q, %q, %t", none.Reveal(), none.Kind(), none.Livemode())
	}
}

func TestADigestDependsOnKeyAndPepper(t *testing.T) {
	t.Parallel()
	one, two := access.NewSecret(bytesOf(1), access.KindSecret, true), access.NewSecret(bytesOf(2), access.KindSecret, true)
	seen := map[access.Digest]bool{}
	for _, secret := range []access.Secret{one, two, access.NewSecret(bytesOf(1), access.KindSecret, false)} {
		for _, pepper := range []string{"a", "b"} {
			seen[secret.Digest([]byte(pepper))] = true
		}
	}
	if len(seen) != 6 || one.Digest([]byte("a")) != access.NewSecret(bytesOf(1), access.KindSecret, true).Digest([]byte("a")) {
		t.Errorf("%d digests of 6", len(seen))
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add(access.NewSecret(bytesOf(0), access.KindSecret, true).Reveal())
	f.Add(access.NewSecret(bytesOf(255), access.KindRestricted, false).Reveal())
	f.Add("sk_live_" + strings.Repeat("z", 49))
	f.Add("pk_test_")
	f.Fuzz(func(t *testing.T, s string) {
		if secret, err := access.ParseSecret(s); err == nil && secret.Reveal() != s {
			t.Fatalf("%q was read as another key", s)
		}
	})
}

func BenchmarkParseSecret(b *testing.B) {
	text := access.NewSecret(bytesOf(9), access.KindSecret, true).Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := access.ParseSecret(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	secret, pepper := access.NewSecret(bytesOf(9), access.KindSecret, true), []byte("0123456789abcdef0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		secret.Digest(pepper)
	}
}
