package acquirer_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/paymint/paymint/domain/acquirer"
)

// field is the usual set of decline codes.
const field = "approve_with_id authentication_required call_issuer card_not_supported card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card fraudulent generic_decline incorrect_cvc incorrect_number incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist new_account_information_available no_action_taken not_permitted offline_pin_required online_or_offline_pin_required pickup_card pin_try_exceeded processing_error reenter_transaction restricted_card revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed stolen_card stop_payment_order testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded"

func TestEveryUsualDeclineIsKnownAndComplete(t *testing.T) {
	t.Parallel()
	if known := acquirer.DeclineCodes(); !slices.Equal(known, strings.Fields(field)) {
		t.Errorf("known are %v", known)
	}
	advices := []string{acquirer.DoNotRetry, acquirer.RetryLater, acquirer.RetryWithOtherMethod, acquirer.UpdateInstrument}
	for _, code := range acquirer.DeclineCodes() {
		decline := acquirer.DeclineOf(code)
		if decline.Decline != code || decline.Raw != code || decline.Code == "" || !slices.Contains(advices, decline.Advice) || !strings.HasSuffix(decline.Message, ".") {
			t.Errorf("%s is %+v", code, decline)
		}
	}
}

func TestAnUnknownDeclineIsGenericAndKeepsItsRawCode(t *testing.T) {
	t.Parallel()
	want := acquirer.DeclineOf(acquirer.Generic)
	want.Raw = "R_9_whatever"
	if got := acquirer.DeclineOf("R_9_whatever"); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAPayerCannotTellThatACardIsReported(t *testing.T) {
	t.Parallel()
	plain := acquirer.DeclineOf(acquirer.Generic)
	for _, code := range []string{"lost_card", "stolen_card", "fraudulent", "pickup_card", "restricted_card", "merchant_blacklist", "security_violation"} {
		got := acquirer.DeclineOf(code)
		if got.Message != plain.Message || got.Code != plain.Code {
			t.Errorf("%s shows as %s: %s", code, got.Code, got.Message)
		}
		if got.Decline != code || got.Advice != acquirer.DoNotRetry {
			t.Errorf("%s reaches the merchant as %s, %s", code, got.Decline, got.Advice)
		}
	}
}

func TestCodesThatASdkBranchesOn(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		"expired_card": "expired_card", "incorrect_cvc": "incorrect_cvc", "processing_error": "processing_error",
		"insufficient_funds": "card_declined", "lost_card": "card_declined", "generic_decline": "card_declined",
	} {
		if got := acquirer.DeclineOf(code).Code; got != want {
			t.Errorf("%s has code %s, want %s", code, got, want)
		}
	}
}
