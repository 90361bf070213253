package invariants

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
)

// keyHeld is how long an idempotency key is promised to stand for one request.
const keyHeld = eventstore.ClaimDaysBack * 24 * time.Hour

// keys judges I2: an idempotency key of a merchant and mode has one intent. What it
// keeps of each intent is 34 bytes, sorted on disk by key and time.
type keys struct {
	r *Result
	s *sorter
}

// A keyed intent: digest of merchant, livemode and key (16), recorded_at in
// microseconds (8), position (8), lane (2). In order of the bytes, the intents of a
// key stand together, oldest first.
const keyedSize = 16 + 8 + 8 + 2

func newKeys(tempDir string) *keys {
	return &keys{r: newResult("I2", "one intent per merchant, mode and idempotency key", "intents with a key"), s: newSorter(keyedSize, tempDir)}
}

func (k *keys) result() *Result { return k.r }

func (k *keys) close() { k.s.close() }

func (k *keys) lane(_ context.Context, lane int, page []entry) error {
	for i := range page {
		e := &page[i]
		if e.err != nil || !begins(&e.event) {
			continue
		}
		k.r.Checked++
		var b [keyedSize]byte
		digest := eventstore.KeyOf(e.event.Merchant, e.event.Livemode, e.event.Meta.IdempotencyKey)
		copy(b[:], digest[:])
		binary.BigEndian.PutUint64(b[16:], uint64(e.event.RecordedAt.UnixMicro()))
		binary.BigEndian.PutUint64(b[24:], uint64(e.Position))
		binary.BigEndian.PutUint16(b[32:], uint16(lane))
		if err := k.s.add(b[:]); err != nil {
			return err
		}
	}
	return nil
}

// begins reports whether e is what a client's request with a key began with. What
// follows from it, such as the second message of an authorize-and-capture, names it
// as its cause.
func begins(e *eventstore.Event) bool {
	if e.Meta.IdempotencyKey == "" || e.Meta.Cause != uuid.Nil {
		return false
	}
	switch e.Type {
	case payment.TypeAuthorizationRequested, payment.TypeCaptureRequested, payment.TypeCancellationRequested,
		payment.TypeRefundRequested, payment.TypeActionCompleted:
		return true
	}
	return false
}

// finish walks the sorted intents: two of one key, nearer in time than the key is
// held, are two effects of one request.
func (k *keys) finish(context.Context) error {
	var before [keyedSize]byte
	first := true
	return k.s.walk(func(b []byte) error {
		if !first && string(before[:16]) == string(b[:16]) {
			if apart := recorded(b).Sub(recorded(before[:])); apart < keyHeld {
				k.r.violate(place(b), "the idempotency key of this intent began another one %s earlier, at %s", apart, place(before[:]))
			}
		}
		first = false
		copy(before[:], b)
		return nil
	})
}

func recorded(b []byte) time.Time { return time.UnixMicro(int64(binary.BigEndian.Uint64(b[16:]))) }

func place(b []byte) string {
	return fmt.Sprintf("%d.%d", binary.BigEndian.Uint16(b[32:]), binary.BigEndian.Uint64(b[24:]))
}
