package sandbox

import "github.com/paymint/paymint/domain/acquirer"

// BankRouting is the routing number that goes with the test bank accounts.
const BankRouting = "110000000"

// table is never written. The numbers are published test numbers; see Number.
var table = slicesOf(approvedCards, declinedCards, laterCards, threeDSCards, troubledCards, settlementCards, wallets, bankAccounts)

func slicesOf(parts ...func() []Card) (all []Card) {
	for _, part := range parts {
		all = append(all, part()...)
	}
	return all
}

func approvedCards() []Card {
	ok := Behaviour{}
	return []Card{
		card("4242424242424242", "pm_test_visa", "visa", "credit", "approved", ok),
		card("5555555555554444", "pm_test_mastercard", "mastercard", "credit", "approved", ok),
		card("2223003122003222", "pm_test_mastercard", "mastercard", "credit", "approved", ok),
		card("378282246310005", "pm_test_amex", "amex", "credit", "approved", ok),
		card("6011111111111117", "pm_test_discover", "discover", "credit", "approved", ok),
		card("3566002020360505", "pm_test_jcb", "jcb", "credit", "approved", ok),
		card("3056930009020004", "pm_test_diners", "diners", "credit", "approved", ok),
		card("6200000000000005", "pm_test_unionpay", "unionpay", "debit", "approved", ok),
	}
}

func declinedCards() []Card {
	return []Card{
		visa("4000000000000002", "pm_test_declined", "declined, generic_decline", Behaviour{Decline: "generic_decline"}),
		visa("4000000000009995", "pm_test_insufficient_funds", "declined, insufficient_funds", Behaviour{Decline: "insufficient_funds"}),
		visa("4000000000009987", "pm_test_lost", "declined, lost_card", Behaviour{Decline: "lost_card"}),
		visa("4000000000009979", "pm_test_stolen", "declined, stolen_card", Behaviour{Decline: "stolen_card"}),
		visa("4000000000000069", "pm_test_expired", "expired_card", Behaviour{Decline: "expired_card"}),
		visa("4000000000000127", "pm_test_bad_cvc", "incorrect_cvc", Behaviour{Decline: "incorrect_cvc"}),
		visa("4000000000000119", "pm_test_processing_error", "processing_error", Behaviour{Decline: "processing_error"}),
		visa("4000000000006975", "pm_test_velocity", "declined, card_velocity_exceeded", Behaviour{Decline: "card_velocity_exceeded"}),
		visa("4100000000000019", "pm_test_blocked", "blocked by risk, fraudulent", Behaviour{Decline: "fraudulent"}),
		visa("4242424242424241", "", "fails Luhn: the vault refuses, incorrect_number", Behaviour{Decline: "incorrect_number", Trait: TraitVaultRefuses}),
		visa("4000000000000341", "pm_test_attach_then_decline", "attaches, then every charge is declined", Behaviour{Decline: "generic_decline"}),
		visa("4000009900000178", "pm_test_do_not_honor", "declined, do_not_honor", Behaviour{Decline: "do_not_honor"}),
		visa("4000009900000194", "pm_test_issuer_down", "declined, issuer_not_available, advice: retry later", Behaviour{Decline: "issuer_not_available"}),
	}
}

// laterCards are approved; something happens after the capture.
func laterCards() []Card {
	slow := Course{First: acquirer.Pending, Then: acquirer.Approved, After: courseDelay}
	fails := Course{First: acquirer.Approved, Then: acquirer.Declined, After: courseDelay, Reason: reasonRefundReturned}
	return []Card{
		visa("4000000000000259", "pm_test_dispute_fraud", "approved; dispute opens after capture", Behaviour{Trait: TraitDisputeFraud}),
		visa("4000000000002685", "pm_test_dispute_not_received", "approved; dispute opens after capture", Behaviour{Trait: TraitDisputeNotReceived}),
		visa("4000000000001976", "pm_test_inquiry", "approved; dispute at stage inquiry", Behaviour{Trait: TraitDisputeInquiry}),
		visa("4000000000007726", "pm_test_refund_slow", "refund stays pending for a minute, then succeeds", Behaviour{Refund: slow}),
		visa("4000000000005126", "pm_test_refund_fail", "refund succeeds, then fails after a minute (needs the test clock)", Behaviour{Refund: fails}),
		visa("4000000000000077", "pm_test_funds_at_once", "captured funds are available at once", Behaviour{FundsAtOnce: true}),
	}
}

func threeDSCards() []Card {
	return []Card{
		visa("4000000000003220", "pm_test_3ds_required", "needs cardholder action, then approved", Behaviour{ThreeDS: ThreeDSChallenge}),
		visa("4000008400001629", "pm_test_3ds_then_decline", "action, then declined", Behaviour{ThreeDS: ThreeDSChallenge, Decline: "generic_decline"}),
		visa("4000000032200000", "pm_test_3ds_frictionless", "3-D Secure without action", Behaviour{ThreeDS: ThreeDSFrictionless}),
	}
}

func troubledCards() []Card {
	fails := Course{First: acquirer.Pending, Then: acquirer.Declined, After: courseDelay, Reason: "processing_error"}
	return []Card{
		visa("4000009900000012", "pm_test_timeout_approved", "no answer; inquiry says approved", Behaviour{Wire: Fault{DropAnswer: true}}),
		visa("4000009900000020", "pm_test_timeout_lost", "no answer; inquiry says never arrived", Behaviour{Wire: Fault{DropRequest: true}}),
		visa("4000009900000038", "pm_test_slow", "approved after 1.5 s", Behaviour{Wire: Fault{Delay: slowAnswer}}),
		visa("4000009900000046", "pm_test_hang", "hangs past the network time-out; nothing is held", Behaviour{Wire: Fault{DropRequest: true}}),
		visa("4000009900000053", "pm_test_network_down", "connection refused; opens the breaker", Behaviour{Wire: Fault{Down: true}}),
		visa("4000009900000061", "pm_test_partial_approval", "approved for half the amount", Behaviour{Partial: true}),
		visa("4000009900000079", "pm_test_capture_fails", "capture is pending, then fails after a minute", Behaviour{Capture: fails}),
		visa("4000009900000087", "pm_test_expires_soon", "authorization expires after 60 s", Behaviour{HoldLife: holdLifeShort}),
	}
}

func settlementCards() []Card {
	return []Card{
		visa("4000009900000103", "pm_test_settles_short", "settlement file is 1 minor unit short", Behaviour{Trait: TraitSettlesShort}),
		visa("4000009900000111", "pm_test_unsettled", "never appears in the settlement file", Behaviour{Trait: TraitUnsettled}),
		visa("4000009900000129", "pm_test_settles_twice", "appears twice in the file", Behaviour{Trait: TraitSettlesTwice}),
		visa("4000009900000137", "pm_test_fee_high", "network cost 10 % above the estimate", Behaviour{Trait: TraitFeeHigh}),
		visa("4000009900000145", "pm_test_settles_other_currency", "settles in another currency", Behaviour{Trait: TraitSettlesOtherCurrency}),
	}
}

func wallets() []Card {
	return []Card{
		wallet("pm_test_wallet_apple", "visa", "4242", "approved", Behaviour{}),
		wallet("pm_test_wallet_google", "mastercard", "4444", "approved", Behaviour{}),
		wallet("pm_test_wallet_declined", "visa", "0002", "declined, generic_decline", Behaviour{Decline: "generic_decline"}),
	}
}

// bankAccounts decline with the return codes of Nacha's operating rules.
func bankAccounts() []Card {
	return []Card{
		bankAccount("000123456789", "pm_test_bank_account", "succeeds", Behaviour{}),
		bankAccount("000111111113", "pm_test_bank_account_closed", "account closed (R02)", Behaviour{Decline: "R02"}),
		bankAccount("000111111116", "pm_test_bank_account_missing", "no account (R03)", Behaviour{Decline: "R03"}),
		bankAccount("000222222227", "pm_test_bank_account_insufficient_funds", "insufficient funds (R01)", Behaviour{Decline: "R01"}),
		bankAccount("000333333335", "pm_test_bank_account_not_authorized", "not authorized (R10)", Behaviour{Decline: "R10"}),
	}
}
