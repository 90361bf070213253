package api_test

import (
	"net/http"
	"testing"
)

func TestAPaymentIsCreatedCapturedAndRefunded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	created := w.create(`{"amount":1999,"currency":"EUR","payment_method_id":"pm_test_visa","description":"<b>&","metadata":{"order_id":"1001"}}`)
	if created.StatusCode != http.StatusCreated || created.text("status") != "authorized" || created.text("currency") != "eur" {
		t.Fatalf("create: %d %s", created.StatusCode, created.raw)
	}
	if created.Header.Get("Paymint-Position") == "" {
		t.Error("no Paymint-Position")
	}
	path := "/v1/payments/" + created.text("id")
	captured := w.post(path+"/capture", `{"amount":1500}`)
	if captured.StatusCode != http.StatusOK || captured.number("amount_captured") != 1500 || captured.number("amount_released") != 499 {
		t.Fatalf("capture: %d %s", captured.StatusCode, captured.raw)
	}
	refund := w.post(path+"/refunds", `{"amount":500,"reason":"customer_request"}`)
	if refund.StatusCode != http.StatusCreated || refund.text("status") != "succeeded" {
		t.Fatalf("refund: %d %s", refund.StatusCode, refund.raw)
	}
	read := w.get(path)
	if read.StatusCode != http.StatusOK || read.number("amount_refunded") != 500 {
		t.Fatalf("retrieve: %d %s", read.StatusCode, read.raw)
	}
	if one := w.get(path + "/refunds/" + refund.text("id")); one.StatusCode != http.StatusOK || one.text("id") != refund.text("id") {
		t.Errorf("retrieve refund: %d %s", one.StatusCode, one.raw)
	}
}
