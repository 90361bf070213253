package merchant

import (
	"github.com/paymint/paymint/domain/codec"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Event is one fact in a merchant's stream.
type Event interface{ Type() string }

// Created is the birth of a merchant; it awaits review.
type Created struct {
	Merchant           id.Merchant    `json:"merchant_id"`
	BusinessName       string         `json:"business_name"`
	MCC                string         `json:"mcc"`
	Country            string         `json:"country"`
	SettlementCurrency money.Currency `json:"settlement_currency"`
	WebhookURL         string         `json:"webhook_url,omitzero"`
	APIVersion         string         `json:"api_version"`
	Pricing            Pricing        `json:"pricing"`
}

// Activated: reviewed and open for payments.
type Activated struct{}

// Suspended: frozen; no new payments.
type Suspended struct {
	Reason string `json:"reason"`
}

// Thawed ends a suspension.
type Thawed struct {
	Reason string `json:"reason,omitzero"`
}

// Terminated: the relation has ended for good.
type Terminated struct {
	Reason string `json:"reason"`
}

// TestClockAdvanced moves the clock of test mode; the offset is the whole distance
// from the wall's time, so the latest event tells all.
type TestClockAdvanced struct {
	OffsetMilliseconds int64 `json:"offset_ms"`
}

// The event types, for ever.
const (
	TypeCreated           = "merchant.created"
	TypeActivated         = "merchant.activated"
	TypeSuspended         = "merchant.suspended"
	TypeThawed            = "merchant.thawed"
	TypeTerminated        = "merchant.terminated"
	TypeTestClockAdvanced = "test_clock.advanced"
)

// Type implements Event; so do the ones below.
func (Created) Type() string           { return TypeCreated }
func (Activated) Type() string         { return TypeActivated }
func (Suspended) Type() string         { return TypeSuspended }
func (Thawed) Type() string            { return TypeThawed }
func (Terminated) Type() string        { return TypeTerminated }
func (TestClockAdvanced) Type() string { return TypeTestClockAdvanced }

var kinds = codec.Kinds[Event]{
	TypeCreated:           codec.Of[Created, Event](),
	TypeActivated:         codec.Of[Activated, Event](),
	TypeSuspended:         codec.Of[Suspended, Event](),
	TypeThawed:            codec.Of[Thawed, Event](),
	TypeTerminated:        codec.Of[Terminated, Event](),
	TypeTestClockAdvanced: codec.Of[TestClockAdvanced, Event](),
}

// Types lists every event type of a merchant's stream, in the order of the alphabet.
func Types() []string { return kinds.Types() }

// Encode gives what the log stores of e.
func Encode(e Event) (typ string, schema int, body []byte, err error) {
	return kinds.Encode(e.Type(), e)
}

// Decode reads what Encode ever wrote; errors wrap codec.ErrUnknownType or
// codec.ErrUnknownSchema, or say where the body is malformed.
func Decode(typ string, schema int, body []byte) (Event, error) {
	return kinds.Decode(typ, schema, body)
}
