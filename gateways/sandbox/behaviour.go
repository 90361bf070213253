package sandbox

import (
	"time"

	"github.com/paymint/paymint/domain/acquirer"
)

// What the cards' times are. All run on the request's clock (At), which the test
// clock moves.
const (
	holdLife      = 7 * 24 * time.Hour
	holdLifeShort = time.Minute
	slowAnswer    = 1500 * time.Millisecond
	// courseDelay is how long after the call a slow refund succeeds, a failing
	// refund fails, and a failing capture fails.
	courseDelay = time.Minute
)

// ThreeDS says how 3-D Secure goes.
type ThreeDS string

// The courses of 3-D Secure. The zero value is none.
const (
	ThreeDSChallenge    ThreeDS = "challenge"    // the cardholder must act first
	ThreeDSFrictionless ThreeDS = "frictionless" // authenticated without action
)

// Course is how a capture or a refund goes on after its first answer. The zero
// value is approved, and that is the end of it.
type Course struct {
	First, Then acquirer.Outcome
	After       time.Duration // on the request's clock
	Reason      string        // raw code, where Then is Declined
}

// Trait names what a card does beyond authorization, capture, cancel and refund.
// Disputes, settlement files, fees and the vault read it; here such a card is
// approved (or, where the vault refuses it, unknown).
type Trait string

// The traits.
const (
	TraitDisputeFraud         Trait = "dispute_fraud"
	TraitDisputeNotReceived   Trait = "dispute_not_received"
	TraitDisputeInquiry       Trait = "dispute_inquiry"
	TraitSettlesShort         Trait = "settles_short"
	TraitUnsettled            Trait = "unsettled"
	TraitSettlesTwice         Trait = "settles_twice"
	TraitSettlesOtherCurrency Trait = "settles_other_currency"
	TraitFeeHigh              Trait = "fee_high"
	TraitVaultRefuses         Trait = "vault_refuses"
)

// Behaviour is what the acquirer does with a card. The zero value approves.
type Behaviour struct {
	Decline     string // raw code with which every authorization is declined
	ThreeDS     ThreeDS
	Partial     bool          // half the amount is approved, rounded down
	HoldLife    time.Duration // zero: seven days
	Wire        Fault         // what befalls its authorizations on the way
	Capture     Course
	Refund      Course
	FundsAtOnce bool
	Trait       Trait
}

func (b Behaviour) holdLife() time.Duration {
	if b.HoldLife > 0 {
		return b.HoldLife
	}
	return holdLife
}

// capturesAtOnce says whether a one-message authorization takes the money too. A
// card whose capture has a course of its own is only held, and must be captured
// by a second message.
func (b Behaviour) capturesAtOnce() bool { return b.Capture == Course{} }
