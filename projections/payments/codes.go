package payments

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/payment"
)

// statuses are the codes of the status column: two bytes instead of ten in the row
// and in two indexes. A code is final.
var statuses = [...]payment.Status{
	1: payment.StatusPending,
	2: payment.StatusAuthorized,
	3: payment.StatusCaptured,
	4: payment.StatusFailed,
	5: payment.StatusCancelled,
	6: payment.StatusRefunded,
}

// statusCode gives 0 for a status that does not exist.
func statusCode(status payment.Status) int16 {
	for code := 1; code < len(statuses); code++ {
		if statuses[code] == status {
			return int16(code)
		}
	}
	return 0
}

func statusOf(code int16) payment.Status {
	if code < 0 || int(code) >= len(statuses) {
		return ""
	}
	return statuses[code]
}

// digest makes the eight bytes by which an idempotency key or a metadata entry is
// looked up. Two texts may share them: whoever looks up compares the texts too.
func digest(merchant uuid.UUID, livemode bool, texts ...string) int64 {
	b := append(make([]byte, 0, 128), merchant[:]...)
	b = appendFlag(b, livemode)
	for _, text := range texts {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	return int64(xxhash.Sum64(b))
}
