package api

import (
	"net/http"
	"time"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/projections"
)

// secondsMax keeps a duration from overflowing; how far a clock may go at a time is
// the domain's to say.
const secondsMax = 10 * 366 * 24 * 60 * 60

// advanceTestClock serves POST /v1/test_clock/advance: by seconds, or to a time.
func (s *Server) advanceTestClock(x *exchange) error {
	f := newFields(x.object)
	key := x.idempotencyKey(f, false)
	by, to := f.integerWithin("seconds", 1, secondsMax), f.time("to")
	if f.has("seconds") == f.has("to") {
		f.wrong(fault{codeParameterMissing, "seconds", "Send either seconds or to."})
	}
	if err := f.check(); err != nil {
		return err
	}
	distance := time.Duration(by) * time.Second
	if !to.IsZero() {
		shown, err := s.testTime(x)
		if err != nil {
			return err
		}
		distance = to.Sub(shown)
	}
	reply, err := s.desk.AdvanceTestClock(x.context(), x.call(key, s.renderTestClock(x.ids)), distance)
	return x.reply(commands.Reply{Answer: reply.Answer, Position: reply.Position, Replayed: reply.Replayed}, err)
}

// renderTestClock answers with what the merchant's clock shows.
func (s *Server) renderTestClock(requestID string) func(commands.Result) commands.Answer {
	return func(result commands.Result) commands.Answer {
		if result.Refusal != nil {
			return s.renderRefusal(requestID, result)
		}
		o := object{buf: make([]byte, 0, 96)}
		o.open()
		o.text("object", "test_clock")
		o.name("now")
		o.buf = projections.AppendTimeOrNull(o.buf, result.Merchant.Clock(s.now(), false))
		o.flag("livemode", false)
		o.close()
		return commands.Answer{Status: http.StatusOK, Body: o.buf}
	}
}

// testTime is what the caller's test clock shows.
func (s *Server) testTime(x *exchange) (time.Time, error) {
	if s.merchants == nil {
		return time.Time{}, fail(codeRouteNotFound, "The clock can only be moved by seconds.")
	}
	ctx, cancel := x.lookUp()
	defer cancel()
	found, err := s.merchants.Find(ctx, x.principal.Merchant)
	if err != nil {
		return time.Time{}, unavailable{err}
	}
	return found.Clock(s.now(), false), nil
}

func (f *fields) integerWithin(name string, least, most int64) int64 {
	n, ok := f.integer(name)
	if ok && (n < least || n > most) {
		f.wrong(invalid(name, "must be an integer from "+itoa(least)+" to "+itoa(most)))
	}
	return n
}

func (f *fields) time(name string) time.Time {
	text := f.text(name, 1, 40)
	if text == "" {
		return time.Time{}
	}
	t, ok := parseTime(text)
	if !ok {
		f.wrong(invalid(name, timeRule))
	}
	return t
}
