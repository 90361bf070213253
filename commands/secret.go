package commands

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/paymint/paymint/domain/access"
)

// The cost of a hash: OWASP's second choice for Argon2id (password storage cheat
// sheet), 19 MiB and two passes, about 15 ms. A key has 256 random bits, so the cost
// is for whoever finds a weakness in the drawing of them.
const (
	argonMemory  = 19 * 1024 // KiB
	argonPasses  = 2
	argonThreads = 1
	argonSalt    = 16
	argonSum     = 32
)

// HashSecret makes the text form of RFC 9106's reference implementation, with salt
// and cost in it: $argon2id$v=19$m=19456,t=2,p=1$salt$sum.
func HashSecret(random io.Reader, secret access.Secret) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("draw a salt: %w", err)
	}
	sum := argon2.IDKey([]byte(secret.Reveal()), salt, argonPasses, argonMemory, argonThreads, argonSum)
	text := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonThreads,
		text.EncodeToString(salt), text.EncodeToString(sum)), nil
}

// VerifySecret tells whether hash was made of secret. It costs what making it cost:
// whoever asks often remembers the answer (under a keyed digest, never the secret).
func VerifySecret(hash string, secret access.Secret) bool {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false
	}
	var version int
	var memory, passes uint32
	var threads uint8
	if n, _ := fmt.Sscanf(parts[2], "v=%d", &version); n != 1 || version != argon2.Version {
		return false
	}
	if n, _ := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); n != 3 || passes < 1 || threads < 1 {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false
	}
	sum, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(sum) < argonSum {
		return false
	}
	again := argon2.IDKey([]byte(secret.Reveal()), salt, passes, memory, threads, uint32(len(sum)))
	return subtle.ConstantTimeCompare(sum, again) == 1
}
