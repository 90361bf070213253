package eventstore

import (
	"crypto/sha256"
	"strconv"

	"github.com/google/uuid"
)

// PartitionsPerLane is into how many subjects a lane's JetStream stream is spread.
const PartitionsPerLane = 64

// KeyOf digests an idempotency key within its scope. 128 bits of SHA-256: nobody
// meets a second key with the same digest by chance, and who makes one on
// purpose meets only their own (the merchant is hashed first).
func KeyOf(merchant uuid.UUID, livemode bool, key string) ClaimKey {
	b := make([]byte, 0, 64)
	b = append(b, merchant[:]...)
	if livemode {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = append(b, key...)
	sum := sha256.Sum256(b)
	return ClaimKey(sum[:16])
}

// Subject is where the relay publishes e: paymint.<lane>.<partition>.<aggregate>,
// the partition 00 to 63 by stream, so that a stream's events stay in order on one
// subject and no payment has a subject of its own.
func Subject(lane int, e Event) string {
	partition := e.Stream.ID[15] % PartitionsPerLane // random bits of a UUIDv7
	b := make([]byte, 0, 48)
	b = append(b, "paymint."...)
	b = strconv.AppendInt(b, int64(lane), 10)
	b = append(b, '.', '0'+partition/10, '0'+partition%10, '.')
	return string(append(b, e.Stream.Aggregate...))
}
