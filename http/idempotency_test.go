package api_test

import (
	"bytes"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestARepeatGetsTheFirstAnswerToTheByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, token := range map[string]string{"created": "pm_test_visa", "declined": "pm_test_declined", "refused": "pm_test_nope"} {
		k := uuid.NewString()
		first := w.post("/v1/payments", creation(token, "1000"), key(k))
		spaced := `{ "payment_method_id":"` + token + `", "currency" : "eur",  "amount":1000}`
		again := w.post("/v1/payments", spaced, key(k))
		if first.StatusCode != again.StatusCode || !bytes.Equal(first.raw, again.raw) {
			t.Errorf("%s: first %d %s\nthen %d %s", name, first.StatusCode, first.raw, again.StatusCode, again.raw)
		}
		if first.Header.Get("Idempotent-Replayed") != "" || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: Idempotent-Replayed %q then %q", name, first.Header.Get("Idempotent-Replayed"), again.Header.Get("Idempotent-Replayed"))
		}
		if first.Header.Get("Paymint-Request-Id") == again.Header.Get("Paymint-Request-Id") {
			t.Errorf("%s: two requests share an id", name)
		}
	}
}

func TestAKeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := uuid.NewString()
	w.post("/v1/payments", creation("pm_test_visa", "1000"), key(k))
	wants(t, w.post("/v1/payments", creation("pm_test_visa", "1001"), key(k)), 409, "idempotency_key_reused")
	payment := w.authorized("500")
	wants(t, w.post("/v1/payments/"+payment+"/capture", ``, key(k)), 409, "idempotency_key_reused")
	if a := w.post("/v1/payments/"+payment+"/capture", ``, key(uuid.NewString())); a.StatusCode != http.StatusOK {
		t.Errorf("capture: %d %s", a.StatusCode, a.raw)
	}
}

func TestABadRequestLeavesItsKeyFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := uuid.NewString()
	wants(t, w.post("/v1/payments", creation("pm_test_visa", "1"), key(k)), 400, "amount_too_small")
	wants(t, w.post("/v1/payments", creation("pm_test_visa", "1000"), key(k), header("Content-Type", "text/plain")), 400, "header_duplicate")
	if a := w.post("/v1/payments", creation("pm_test_visa", "1000"), key(k)); a.StatusCode != http.StatusCreated {
		t.Errorf("the key was not free: %d %s", a.StatusCode, a.raw)
	}
}

func TestTwoMerchantsMayUseOneKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	theirs := w.issue(w.merchant("Coffee House").ID, "sk", false)
	k := uuid.NewString()
	ours := w.post("/v1/payments", creation("pm_test_visa", "1000"), key(k))
	other := w.post("/v1/payments", creation("pm_test_visa", "2000"), key(k), as(theirs))
	if other.StatusCode != http.StatusCreated || other.text("id") == ours.text("id") {
		t.Errorf("second merchant: %d %s", other.StatusCode, other.raw)
	}
}

func TestAKeySentByManyAtOnceMakesOnePayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := uuid.NewString()
	ids := make([]string, 16)
	var sent sync.WaitGroup
	for i := range ids {
		sent.Go(func() {
			a := w.post("/v1/payments", creation("pm_test_visa", "1000"), key(k))
			if a.StatusCode != http.StatusCreated && a.code() != "idempotency_key_in_use" {
				t.Errorf("%d %s", a.StatusCode, a.raw)
			}
			ids[i] = a.text("id")
		})
	}
	sent.Wait()
	made := map[string]bool{}
	for _, id := range ids {
		if id != "" {
			made[id] = true
		}
	}
	if len(made) != 1 {
		t.Errorf("%d payments under one key: %v", len(made), made)
	}
}

func TestAKeyIsTheSameInEitherCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lower, upper := key("8e03978e-40d5-43e8-bc93-6894a57f9324"), key("8E03978E-40D5-43E8-BC93-6894A57F9324")
	first := w.post("/v1/payments", creation("pm_test_visa", "1000"), upper)
	again := w.post("/v1/payments", creation("pm_test_visa", "1000"), lower)
	if first.StatusCode != http.StatusCreated || again.text("id") != first.text("id") || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("first %d %s\nthen %d %s", first.StatusCode, first.raw, again.StatusCode, again.raw)
	}
	item := `{"payments":[{"idempotency_key":"8E03978E-40D5-43E8-BC93-6894A57F9324",` + creation("pm_test_visa", "1000")[1:] + `]}`
	if batch := w.post("/v1/payments/batch", item); !bytes.Contains(batch.raw, []byte(first.text("id"))) {
		t.Errorf("batch: %d %s", batch.StatusCode, batch.raw)
	}
	for _, spelling := range []string{"8e03978e-40d5-43e8-bc93-6894a57f9324", "8E03978E-40D5-43E8-BC93-6894A57F9324"} {
		if got := idsOf(w.get("/v1/payments?idempotency_key=" + spelling)); len(got) != 1 || got[0] != first.text("id") {
			t.Errorf("found by %s: %v", spelling, got)
		}
	}
}

func TestARepeatDoesNotMoveTheTestClockAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/v1/test_clock/advance"
	to := time.Now().Add(100 * 24 * time.Hour).UTC().Format(time.RFC3339)
	for name, body := range map[string]string{"by seconds": `{"seconds":3600}`, "to a time": `{"to":"` + to + `"}`, "refused": `{"seconds":99999999}`} {
		k := key(uuid.NewString())
		first := w.post(path, body, k)
		before, err := w.merchants.Find(t.Context(), w.ours.ID)
		if err != nil {
			t.Fatal(err)
		}
		again := w.post(path, body, k)
		if first.StatusCode != again.StatusCode || !bytes.Equal(first.raw, again.raw) || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: first %d %s\nthen %d %s", name, first.StatusCode, first.raw, again.StatusCode, again.raw)
		}
		after, err := w.merchants.Find(t.Context(), w.ours.ID)
		if err != nil || before.ClockOffset != after.ClockOffset {
			t.Errorf("%s: the clock went from %v to %v: %v", name, before.ClockOffset, after.ClockOffset, err)
		}
		wants(t, w.post(path, `{"seconds":7}`, k), 409, "idempotency_key_reused")
	}
	one, two := w.post(path, `{"seconds":3600}`).text("now"), w.post(path, `{"seconds":3600}`).text("now")
	if one >= two {
		t.Errorf("without a key the clock shows %s, then %s", one, two)
	}
}
