// Package keyhash hashes API keys for storage and verifies them: Argon2id with
// 19 MiB, two passes and one lane (OWASP's second choice), in the usual text form
// $argon2id$v=19$m=19456,t=2,p=1$salt$hash. One verification costs about 15 ms of
// a core and 19 MiB, so callers do it once per key and remember the result.
package keyhash

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/paymint/paymint/domain/access"
)

const (
	memoryKiB = 19 * 1024
	passes    = 2
	lanes     = 1
	hashSize  = 32
	saltSize  = 16
)

// ErrMalformed: the stored text is no hash that Of writes.
var ErrMalformed = errors.New("malformed Argon2id hash")

var encoding = base64.RawStdEncoding

// Of hashes the secret with a salt of 16 random bytes.
func Of(secret access.Secret, salt [saltSize]byte) string {
	hash := argon2.IDKey([]byte(secret.Reveal()), salt[:], passes, memoryKiB, lanes, hashSize)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memoryKiB, passes, lanes,
		encoding.EncodeToString(salt[:]), encoding.EncodeToString(hash))
}

// Verify reports whether hash is the secret's. Costs up to four times ours are
// honoured, so that they can be raised; more is ErrMalformed, not a way to make
// the server work.
func Verify(secret access.Secret, hash string) (bool, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, ErrMalformed
	}
	var memory, times uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &times, &threads); err != nil {
		return false, ErrMalformed
	}
	salt, err1 := encoding.DecodeString(parts[4])
	want, err2 := encoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(want) != hashSize || len(salt) < saltSize ||
		memory > 4*memoryKiB || times < 1 || times > 4*passes || threads < 1 || threads > 4*lanes {
		return false, ErrMalformed
	}
	got := argon2.IDKey([]byte(secret.Reveal()), salt, times, memory, threads, hashSize)
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
