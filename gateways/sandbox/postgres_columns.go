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

// column is one array parameter of an INSERT.
type column struct {
	element uint32 // type
	write   func(array, *Entry) array
}

var (
	// everyColumn is in the order of entryColumns, which insertEntries writes.
	everyColumn = []column{
		{pgtype.UUIDOID, func(a array, e *Entry) array { return a.uuid(e.Reference.UUID()) }},
		{pgtype.UUIDOID, func(a array, e *Entry) array { return a.uuid(e.Payment.UUID()) }},
		{pgtype.UUIDOID, func(a array, e *Entry) array { return a.uuid(e.Authorization.UUID()) }},
		{pgtype.UUIDOID, func(a array, e *Entry) array { return a.uuid(e.Capture.UUID()) }},
		{pgtype.Int8OID, func(a array, e *Entry) array { return a.number(e.Amount.Minor) }},
		{pgtype.Int8OID, func(a array, e *Entry) array { return a.number(e.Approved) }},
		{pgtype.Int8OID, func(a array, e *Entry) array { return a.number(e.Captured) }},
		{pgtype.Int8OID, func(a array, e *Entry) array { return a.number(e.Released) }},
		{pgtype.Int8OID, func(a array, e *Entry) array { return a.number(e.Refunded) }},
		{pgtype.TimestamptzOID, func(a array, e *Entry) array { return a.time(e.At) }},
		{pgtype.TimestamptzOID, func(a array, e *Entry) array { return a.time(e.ExpiresAt) }},
		{pgtype.BoolOID, func(a array, e *Entry) array { return a.flag(e.Final) }},
		{pgtype.BoolOID, func(a array, e *Entry) array { return a.flag(e.Reversed) }},
		{pgtype.TextOID, func(a array, e *Entry) array { return a.text(string(e.Operation)) }},
		{pgtype.TextOID, func(a array, e *Entry) array { return a.text(string(e.Outcome)) }},
		{pgtype.TextOID, func(a array, e *Entry) array { return a.text(string(e.Amount.Currency)) }},
		{pgtype.TextOID, func(a array, e *Entry) array { return a.text(e.Card) }},
		{pgtype.TextOID, func(a array, e *Entry) array { return a.text(e.Decline) }},
	}
	// plainColumns are those in which fresh authorizations differ; see insertPlain.
	plainColumns = pick(0, 1, 4, 5, 9, 10, 14, 15, 16, 17)
	binaryFormat = []int16{pgx.BinaryFormatCode} // one for all
)

func pick(indexes ...int) (picked []column) {
	for _, i := range indexes {
		picked = append(picked, everyColumn[i])
	}
	return picked
}

// encoder writes entries as array parameters, in PostgreSQL's binary form and by
// hand: the general way through reflection costs several times as much, and this
// runs for each authorization. The buffers are used again.
type encoder struct{ arrays [][]byte }

// encode is valid until the next call.
func (c *encoder) encode(columns []column, entries []Entry) [][]byte {
	for len(c.arrays) < len(columns) {
		c.arrays = append(c.arrays, nil)
	}
	for i, column := range columns {
		a := array(c.arrays[i]).begin(column.element, len(entries))
		for j := range entries {
			a = column.write(a, &entries[j])
		}
		c.arrays[i] = a
	}
	return c.arrays[:len(columns)]
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
