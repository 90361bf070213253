// Package projectionstest makes payments' lives and the world they are projected in,
// for tests of read models.
package projectionstest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
	"github.com/paymint/paymint/eventstore"
)

// NewID makes a UUIDv7, as the product's ids are.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// Life is one payment's stream, cut into the commands that append it.
type Life struct {
	Payment  id.Payment
	Merchant id.Merchant
	Livemode bool
	Key      string
	Steps    [][]payment.Event
}

// Lives draws legal lives: every end a payment can have, in the mix of a busy shop.
type Lives struct {
	Random    *rand.Rand
	Merchants []id.Merchant
}

// NewLives draws the same lives for the same seed, but for ids.
func NewLives(seed uint64, merchants int) *Lives {
	l := &Lives{Random: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // repeatable, not secret
	for range merchants {
		l.Merchants = append(l.Merchants, id.From[id.Merchant](NewID()))
	}
	return l
}

// Next draws a life.
func (l *Lives) Next() Life {
	life := Life{
		Payment: id.From[id.Payment](NewID()), Merchant: l.Merchants[l.Random.IntN(len(l.Merchants))],
		Livemode: l.Random.IntN(4) == 0, Key: uuid.NewString(),
	}
	intent := l.intent(life)
	life.Steps = append([][]payment.Event{{intent}}, l.outcome(intent)...)
	return life
}

func (l *Lives) intent(life Life) payment.AuthorizationRequested {
	intent := payment.AuthorizationRequested{
		Payment: life.Payment, Merchant: life.Merchant, Livemode: life.Livemode, Reference: reference(), Gateway: "sandbox",
		Amount: 50 + l.Random.Int64N(20_000), Currency: [...]money.Currency{"usd", "eur", "jpy"}[l.Random.IntN(3)],
		Instrument:  payment.Instrument{ID: "pm_test_visa", Type: "card", Brand: "visa", LastFour: "4242", ExpMonth: 12, ExpYear: 2030, Funding: "credit"},
		Description: "Order <1> & \"more\"", Deadline: deadline(),
	}
	if l.Random.IntN(3) == 0 {
		intent.Customer = id.From[id.Customer](uuid.UUID{15: byte(1 + l.Random.IntN(5))})
	}
	if l.Random.IntN(4) == 0 {
		intent.Metadata = map[string]string{"order": fmt.Sprint(l.Random.IntN(50)), "shop": "north"}
	}
	return intent
}

func (l *Lives) outcome(intent payment.AuthorizationRequested) [][]payment.Event {
	authorized := payment.Authorized{Reference: intent.Reference, Amount: intent.Amount, NetworkTransactionID: "ntx_1", ExpiresAt: deadline().Add(168 * time.Hour)}
	switch l.Random.IntN(10) {
	case 0:
		return [][]payment.Event{{payment.Failed{Reference: intent.Reference, Code: "card_declined", DeclineCode: "insufficient_funds", Message: "No."}}}
	case 1:
		unknown := payment.OutcomeUnknown{Reference: intent.Reference, Operation: acquirer.OperationAuthorize, Reason: "timeout"}
		reversal := payment.ReversalRequested{Reference: reference(), Authorization: intent.Reference}
		return [][]payment.Event{{unknown}, {reversal}, {payment.Reversed{Reference: reversal.Reference}}}
	case 2:
		second := reference()
		authorized.Reference = second
		return [][]payment.Event{
			{payment.ActionRequired{Reference: intent.Reference, Action: acquirer.NextAction{Type: "redirect_to_url", URL: "https://x.test/3ds"}}},
			{payment.ActionCompleted{Reference: second, Succeeded: true, Deadline: deadline()}}, {authorized},
		}
	case 3:
		cancel := reference()
		return [][]payment.Event{{authorized}, {payment.CancellationRequested{Reference: cancel, Deadline: deadline()}}, {payment.Cancelled{Reference: cancel, Reason: "requested_by_customer"}}}
	case 4:
		return [][]payment.Event{{authorized}, {payment.AuthorizationExpired{Amount: intent.Amount}}}
	case 5:
		return nil // still under way
	case 6, 7:
		return [][]payment.Event{{authorized}}
	default:
		return append([][]payment.Event{{authorized}}, l.capture(intent)...)
	}
}

func (l *Lives) capture(intent payment.AuthorizationRequested) [][]payment.Event {
	capture := reference()
	taken := max(1, intent.Amount*int64(1+l.Random.IntN(3))/3)
	steps := [][]payment.Event{
		{payment.CaptureRequested{Reference: capture, Amount: taken, Deadline: deadline()}},
		{payment.Captured{Reference: capture, Amount: taken}, payment.AuthorizationReleased{Amount: intent.Amount - taken}},
	}
	for left := taken; left > 0 && l.Random.IntN(2) == 0; {
		refund, part := payment.RefundRequested{Refund: id.From[id.Refund](NewID()), Reference: reference(), Reason: "other", Deadline: deadline()}, 1+l.Random.Int64N(left)
		refund.Amount, left = part, left-part
		steps = append(steps, []payment.Event{refund})
		if l.Random.IntN(4) == 0 {
			steps = append(steps, []payment.Event{payment.RefundFailed{Refund: refund.Refund, Reference: refund.Reference, Code: "closed", Message: "No."}})
			continue
		}
		steps = append(steps, []payment.Event{payment.RefundSucceeded{Refund: refund.Refund, Reference: refund.Reference}})
	}
	return steps
}

func reference() id.Reference { return id.From[id.Reference](NewID()) }

func deadline() time.Time { return time.Now().UTC().Truncate(time.Microsecond).Add(3 * time.Second) }

// Command appends step n of the life.
func (l Life) Command(n int) eventstore.Command {
	expected := 0
	for _, earlier := range l.Steps[:n] {
		expected += len(earlier)
	}
	var events []eventstore.Event
	for _, fact := range l.Steps[n] {
		typ, schema, body, err := payment.Encode(fact)
		if err != nil {
			panic(err) // a test's own mistake
		}
		at := time.Now().UTC().Truncate(time.Microsecond)
		events = append(events, eventstore.Event{
			ID: NewID(), Type: typ, Schema: schema, Merchant: l.Merchant.UUID(), Livemode: l.Livemode, RecordedAt: at, EffectiveAt: at,
			Meta: eventstore.Meta{Actor: "key_01h455vb4pex5vsknk084sn02q", RequestID: "req_01h455vb4pex5vsknk084sn02q", IdempotencyKey: l.Key}, Body: body,
		})
	}
	stream := eventstore.Stream{Aggregate: "payment", ID: l.Payment.UUID()}
	return eventstore.Command{Writes: []eventstore.Write{{Stream: stream, Expected: expected, Events: events}}}
}

// History is the life's events as the domain folds them.
func (l Life) History() []payment.Recorded {
	var history []payment.Recorded
	for n := range l.Steps {
		for _, e := range l.Command(n).Writes[0].Events {
			fact, err := payment.Decode(e.Type, e.Schema, e.Body)
			if err != nil {
				panic(err) // a test's own mistake
			}
			history = append(history, payment.Recorded{
				ID: id.From[id.Event](e.ID), Version: len(history) + 1, RecordedAt: e.RecordedAt, EffectiveAt: e.EffectiveAt,
				IdempotencyKey: e.Meta.IdempotencyKey, Event: fact,
			})
		}
	}
	return history
}
