// Package payments is the read model of payments: what the API shows of one, folded
// from its events, kept as rows that answer retrieves and lists.
//
//	payment.Recorded ─Fold─► Resource ─AppendJSON─► the body of a POST, a GET, a list
//	                            │ ▲
//	                         encode decode
//	                            ▼ │
//	                    payments_v1.state (a few hundred bytes: all that folding on needs)
//
// A row is one payment. Its key is merchant, livemode, id; ids are UUIDv7, so the
// primary key is the list by time of creation, in both directions.
package payments

import (
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/projections"
)

// Resource is a payment as the API shows it (api.md §2, payments.md §2), at Version
// of its stream. The zero value is "no such payment".
type Resource struct {
	ID       id.Payment
	Merchant id.Merchant
	Livemode bool
	Version  int // events folded so far: the stream's version this resource shows

	Amount           int64 // asked for, minor units
	AmountCapturable int64
	AmountCaptured   int64
	AmountReleased   int64
	AmountRefunded   int64 // refunds that succeeded
	Currency         money.Currency
	Status           payment.Status
	PendingReason    string // network, network_unknown, action_required; empty unless pending

	PaymentMethod       string // pm_… or tok_…, as the merchant sent it
	Customer            id.Customer
	Capture             bool // asked to capture at once
	Description         string
	StatementDescriptor string
	Metadata            []projections.Label // by key
	IdempotencyKey      string

	FailureCode          string
	FailureMessage       string
	DeclineCode          string
	NetworkTransactionID string
	NextAction           *acquirer.NextAction
	CancellationReason   string
	Disputed             bool
	Dispute              id.Dispute

	AuthorizedAt time.Time
	CapturedAt   time.Time
	CancelledAt  time.Time
	ExpiresAt    time.Time // of the authorization
	CreatedAt    time.Time // whole milliseconds

	state payment.State // what folding on needs; ID, Merchant, Livemode and Version as above
}

// Exists reports whether any event was folded.
func (r *Resource) Exists() bool { return r.Version > 0 }

// State is the payment as the rules see it.
func (r *Resource) State() payment.State { return r.state }

// pending reasons (payments.md §2).
const (
	pendingNetwork        = "network"
	pendingNetworkUnknown = "network_unknown"
	pendingAction         = "action_required"
)
