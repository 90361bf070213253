package sandbox

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// columns turns entries into the array parameters of insertEntries, in PostgreSQL's
// binary form and by hand: the general way through reflection costs several times
// as much, and this runs once per authorization. The buffers are used again.
type columns struct {
	arrays [columnCount]array
	values [columnCount][]byte
}

const columnCount = 18

var (
	columnTypes = [columnCount]uint32{
		pgtype.UUIDOID, pgtype.UUIDOID, pgtype.UUIDOID, pgtype.UUIDOID,
		pgtype.Int8OID, pgtype.Int8OID, pgtype.Int8OID, pgtype.Int8OID, pgtype.Int8OID, pgtype.TimestamptzOID, pgtype.TimestamptzOID,
		pgtype.BoolOID, pgtype.BoolOID, pgtype.TextOID, pgtype.TextOID, pgtype.TextOID, pgtype.TextOID, pgtype.TextOID,
	}
	binaryFormat = []int16{pgx.BinaryFormatCode} // one for all
)

// encode is valid until the next call.
func (c *columns) encode(entries []Entry) [][]byte {
	for i := range c.arrays {
		c.arrays[i] = c.arrays[i].begin(columnTypes[i], len(entries))
	}
	for i := range entries {
		c.add(&entries[i])
	}
	for i := range c.arrays {
		c.values[i] = c.arrays[i]
	}
	return c.values[:]
}

func (c *columns) add(e *Entry) {
	a := &c.arrays
	a[0] = a[0].uuid(e.Reference.UUID())
	a[1] = a[1].uuid(e.Payment.UUID())
	a[2] = a[2].uuid(e.Authorization.UUID())
	a[3] = a[3].uuid(e.Capture.UUID())
	for i, number := range [...]int64{e.Amount.Minor, e.Approved, e.Captured, e.Released, e.Refunded} {
		a[4+i] = a[4+i].number(number)
	}
	a[9] = a[9].time(e.At)
	a[10] = a[10].time(e.ExpiresAt)
	a[11] = a[11].flag(e.Final)
	a[12] = a[12].flag(e.Reversed)
	for i, text := range [...]string{string(e.Operation), string(e.Outcome), string(e.Amount.Currency), e.Card, e.Decline} {
		a[13+i] = a[13+i].text(text)
	}
}

// array is one parameter in the making: a header of dimensions, then each element
// with its length before it, −1 for NULL.
type array []byte

func (a array) begin(element uint32, length int) array {
	a = binary.BigEndian.AppendUint32(a[:0], 1) // dimensions
	a = binary.BigEndian.AppendUint32(a, 1)     // may hold NULLs
	a = binary.BigEndian.AppendUint32(a, element)
	a = binary.BigEndian.AppendUint32(a, uint32(length))
	return binary.BigEndian.AppendUint32(a, 1) // first index
}

func (a array) null() array { return append(a, 0xff, 0xff, 0xff, 0xff) }

// uuid writes the nil UUID as NULL: "there is none".
func (a array) uuid(u uuid.UUID) array {
	if u == uuid.Nil {
		return a.null()
	}
	return append(append(a, 0, 0, 0, 16), u[:]...)
}

func (a array) number(n int64) array {
	return binary.BigEndian.AppendUint64(append(a, 0, 0, 0, 8), uint64(n))
}

// postgresEpoch is 2000-01-01 UTC in microseconds since 1970.
const postgresEpoch = 946_684_800_000_000

// time writes the zero time as NULL.
func (a array) time(t time.Time) array {
	if t.IsZero() {
		return a.null()
	}
	return a.number(t.UnixMicro() - postgresEpoch)
}

func (a array) flag(b bool) array {
	if b {
		return append(a, 0, 0, 0, 1, 1)
	}
	return append(a, 0, 0, 0, 1, 0)
}

func (a array) text(s string) array {
	return append(binary.BigEndian.AppendUint32(a, uint32(len(s))), s...)
}

// scanEntry reads entryColumns.
func scanEntry(row pgx.CollectableRow) (e Entry, err error) {
	var reference, payment uuid.UUID
	var authorization, capture uuid.NullUUID
	var operation, outcome, currency string
	var expires *time.Time
	err = row.Scan(&reference, &payment, &authorization, &capture,
		&e.Amount.Minor, &e.Approved, &e.Captured, &e.Released, &e.Refunded, &e.At, &expires,
		&e.Final, &e.Reversed, &operation, &outcome, &currency, &e.Card, &e.Decline)
	e.Reference, e.Payment = id.From[id.Reference](reference), id.From[id.Payment](payment)
	e.Authorization, e.Capture = id.From[id.Reference](authorization.UUID), id.From[id.Reference](capture.UUID)
	e.Operation, e.Outcome, e.Amount.Currency = acquirer.Operation(operation), acquirer.Outcome(outcome), money.Currency(currency)
	e.At = e.At.UTC()
	if expires != nil {
		e.ExpiresAt = expires.UTC()
	}
	return e, err
}
