package commands

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
)

// Gateway is an adapter to one acquirer. A call returns the acquirer's answer, or
// acquirer.ErrNotSent when the request certainly never left, or any other error,
// and then the outcome is in doubt. It returns soon after ctx is done.
type Gateway interface {
	Traits() acquirer.Traits
	Authorize(context.Context, acquirer.Authorize) (acquirer.Answer, error)
	Capture(context.Context, acquirer.Capture) (acquirer.Answer, error)
	Cancel(context.Context, acquirer.Cancel) (acquirer.Answer, error)
	Refund(context.Context, acquirer.Refund) (acquirer.Answer, error)
	Inquire(context.Context, acquirer.Inquire) (acquirer.Answer, error)
}

// Router names the gateways that can serve an authorization, the best first, as
// Traits names them. The first whose breaker lets a call through gets it.
type Router interface {
	Routes(merchant id.Merchant, livemode bool, brand string, currency money.Currency) []string
}

// FixedRoutes sends everything of one mode the same way.
type FixedRoutes struct{ Test, Live []string }

// Routes implements Router.
func (r FixedRoutes) Routes(_ id.Merchant, livemode bool, _ string, _ money.Currency) []string {
	if livemode {
		return r.Live
	}
	return r.Test
}

// Instruments finds what a payment method id stands for. It refuses with
// PaymentMethodNotFound what the merchant does not have in this mode.
type Instruments interface {
	Find(ctx context.Context, merchant id.Merchant, livemode bool, id string) (acquirer.Instrument, error)
}

// BreakerConfig says when a gateway is left alone. Declines are answers, not
// failures; time-outs, lost connections and refused ones are failures.
type BreakerConfig struct {
	FailuresMax uint32        // this many running open it; 10 when zero
	Rest        time.Duration // so long nothing is sent; 5 s when zero
	Probes      uint32        // then this many calls try; all must succeed; 3 when zero
}

// link is a gateway behind its breaker, with its time-out and its measures.
type link struct {
	gateway Gateway
	traits  acquirer.Traits
	timeout time.Duration
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	meter   *meter
}

// errNotCalled reports to the breaker that its leave was not used.
var errNotCalled = errors.New("call not made")

func newLink(g Gateway, timeout time.Duration, c BreakerConfig, m *meter) *link {
	failuresMax := orElse(c.FailuresMax, 10)
	l := &link{gateway: g, traits: g.Traits(), timeout: timeout, meter: m}
	l.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        l.traits.Name,
		MaxRequests: orElse(c.Probes, 3),
		Timeout:     orElse(c.Rest, 5*time.Second),
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= failuresMax },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNotCalled) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			m.breaker(l.traits.Name, to)
		},
	})
	m.breaker(l.traits.Name, gobreaker.StateClosed)
	return l
}

// leave is the breaker's permission for one call. It must be used, by call or by
// release, or a half-open breaker waits for it for ever.
type leave func(error)

func (l leave) release() { l(errNotCalled) }

// enter asks the breaker. The error wraps acquirer.ErrNotSent.
func (l *link) enter() (leave, error) {
	done, err := l.breaker.Allow()
	if err != nil {
		l.meter.kept.WithLabelValues(l.traits.Name).Inc()
		return nil, fmt.Errorf("%w: gateway %s: %w", acquirer.ErrNotSent, l.traits.Name, err)
	}
	return done, nil
}

// probing tells whether the breaker lets calls through to try the gateway only.
func (l *link) probing() bool { return l.breaker.State() != gobreaker.StateClosed }

// request makes one call on a gateway.
type request func(context.Context, Gateway) (acquirer.Answer, error)

// call makes the call that permit allows. It is bounded by the time-out, not by
// the caller: a client that hangs up changes nothing about what the issuer does.
func (l *link) call(ctx context.Context, permit leave, timeout time.Duration, op acquirer.Operation, send request) (answer acquirer.Answer, err error) {
	ctx, cancel := context.WithTimeout(detached(ctx), timeout)
	defer cancel()
	began := time.Now()
	defer func() {
		if panicked := recover(); panicked != nil {
			answer, err = acquirer.Answer{}, fmt.Errorf("%w: %v\n%s", errPanicked, panicked, debug.Stack())
		}
		permit(err)
		l.meter.call(l.traits.Name, op, time.Since(began), answer.Outcome, err)
	}()
	return send(ctx, l.gateway)
}

// errPanicked: an adapter has a bug, and what it did before nobody knows: the
// outcome is in doubt, and everybody else's payments go on.
var errPanicked = errors.New("gateway panicked")

func orElse[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}
