package commands_test

import (
	"context"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/merchant"
)

const minute = time.Minute

var suspension = merchant.Suspend{Reason: "review"}

// twoMessages is a gateway that cannot authorize and capture in one.
type twoMessages struct{ commands.Gateway }

func (g twoMessages) Traits() acquirer.Traits {
	traits := g.Gateway.Traits()
	traits.OneMessageCapture = false
	return traits
}

// intercepted lets a test stand between the desk and a gateway.
type intercepted struct {
	commands.Gateway
	authorize func(context.Context, acquirer.Authorize) (acquirer.Answer, error)
	capture   func(context.Context, acquirer.Capture) (acquirer.Answer, error)
}

func (g intercepted) Authorize(ctx context.Context, a acquirer.Authorize) (acquirer.Answer, error) {
	if g.authorize != nil {
		return g.authorize(ctx, a)
	}
	return g.Gateway.Authorize(ctx, a)
}

func (g intercepted) Capture(ctx context.Context, c acquirer.Capture) (acquirer.Answer, error) {
	if g.capture != nil {
		return g.capture(ctx, c)
	}
	return g.Gateway.Capture(ctx, c)
}
