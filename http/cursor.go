package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/google/uuid"
)

// A cursor is crs_ and, in base 64 for URLs:
//
//	version (1) │ sort key (8) │ id (16) │ HMAC-SHA256, cut (16)
//
// The MAC covers what the list was asked for (resource, merchant, mode, sort,
// filters) besides the place, so a cursor moves within its own list only, and
// tells nothing of a row that its holder did not see.
const (
	cursorPrefix  = "crs_"
	cursorVersion = 1
	cursorPlace   = 1 + 8 + 16
	cursorMAC     = 16
)

// place is where a row stands in a list: the sort key (microseconds since 1970,
// or an amount) and the id that orders equals.
type place struct {
	Key int64
	ID  uuid.UUID
}

// cursors signs and opens cursors. All processes of one installation share the key.
type cursors struct{ key []byte }

var cursorText = base64.RawURLEncoding.Strict()

func (c cursors) seal(list []byte, p place) string {
	var b [cursorPlace + cursorMAC]byte
	b[0] = cursorVersion
	binary.BigEndian.PutUint64(b[1:9], uint64(p.Key)) //nolint:gosec // bits, both ways
	copy(b[9:cursorPlace], p.ID[:])
	copy(b[cursorPlace:], c.mac(list, b[:cursorPlace]))
	return cursorPrefix + cursorText.EncodeToString(b[:])
}

// open returns the place in this list; false for whatever seal did not make for it.
func (c cursors) open(list []byte, cursor string) (place, bool) {
	text, ok := strings.CutPrefix(cursor, cursorPrefix)
	if !ok || len(text) != cursorText.EncodedLen(cursorPlace+cursorMAC) {
		return place{}, false
	}
	b, err := cursorText.DecodeString(text)
	if err != nil || b[0] != cursorVersion || !hmac.Equal(c.mac(list, b[:cursorPlace]), b[cursorPlace:]) {
		return place{}, false
	}
	p := place{Key: int64(binary.BigEndian.Uint64(b[1:9]))} //nolint:gosec // bits, both ways
	copy(p.ID[:], b[9:cursorPlace])
	return p, true
}

func (c cursors) mac(list, where []byte) []byte {
	digest := hmac.New(sha256.New, c.key)
	digest.Write([]byte("paymint list cursor\n"))
	digest.Write(binary.BigEndian.AppendUint32(nil, uint32(len(list)))) //nolint:gosec // a query string's length
	digest.Write(list)
	digest.Write(where)
	return digest.Sum(nil)[:cursorMAC]
}
