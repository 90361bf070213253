package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/access"
	api "github.com/paymint/paymint/http"
	"github.com/paymint/paymint/projections/payments"
)

func idsOf(a answer) (ids []string) {
	data, _ := a.body["data"].([]any)
	for _, item := range data {
		id, _ := item.(map[string]any)["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

func TestPagesFollowEachOtherWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var made []string
	for i := range 7 {
		made = append(made, w.authorized(fmt.Sprint(1000+i%3)))
	}
	newest := slices.Clone(made)
	slices.Reverse(newest)
	var forward, cursors []string
	path := "/v1/payments?limit=3"
	for next := ""; ; {
		a := w.get(path + next)
		forward = append(forward, idsOf(a)...)
		cursor, more := a.body["next_cursor"].(string)
		if a.body["has_more"].(bool) != more {
			t.Fatalf("has_more and next_cursor disagree: %s", a.raw)
		}
		if !more {
			break
		}
		cursors = append(cursors, cursor)
		next = "&starting_after=" + cursor
		w.authorized("5000") // while others are being made
	}
	if !slices.Equal(forward, newest) {
		t.Errorf("forward: %v\nwant:    %v", forward, newest)
	}
	last := w.get(path + "&starting_after=" + cursors[len(cursors)-1])
	back := w.get(path + "&ending_before=" + last.text("previous_cursor"))
	if got := idsOf(back); !slices.Equal(got, newest[3:6]) {
		t.Errorf("backward: %v, want %v", got, newest[3:6])
	}
	oldest := w.get("/v1/payments?limit=7&sort=created_at")
	if got := idsOf(oldest); !slices.Equal(got, made) {
		t.Errorf("oldest first: %v", got)
	}
}

func TestACursorIsGoodInItsOwnListOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.authorized("1000")
	}
	cursor := w.get("/v1/payments?limit=1&status=authorized").text("next_cursor")
	good := "/v1/payments?status=authorized&limit=2&fields=id&starting_after="
	if a := w.get(good + cursor); a.StatusCode != http.StatusOK || len(idsOf(a)) != 2 {
		t.Fatalf("%d %s", a.StatusCode, a.raw)
	}
	theirs := w.issue(w.merchant("Coffee House").ID, access.KindSecret, false)
	live := w.issue(w.ours.ID, access.KindSecret, true)
	flipped := []byte(cursor)
	flipped[10] ^= 1
	for name, a := range map[string]answer{
		"no filter":        w.get("/v1/payments?starting_after=" + cursor),
		"another filter":   w.get("/v1/payments?status=captured&starting_after=" + cursor),
		"another sort":     w.get("/v1/payments?status=authorized&sort=amount&starting_after=" + cursor),
		"refunds":          w.get("/v1/refunds?starting_after=" + cursor),
		"another merchant": w.get(good+cursor, as(theirs)),
		"another mode":     w.get(good+cursor, as(live)),
		"a flipped bit":    w.get(good + string(flipped)),
		"cut":              w.get(good + cursor[:len(cursor)-1]),
		"longer":           w.get(good + cursor + "A"),
		"an id":            w.get(good + "pay_01h455vb4pex5vsknk084sn02q"),
		"junk":             w.get(good + "crs_%00"),
	} {
		if a.StatusCode != http.StatusBadRequest || a.code() != "invalid_cursor" && name != "junk" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.raw)
		}
	}
	for i := 4; i < len(cursor); i++ {
		for _, c := range []byte("A-") {
			altered := []byte(cursor)
			if altered[i] == c {
				continue
			}
			altered[i] = c
			if a := w.get(good + string(altered)); a.code() != "invalid_cursor" {
				t.Fatalf("altered at %d: %d %s", i, a.StatusCode, a.raw)
			}
		}
	}
}

func TestListsFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	k := uuid.NewString()
	eur := w.post("/v1/payments", body("metadata", `{"order_id":"1001"}`), key(k)).text("id")
	usd := w.create(body("currency", `"usd"`, "amount", "500")).text("id")
	w.create(body("payment_method_id", `"pm_test_declined"`))
	for query, want := range map[string][]string{
		"currency=USD":                     {usd},
		"status=authorized":                {usd, eur},
		"idempotency_key=" + k:             {eur},
		"metadata[order_id]=1001":          {eur},
		"metadata%5Border_id%5D=1001":      {eur},
		"metadata[order_id]=1002":          nil,
		"sort=amount&limit=1":              {usd},
		"created_gte=2099-01-01T00:00:00Z": nil,
		"status=authorized&currency=eur":   {eur},
	} {
		a := w.get("/v1/payments?" + query)
		if got := idsOf(a); a.StatusCode != http.StatusOK || !slices.Equal(got, want) {
			t.Errorf("%s: %d %v, want %v", query, a.StatusCode, got, want)
		}
	}
	at := w.get("/v1/payments/" + eur).text("created_at")
	if got := idsOf(w.get("/v1/payments?created_gte=" + at + "&created_lte=" + at)); !slices.Contains(got, eur) {
		t.Errorf("a payment is not in the list from %s to %s, its created_at: %v", at, at, got)
	}
}

func TestAQueryIsReadStrictly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, code := range map[string]string{
		"colour=red":                 "parameter_unknown",
		"Limit=3":                    "parameter_unknown",
		"limit=1&limit=2":            "parameter_duplicate",
		"limit=0":                    "parameter_invalid",
		"limit=101":                  "parameter_invalid",
		"limit=+5":                   "parameter_invalid",
		"limit=05":                   "parameter_invalid",
		"limit=5.0":                  "parameter_invalid",
		"limit=":                     "parameter_invalid",
		"limit=99999999999999999999": "parameter_invalid",
		"status=gone":                "parameter_invalid",
		"status=":                    "parameter_invalid",
		"currency=zzz":               "parameter_invalid",
		"customer_id=cus_1":          "parameter_invalid",
		"idempotency_key=1":          "parameter_invalid",
		"sort=status":                "parameter_invalid",
		"created_gte=yesterday":      "parameter_invalid",
		"created_gte=2026-04-11":     "parameter_invalid",
		"created_gte=2026-04-11T14:30:00%2B02:00":  "parameter_invalid",
		"created_gte=2026-04-11T14:30:00.0001Z":    "parameter_invalid",
		"created_gte=2026-02-30T14:30:00Z":         "parameter_invalid",
		"fields=id,secret":                         "parameter_invalid",
		"fields=id,,amount":                        "parameter_invalid",
		"metadata[a-b]=1":                          "parameter_invalid",
		"metadata[]=1":                             "parameter_invalid",
		"metadata=1":                               "parameter_unknown",
		"starting_after=crs_x&ending_before=crs_y": "parameter_invalid",
		"status=%zz":                               "parameter_invalid",
		"status=%ff":                               "parameter_invalid",
		"status=%00":                               "parameter_invalid",
		"limit=1;status=captured":                  "parameter_invalid",
		"x=" + url.QueryEscape("'; DROP TABLE payments; --"): "parameter_unknown",
	} {
		if a := w.get("/v1/payments?" + query); a.StatusCode != http.StatusBadRequest || a.code() != code {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.raw)
		}
	}
	wants(t, w.get("/v1/payments/"+w.authorized("1000")+"?limit=1"), 400, "parameter_unknown")
}

func TestSparseAnswersHoldWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	payment := w.authorized("1000")
	if a := w.get("/v1/payments/" + payment + "?fields=status,id"); string(a.raw) != `{"id":"`+payment+`","status":"authorized"}` {
		t.Errorf("%s", a.raw)
	}
	list := w.get("/v1/payments?fields=amount")
	if !strings.Contains(string(list.raw), `"data":[{"amount":1000}]`) {
		t.Errorf("%s", list.raw)
	}
}

func TestAnUnchangedPaymentIsA304(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/payments/" + w.authorized("1000")
	tag := w.get(path).Header.Get("Etag")
	for _, sent := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		if a := w.get(path, header("If-None-Match", sent)); a.StatusCode != http.StatusNotModified || len(a.raw) != 0 || a.Header.Get("Etag") != tag {
			t.Errorf("%s: %d", sent, a.StatusCode)
		}
	}
	w.post(path+"/capture", "")
	if a := w.get(path, header("If-None-Match", tag)); a.StatusCode != http.StatusOK || a.Header.Get("Etag") == tag {
		t.Errorf("after the capture: %d", a.StatusCode)
	}
}

func TestAsOfTellsTheStateOfThatMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	payment := w.captured("1000")
	events := w.get("/v1/payments/" + payment + "/events")
	for _, item := range events.body["data"].([]any) {
		event := item.(map[string]any)
		at := event["created_at"].(string)
		a := w.get("/v1/payments/" + payment + "?as_of=" + at)
		if a.StatusCode != http.StatusOK {
			t.Errorf("as of %s: %d", at, a.StatusCode)
		}
	}
	wants(t, w.get("/v1/payments/"+payment+"?as_of=2020-01-01T00:00:00Z"), 404, "resource_missing")
}

func TestAHistoryIsToldOldestFirstInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/payments/" + w.captured("1000") + "/events"
	all := w.get(path)
	var types []string
	for i, item := range all.body["data"].([]any) {
		event := item.(map[string]any)
		types = append(types, event["type"].(string))
		if fmt.Sprint(event["sequence"]) != fmt.Sprint(i+1) {
			t.Errorf("event %d has sequence %v", i, event["sequence"])
		}
	}
	if got := strings.Join(types, " "); got != "payment.authorization_requested payment.authorized payment.capture_requested payment.captured" {
		t.Errorf("history: %s", got)
	}
	var paged []string
	next := ""
	for range len(types) + 1 {
		a := w.get(path + "?limit=1" + next)
		paged = append(paged, idsOf(a)...)
		if a.text("next_cursor") == "" {
			break
		}
		next = "&starting_after=" + a.text("next_cursor")
	}
	if !slices.Equal(paged, idsOf(all)) {
		t.Errorf("paged: %v\nwhole: %v", paged, idsOf(all))
	}
	second := w.get(path + "?limit=2" + next)
	if back := w.get(path + "?limit=2&ending_before=" + second.text("previous_cursor")); !slices.Equal(idsOf(back), idsOf(all)[1:3]) {
		t.Errorf("backward: %v of %v", idsOf(back), idsOf(all))
	}
}

func TestRefundsAreListedByPaymentAndOverAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.captured("1000"), w.captured("1000")
	var ids []string
	for _, payment := range []string{one, one, two} {
		ids = append(ids, w.post("/v1/payments/"+payment+"/refunds", `{"amount":100,"metadata":{"k":"v"}}`).text("id"))
	}
	slices.Reverse(ids)
	if got := idsOf(w.get("/v1/refunds")); !slices.Equal(got, ids) {
		t.Errorf("all: %v, want %v", got, ids)
	}
	if got := idsOf(w.get("/v1/payments/" + one + "/refunds")); !slices.Equal(got, ids[1:]) {
		t.Errorf("of one: %v, want %v", got, ids[1:])
	}
	page := w.get("/v1/refunds?limit=1&fields=id&status=succeeded")
	if got := idsOf(w.get("/v1/refunds?limit=2&status=succeeded&starting_after=" + page.text("next_cursor"))); !slices.Equal(got, ids[1:]) {
		t.Errorf("second page: %v", got)
	}
	wants(t, w.get("/v1/payments/"+two+"/refunds/"+ids[2]), 404, "resource_missing")
	wants(t, w.get("/v1/payments/"+two+"/refunds/x"), 404, "resource_missing")
	wants(t, w.get("/v1/payments/pay_01h455vb4pex5vsknk084sn02q/refunds"), 404, "resource_missing")
}

func TestAReadWaitsForThePositionItsCallerHasSeen(t *testing.T) {
	t.Parallel()
	var asked []string
	w := newWorld(t, func(c *api.Config) {
		c.WaitFor = func(ctx context.Context, lane int, number int64) error {
			asked = append(asked, fmt.Sprintf("%d.%d", lane, number))
			if number > 1000 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}
	})
	position := w.create(creation("pm_test_visa", "1000")).Header.Get("Paymint-Position")
	if a := w.get("/v1/payments", header("Paymint-Min-Position", position)); a.StatusCode != http.StatusOK || len(asked) != 1 || asked[0] != position {
		t.Errorf("%d, asked for %v, want %s", a.StatusCode, asked, position)
	}
	asked = nil
	of := "/v1/payments/" + w.authorized("1000") + "/refunds"
	wants(t, w.get(of+"?colour=red", header("Paymint-Min-Position", position)), 400, "parameter_unknown")
	if len(asked) != 0 {
		t.Errorf("waited for %v before the query was judged", asked)
	}
	if a := w.get(of, header("Paymint-Min-Position", position)); a.StatusCode != http.StatusOK || len(asked) != 1 {
		t.Errorf("refunds of a payment: %d, asked for %v, want it once", a.StatusCode, asked)
	}
	a := w.get("/v1/payments", header("Paymint-Min-Position", "0.99999"))
	wants(t, a, 503, "projection_lag")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for _, bad := range []string{"1", "0.x", "0.-1", "00.1", "7.1", "0.1.1"} {
		wants(t, w.get("/v1/payments", header("Paymint-Min-Position", bad)), 400, "parameter_invalid")
	}
}

// watched is a read side that tells how long each question may take, and fails.
type watched struct {
	api.Payments
	left chan time.Duration
}

func (v watched) List(ctx context.Context, _ payments.Filter) (payments.Page, error) {
	until, _ := ctx.Deadline()
	v.left <- time.Until(until)
	return payments.Page{}, context.DeadlineExceeded
}

func TestAReadHasFiveSeconds(t *testing.T) {
	t.Parallel()
	left := make(chan time.Duration, 1)
	w := newWorld(t, func(c *api.Config) { c.Payments = watched{c.Payments, left} })
	a := w.get("/v1/payments")
	wants(t, a, 503, "storage_unavailable")
	if most := <-left; most <= 0 || most > 5*time.Second {
		t.Errorf("the query was given %v", most)
	}
	if message, _ := a.error()["message"].(string); a.Header.Get("Retry-After") == "" || !strings.Contains(message, "Nothing was done") {
		t.Errorf("Retry-After %q, %s", a.Header.Get("Retry-After"), a.raw)
	}
}
