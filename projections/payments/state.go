package payments

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// The state column: a resource as bytes, a third of its JSON and read in a
// microsecond. Fields stand in a fixed order behind a version byte; numbers are
// varints, times microseconds from CreatedAt, ids 16 bytes where a flag says they
// are there. The same resource always gives the same bytes, so two read models can
// be compared by them.
const stateVersion = 1

const (
	flagLivemode = 1 << iota
	flagCapture
	flagDisputed
	flagAwaitingAction
	flagExpired
	flagLateApproval
	flagCaptureAtOnce
	flagNextAction
	flagOpen
	flagCustomer
	flagDispute
	flagAuthorization
	flagCaptureCall
	flagCaptureReference
)

func (r *Resource) flags() (flags uint64) {
	s := &r.state
	for _, bit := range [...]struct {
		set  bool
		flag uint64
	}{
		{r.Livemode, flagLivemode}, {r.Capture, flagCapture}, {s.Disputed, flagDisputed}, {s.AwaitingAction, flagAwaitingAction},
		{s.Expired, flagExpired}, {s.LateApproval, flagLateApproval}, {s.CaptureAtOnce, flagCaptureAtOnce},
		{r.NextAction != nil, flagNextAction}, {s.Open != nil, flagOpen}, {!r.Customer.IsZero(), flagCustomer},
		{!r.Dispute.IsZero(), flagDispute}, {!s.Authorization.IsZero(), flagAuthorization},
		{!s.Capture.IsZero(), flagCaptureCall}, {!s.CaptureReference.IsZero(), flagCaptureReference},
	} {
		if bit.set {
			flags |= bit.flag
		}
	}
	return flags
}

// encode appends r's bytes to b.
func (r *Resource) encode(b []byte) []byte {
	s := &r.state
	b = binary.AppendUvarint(append(b, stateVersion), r.flags())
	b = appendUUID(appendUUID(b, r.ID.UUID()), r.Merchant.UUID())
	b = binary.AppendUvarint(b, uint64(r.Version))
	b = binary.AppendVarint(b, r.CreatedAt.UnixMicro())
	b = append(b, byte(statusCode(s.Status)))
	b = appendText(b, string(s.Currency))
	for _, amount := range [...]int64{s.Requested, s.Authorized, s.Captured, s.Released, s.RefundsCorrected} {
		b = binary.AppendVarint(b, amount)
	}
	for _, at := range [...]time.Time{r.AuthorizedAt, r.CapturedAt, r.CancelledAt, s.ExpiresAt} {
		b = r.appendTime(b, at)
	}
	for _, u := range [...]uuid.UUID{
		r.Customer.UUID(), r.Dispute.UUID(), s.Authorization.UUID(), s.Capture.UUID(), s.CaptureReference.UUID(),
	} {
		if u != uuid.Nil {
			b = appendUUID(b, u)
		}
	}
	for _, text := range [...]string{
		s.Gateway, r.PaymentMethod, r.Description, r.StatementDescriptor, r.IdempotencyKey, r.FailureCode,
		r.FailureMessage, r.DeclineCode, r.NetworkTransactionID, r.CancellationReason,
	} {
		b = appendText(b, text)
	}
	return r.encodeLists(b)
}

func (r *Resource) encodeLists(b []byte) []byte {
	s := &r.state
	if r.NextAction != nil {
		b = appendText(appendText(b, r.NextAction.Type), r.NextAction.URL)
	}
	if s.Open != nil {
		b = appendText(b, string(s.Open.Operation))
		b = appendUUID(appendUUID(b, s.Open.Reference.UUID()), s.Open.Refund.UUID())
		b = r.appendTime(binary.AppendVarint(b, s.Open.Amount), s.Open.Deadline)
		b = appendFlag(b, s.Open.Unknown)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Metadata)))
	for i := range r.Metadata {
		b = appendText(appendText(b, r.Metadata[i].Key), r.Metadata[i].Value)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Refunds)))
	for i := range s.Refunds {
		refund := &s.Refunds[i]
		b = appendUUID(appendUUID(b, refund.ID.UUID()), refund.Reference.UUID())
		b = appendText(binary.AppendVarint(b, refund.Amount), string(refund.Status))
		b = appendFlag(r.appendTime(b, refund.Deadline), refund.Unknown)
	}
	return b
}

func appendUUID(b []byte, u uuid.UUID) []byte { return append(b, u[:]...) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendTime writes 0 for no time, else 1 and the distance from CreatedAt.
func (r *Resource) appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), t.UnixMicro()-r.CreatedAt.UnixMicro())
}

// errState: the column does not hold what encode wrote.
var errState = errors.New("malformed state column")

// decode reads what encode wrote. The resource does not alias b.
func decode(b []byte) (r Resource, err error) {
	if len(b) == 0 || b[0] != stateVersion {
		return Resource{}, fmt.Errorf("%w: unknown version", errState)
	}
	in := reader{text: string(b[1:])}
	in.resource(&r)
	if in.failed || in.text != "" {
		return Resource{}, errState
	}
	r.show()
	return r, nil
}

// reader takes values off the front of text; once failed, it gives zeros.
type reader struct {
	text    string // one copy of the column: the resource's strings lie in it
	failed  bool
	created int64
}

func (in *reader) resource(r *Resource) {
	s := &r.state
	flags := in.uvarint()
	for _, bit := range [...]struct {
		to   *bool
		flag uint64
	}{
		{&s.Livemode, flagLivemode}, {&r.Capture, flagCapture}, {&s.Disputed, flagDisputed}, {&s.AwaitingAction, flagAwaitingAction},
		{&s.Expired, flagExpired}, {&s.LateApproval, flagLateApproval}, {&s.CaptureAtOnce, flagCaptureAtOnce},
	} {
		*bit.to = flags&bit.flag != 0
	}
	s.ID, s.Merchant = id.From[id.Payment](in.uuid()), id.From[id.Merchant](in.uuid())
	s.Version = int(in.uvarint())
	in.created = in.varint()
	r.CreatedAt = time.UnixMicro(in.created).UTC()
	s.Status = statusOf(int16(in.octet()))
	s.Currency = money.Currency(in.string())
	s.Requested, s.Authorized, s.Captured = in.varint(), in.varint(), in.varint()
	s.Released, s.RefundsCorrected = in.varint(), in.varint()
	r.AuthorizedAt, r.CapturedAt, r.CancelledAt, s.ExpiresAt = in.time(), in.time(), in.time(), in.time()
	r.Customer = id.From[id.Customer](in.uuidIf(flags & flagCustomer))
	r.Dispute = id.From[id.Dispute](in.uuidIf(flags & flagDispute))
	s.Authorization = id.From[id.Reference](in.uuidIf(flags & flagAuthorization))
	s.Capture = id.From[id.Reference](in.uuidIf(flags & flagCaptureCall))
	s.CaptureReference = id.From[id.Reference](in.uuidIf(flags & flagCaptureReference))
	for _, text := range [...]*string{
		&s.Gateway, &r.PaymentMethod, &r.Description, &r.StatementDescriptor, &r.IdempotencyKey, &r.FailureCode,
		&r.FailureMessage, &r.DeclineCode, &r.NetworkTransactionID, &r.CancellationReason,
	} {
		*text = in.string()
	}
	r.ID, r.Merchant, r.Livemode, r.Version = s.ID, s.Merchant, s.Livemode, s.Version
	in.lists(r, flags)
}

func (in *reader) lists(r *Resource, flags uint64) {
	s := &r.state
	if flags&flagNextAction != 0 {
		r.NextAction = &acquirer.NextAction{Type: in.string(), URL: in.string()}
	}
	if flags&flagOpen != 0 {
		s.Open = &payment.Intent{
			Operation: acquirer.Operation(in.string()), Reference: id.From[id.Reference](in.uuid()), Refund: id.From[id.Refund](in.uuid()),
			Amount: in.varint(), Deadline: in.time(), Unknown: in.octet() == 1,
		}
	}
	if n := in.count(); n > 0 {
		r.Metadata = make([]projections.Label, n)
		for i := range r.Metadata {
			r.Metadata[i] = projections.Label{Key: in.string(), Value: in.string()}
		}
	}
	if n := in.count(); n > 0 {
		s.Refunds = make([]payment.Refund, n)
		for i := range s.Refunds {
			s.Refunds[i] = payment.Refund{
				ID: id.From[id.Refund](in.uuid()), Reference: id.From[id.Reference](in.uuid()), Amount: in.varint(),
				Status: payment.RefundStatus(in.string()), Deadline: in.time(), Unknown: in.octet() == 1,
			}
		}
	}
}

func (in *reader) take(n int) string {
	if n < 0 || n > len(in.text) {
		in.failed, in.text = true, ""
		return ""
	}
	taken := in.text[:n]
	in.text = in.text[n:]
	return taken
}

func (in *reader) octet() byte {
	if b := in.take(1); b != "" {
		return b[0]
	}
	return 0
}

func (in *reader) uuid() (u uuid.UUID) {
	copy(u[:], in.take(len(u)))
	return u
}

func (in *reader) uuidIf(there uint64) uuid.UUID {
	if there == 0 {
		return uuid.Nil
	}
	return in.uuid()
}

func (in *reader) string() string { return in.take(int(in.uvarint())) }

// count is bounded by what is left: an entry has two bytes at least.
func (in *reader) count() int {
	n := in.uvarint()
	if n > uint64(len(in.text)) {
		in.failed = true
		return 0
	}
	return int(n)
}

func (in *reader) time() time.Time {
	if in.octet() == 0 {
		return time.Time{}
	}
	return time.UnixMicro(in.created + in.varint()).UTC()
}

func (in *reader) uvarint() (n uint64) {
	for shift := uint(0); shift < 64; shift += 7 {
		b := in.octet()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	in.failed = true
	return 0
}

func (in *reader) varint() int64 {
	n := in.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}
