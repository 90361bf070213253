package sandbox_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/gateways/sandbox"
)

// Memory is the model: whatever is asked, in whatever order and however often, both
// books answer the same, keep the same entries and sum them up alike.
func TestBothBooksKeepTheSameRules(t *testing.T) {
	t.Parallel()
	url, pool := database(t)
	kept := openBook(t, url, pool)
	rapid.Check(t, func(rt *rapid.T) {
		model := sandbox.NewMemory()
		life := &life{ctx: t.Context(), real: sandbox.New(sandbox.Config{Book: kept}), ideal: sandbox.New(sandbox.Config{Book: model})}
		rt.Repeat(map[string]func(*rapid.T){
			"authorize": life.authorize, "capture": life.capture, "cancel": life.cancel, "refund": life.refund,
			"again": life.again, "inquire": life.inquire,
		})
		life.wantSameTotals(rt, kept, model)
		wantWholeBook(rt, life.ctx, model)
	})
}

// life is one random history, lived on two gateways at once.
type life struct {
	ctx            context.Context
	real, ideal    *sandbox.Gateway
	authorizations []acquirer.Authorize
	captures       []acquirer.Capture
	references     []id.Reference
	asked          []func(*rapid.T) // everything so far, to be asked again
	clock          time.Duration
}

func (l *life) now(t *rapid.T) time.Time {
	l.clock += time.Duration(rapid.SampledFrom([]int{0, 0, 1, 59, 61, 7 * 24 * 3600}).Draw(t, "seconds")) * time.Second
	return noon.Add(l.clock)
}

// both asks and compares, and remembers the question.
func both[R any](l *life, t *rapid.T, reference id.Reference, ask func(*sandbox.Gateway, context.Context, R) (acquirer.Answer, error), request R) {
	question := func(t *rapid.T) {
		got, err := ask(l.real, l.ctx, request)
		want, _ := ask(l.ideal, l.ctx, request)
		if err != nil || got != want {
			t.Fatalf("%+v: PostgreSQL says %+v and error %v, memory %+v", request, got, err, want)
		}
	}
	question(t)
	l.references = append(l.references, reference)
	l.asked = append(l.asked, question)
}

var modelTokens = []string{
	"pm_test_visa", "pm_test_visa", "pm_test_declined", "pm_test_partial_approval", "pm_test_refund_slow", "pm_test_refund_fail",
	"pm_test_capture_fails", "pm_test_expires_soon",
}

func (l *life) authorize(t *rapid.T) {
	a := authorization(rapid.SampledFrom(modelTokens).Draw(t, "token"))
	a.At = l.now(t)
	l.authorizations = append(l.authorizations, a)
	if rapid.Bool().Draw(t, "capture") {
		a.Capture, a.CaptureReference = true, newReference()
		l.captures = append(l.captures, acquirer.Capture{Reference: a.CaptureReference, Payment: a.Payment})
		l.references = append(l.references, a.CaptureReference)
	}
	if rapid.IntRange(0, 4).Draw(t, "lost") > 0 {
		both(l, t, a.Reference, (*sandbox.Gateway).Authorize, a)
	}
}

func amount(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{0, 1, 300, 500, 1001, 1002}).Draw(t, "amount")
}

func (l *life) capture(t *rapid.T) {
	if len(l.authorizations) == 0 {
		t.Skip("nothing to capture")
	}
	c := captureOf(rapid.SampledFrom(l.authorizations).Draw(t, "authorization"), amount(t), l.now(t))
	c.Final = rapid.Bool().Draw(t, "final")
	l.captures = append(l.captures, c)
	both(l, t, c.Reference, (*sandbox.Gateway).Capture, c)
}

func (l *life) cancel(t *rapid.T) {
	if len(l.authorizations) == 0 {
		t.Skip("nothing to cancel")
	}
	x := cancelOf(rapid.SampledFrom(l.authorizations).Draw(t, "authorization"))
	both(l, t, x.Reference, (*sandbox.Gateway).Cancel, x)
}

func (l *life) refund(t *rapid.T) {
	if len(l.captures) == 0 {
		t.Skip("nothing to refund")
	}
	r := refundOf(rapid.SampledFrom(l.captures).Draw(t, "capture"), amount(t), l.now(t))
	both(l, t, r.Reference, (*sandbox.Gateway).Refund, r)
}

func (l *life) again(t *rapid.T) {
	if len(l.asked) == 0 {
		t.Skip("nothing asked")
	}
	rapid.SampledFrom(l.asked).Draw(t, "question")(t)
}

func (l *life) inquire(t *rapid.T) {
	if len(l.references) == 0 {
		t.Skip("nothing to ask about")
	}
	reference := rapid.SampledFrom(l.references).Draw(t, "reference")
	both(l, t, reference, (*sandbox.Gateway).Inquire, acquirer.Inquire{Reference: reference, At: l.now(t)})
}

func (l *life) wantSameTotals(t *rapid.T, kept, model sandbox.Statement) {
	if len(l.authorizations) == 0 {
		return
	}
	var payments []id.Payment
	for _, a := range l.authorizations {
		payments = append(payments, a.Payment)
	}
	got, err := sums(l.ctx, kept, payments)
	want, _ := sums(l.ctx, model, payments)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("PostgreSQL sums up (error %v)\n%+v\nmemory\n%+v", err, got, want)
	}
	for _, total := range want {
		if total.Held < 0 || total.Captured < 0 || total.Refunded < 0 || total.Refunded > total.Captured || total.Held+total.Captured > 1001 {
			t.Fatalf("%+v: money was made", total)
		}
	}
}

func sums(ctx context.Context, s sandbox.Statement, payments []id.Payment) (all []sandbox.Total, err error) {
	for total, oops := range s.Totals(ctx, payments...) {
		all, err = append(all, total), errors.Join(err, oops)
	}
	return all, err
}

// wantWholeBook reads the book in pages and wants each entry once, in order.
func wantWholeBook(t *rapid.T, ctx context.Context, s sandbox.Statement) {
	whole, err := s.Entries(ctx, id.Reference{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var pages []sandbox.Entry
	for after := (id.Reference{}); ; after = pages[len(pages)-1].Reference {
		page, err := s.Entries(ctx, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if pages = append(pages, page...); len(page) < 3 {
			break
		}
	}
	if !slices.Equal(whole, pages) {
		t.Fatalf("in pages\n%+v\nas a whole\n%+v", pages, whole)
	}
}

func TestAStatementOfPostgreSQLIsReadInOrderAndPages(t *testing.T) {
	t.Parallel()
	url, pool := database(t)
	kept, model := openBook(t, url, pool), sandbox.NewMemory()
	for _, book := range []sandbox.Book{kept, model} {
		gateway := sandbox.New(sandbox.Config{Book: book})
		for _, a := range fixedAuthorizations() {
			answered(t, gateway.Authorize, a, acquirer.Approved)
		}
	}
	for _, after := range []id.Reference{{}, fixedAuthorizations()[4].Reference} {
		for _, limit := range []int{3, 100} {
			got, err := kept.Entries(t.Context(), after, limit)
			want, _ := model.Entries(t.Context(), after, limit)
			if err != nil || len(got) == 0 || !slices.Equal(got, want) {
				t.Errorf("got %d entries, error %v, want %d:\n%+v\n%+v", len(got), err, len(want), got, want)
			}
		}
	}
	got, err := sums(t.Context(), kept, nil)
	want, _ := sums(t.Context(), model, nil)
	if err != nil || len(got) != 9 || !slices.Equal(got, want) {
		t.Errorf("got %+v, error %v, want %+v", got, err, want)
	}
	for range kept.Totals(t.Context()) {
		break // leaves the connection to the pool
	}
}

// fixedAuthorizations are the same at each call.
func fixedAuthorizations() (all []acquirer.Authorize) {
	for i := range byte(9) {
		a := authorization("pm_test_visa")
		a.Reference = id.From[id.Reference]([16]byte{1, 9 - i, 15: 1})
		a.Payment = id.From[id.Payment]([16]byte{1, (i * 4) % 9, 15: 1})
		all = append(all, a)
	}
	return all
}
