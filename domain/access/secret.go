package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"strings"
)

// ErrMalformedSecret: the text is no key of ours, which its form alone tells; the
// error never repeats the text.
var ErrMalformedSecret = errors.New("malformed API key")

// A secret is kind, mode, 256 random bits and a checksum over all before it:
//
//	sk_live_ + 43 digits of base 62 + 6 digits of CRC-32
const (
	randomSize   = 43 // digits of 256 bits: 62^43 > 2^256 > 62^42
	checksumSize = 6  // digits of 32 bits
	prefixSize   = len("sk_live_")
	secretSize   = prefixSize + randomSize + checksumSize
	maskedTail   = 4

	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" // in the order of its bytes
)

// Secret is an API key in clear. It prints, formats and encodes as its masked
// form, whatever is asked of it; Reveal alone gives it away. The zero value is no
// key.
type Secret struct{ text *string } // behind a pointer: fmt reads unexported fields

// NewSecret words random bits as a key.
func NewSecret(random [32]byte, kind Kind, livemode bool) Secret {
	b := make([]byte, 0, secretSize)
	b = append(b, prefixOf(kind, livemode)...)
	b = appendBase62(b, random)
	b = appendChecksum(b, crc32.ChecksumIEEE(b))
	text := string(b)
	return Secret{text: &text}
}

// ParseSecret accepts what NewSecret makes and nothing else, so junk is refused
// without a look-up.
func ParseSecret(s string) (Secret, error) {
	if len(s) != secretSize {
		return Secret{}, fmt.Errorf("%w: wrong length", ErrMalformedSecret)
	}
	if !knownPrefix(s[:prefixSize]) {
		return Secret{}, fmt.Errorf("%w: unknown prefix", ErrMalformedSecret)
	}
	for i := prefixSize; i < len(s); i++ {
		if !isBase62(s[i]) {
			return Secret{}, fmt.Errorf("%w: foreign character", ErrMalformedSecret)
		}
	}
	body := s[:secretSize-checksumSize]
	var room [checksumSize]byte
	if string(appendChecksum(room[:0], crc32.ChecksumIEEE([]byte(body)))) != s[len(body):] || body[prefixSize:] > largest {
		return Secret{}, fmt.Errorf("%w: wrong checksum", ErrMalformedSecret)
	}
	s = strings.Clone(s) // s may be part of a request's buffer
	return Secret{text: &s}, nil
}

// largest is 2^256-1: more is no key, though it has as many digits.
var largest = func() string {
	var all [32]byte
	for i := range all {
		all[i] = 0xff
	}
	return string(appendBase62(nil, all))
}()

// Reveal is the key in clear: to show it once, and to hash it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Kind is told by the first letters; empty for the zero value.
func (s Secret) Kind() Kind { return Kind(strings.SplitN(s.Reveal(), "_", 2)[0]) }

// Livemode is told by the prefix.
func (s Secret) Livemode() bool {
	text := s.Reveal()
	return len(text) > prefixSize && text[3:prefixSize] == "live_"
}

// Masked is the form that may be kept and shown: sk_live_…1a2b.
func (s Secret) Masked() string {
	text := s.Reveal()
	if text == "" {
		return ""
	}
	return text[:prefixSize] + "…" + text[len(text)-maskedTail:]
}

// Digest is the keyed digest a key is found by. The pepper comes from
// configuration; two are valid while it is changed.
type Digest [sha256.Size]byte

// Digest computes HMAC-SHA-256 of the key under pepper.
func (s Secret) Digest(pepper []byte) (digest Digest) {
	mac := hmac.New(sha256.New, pepper)
	_, _ = io.WriteString(mac, s.Reveal()) // a hash never fails
	mac.Sum(digest[:0])
	return digest
}

// Format implements fmt.Formatter, so that no verb reaches the text.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.Masked()) }

// String implements fmt.Stringer with the masked form.
func (s Secret) String() string { return s.Masked() }

// MarshalText implements encoding.TextMarshaler with the masked form.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.Masked()), nil }

func prefixOf(kind Kind, livemode bool) string {
	if livemode {
		return string(kind) + "_live_"
	}
	return string(kind) + "_test_"
}

func knownPrefix(s string) bool {
	switch Kind(s[:2]) {
	case KindSecret, KindPublishable, KindRestricted:
		return s[2:] == "_live_" || s[2:] == "_test_"
	}
	return false
}

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// appendBase62 divides the 256-bit number by 62 until all 43 digits are told.
func appendBase62(b []byte, number [32]byte) []byte {
	var words [4]uint64
	for i := range words {
		words[i] = binary.BigEndian.Uint64(number[8*i:])
	}
	var digits [randomSize]byte
	for at := randomSize - 1; at >= 0; at-- {
		var rest uint64
		for i := range words {
			words[i], rest = bits.Div64(rest, words[i], 62)
		}
		digits[at] = alphabet[rest]
	}
	return append(b, digits[:]...)
}

func appendChecksum(b []byte, sum uint32) []byte {
	var digits [checksumSize]byte
	for at := checksumSize - 1; at >= 0; at-- {
		digits[at] = alphabet[sum%62]
		sum /= 62
	}
	return append(b, digits[:]...)
}
