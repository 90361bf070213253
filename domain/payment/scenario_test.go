package payment_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/money"
	"github.com/paymint/paymint/domain/payment"
)

// A scenario is a whole life, or several, to be read by somebody who knows payments
// and no Go. Lines that begin with ">" are what is done; the indented lines after
// them are what comes of it and are rewritten by -update; all else is prose.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				err = os.WriteFile(file, []byte(got), 0o644)
			}
			if err != nil || got != string(want) && !*update {
				t.Errorf("%v; rewrite with -update and read the difference. It plays as\n%s", err, got)
			}
		})
	}
}

func play(t *testing.T, script string) string {
	var out strings.Builder
	stage := &stage{now: noon}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue
		}
		out.WriteString(line + "\n")
		if command, ok := strings.CutPrefix(line, "> "); ok {
			for _, result := range stage.act(t, command) {
				out.WriteString("  " + result + "\n")
			}
		}
	}
	return out.String()
}

type stage struct {
	state    payment.State
	currency money.Currency
	now      time.Time
	refs     byte
	last     id.Reference // of the latest call
}

func (s *stage) act(t *testing.T, command string) []string {
	words := strings.Fields(command)
	rest := strings.Join(words[1:], " ")
	switch words[0] {
	case "new":
		*s = stage{now: noon}
		return nil
	case "wait":
		pause, err := time.ParseDuration(rest)
		if err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(pause)
		return nil
	case "what":
		return s.whatNext()
	case "acquirer":
		return s.hear(t, words[1:])
	case "network":
		if rest == "unreachable" {
			return s.record(s.state.NotSent("", s.last, s.now), nil)
		}
		return s.record(s.state.Doubt("", s.last, payment.ReasonTimeout), nil)
	}
	es, refused := s.wishFor(t, words[0], words[1:]).Decide(s.state)
	if refused != nil {
		var lines []string
		for _, each := range refused.All() {
			lines = append(lines, fmt.Sprintf("refused: %s (%s)", each.Code, each.Message))
		}
		return lines
	}
	return s.record(es, nil)
}

func (s *stage) wishFor(t *testing.T, verb string, words []string) wish {
	s.refs++
	reference, end := netID(s.refs), s.now.Add(payment.CallTimeout)
	switch verb {
	case "authorize":
		s.currency = money.Currency(words[1])
		return authorize(func(w *payment.Authorize) {
			w.Reference, w.CaptureReference, w.Amount = reference, netID(200), money.Of(*s.minor(t, words[0]), s.currency)
			w.Capture, w.Now, w.Deadline = len(words) > 2, s.now, end
		})
	case "capture":
		return payment.Capture{Reference: reference, Amount: s.minor(t, words...), Now: s.now, Deadline: end}
	case "cancel":
		return payment.Cancel{Reference: reference, Reason: strings.Join(words, " "), Deadline: end}
	case "refund":
		return payment.RequestRefund{Refund: refID(s.refs), Reference: reference, Amount: s.minor(t, words...), Deadline: end}
	case "action":
		return payment.CompleteAction{Reference: reference, Succeeded: words[0] == "succeeds", Deadline: end}
	case "expire":
		return payment.Expire{Now: s.now}
	case "reverse":
		return payment.Reverse{Reference: reference, Now: s.now}
	case "correct":
		return payment.Correct{
			AmountCaptured: *s.minor(t, words[1]), AmountRefunded: *s.minor(t, words[3]), Reason: "statement", Operator: "ada",
			ApprovedBy: strings.Join(words[min(len(words), 6):], " "),
		}
	}
	t.Fatalf("no such verb: %s", verb)
	return nil
}

func (s *stage) hear(t *testing.T, words []string) []string {
	on, op := s.last, acquirer.OperationAuthorize
	if n := len(words); words[n-1] == "authorization" {
		on, words = s.state.Authorization, words[:n-2]
	} else if n > 2 && words[n-2] == "refund" {
		number, _ := strconv.Atoi(words[n-1])
		on, words = s.state.Refunds[number-1].Reference, words[:n-3]
	}
	intent, open := s.state.Intent(on)
	if open {
		op = intent.Operation
	} else {
		intent.Amount = s.state.Requested
	}
	answer := acquirer.Answer{Reference: on, Outcome: acquirer.Outcome(words[len(words)-1]), Amount: money.Of(intent.Amount, s.currency), ExpiresAt: s.now.AddDate(0, 0, 7)}
	switch words[0] {
	case "approves":
		answer.Outcome = acquirer.Approved
		if len(words) > 1 && words[1] == "captured" {
			answer.Captured = true
		} else if len(words) > 1 {
			answer.Amount.Minor = *s.minor(t, words[1])
		}
	case "declines":
		answer.Outcome, answer.Decline = acquirer.Declined, acquirer.DeclineOf(words[1])
	case "asks":
		answer.Outcome, answer.NextAction = acquirer.ActionRequired, &acquirer.NextAction{Type: "redirect_to_url", URL: "https://acs.example"}
	}
	return s.record(s.state.Conclude(op, on, answer, traits, s.now))
}

func (s *stage) whatNext() (lines []string) {
	for _, intent := range s.state.Intents() {
		step := s.state.NextStep(intent, payment.Tried{}, traits, s.now)
		line := fmt.Sprintf("%s: %s", intent.Operation, step.Do)
		if !step.At.IsZero() {
			line += " until " + s.when(step.At)
		}
		lines = append(lines, line)
	}
	return lines
}

// record applies events and tells them and where the payment stands then.
func (s *stage) record(es []payment.Event, alarm error) (lines []string) {
	for _, e := range es {
		s.state = payment.Evolve(s.state, e)
		lines = append(lines, strings.TrimSpace(e.Type()+" "+s.tell(e)))
	}
	if open := s.state.Intents(); len(open) > 0 {
		s.last = open[len(open)-1].Reference
	}
	if alarm != nil {
		kind, _, _ := strings.Cut(fmt.Sprintf("%T", alarm)[len("*payment."):], "Error")
		lines = append(lines, "alarm: "+strings.ToLower(kind))
	}
	if len(es) == 0 {
		return append(lines, "nothing changes")
	}
	return append(lines, "= "+s.stands())
}

func (s *stage) stands() string {
	line := string(s.state.Status)
	for _, field := range []struct {
		name  string
		minor int64
	}{
		{"capturable", s.state.AmountCapturable()}, {"captured", s.state.Captured}, {"released", s.state.Released},
		{"refunded", s.state.AmountRefunded()}, {"refunding", s.state.AmountRefunding()},
	} {
		if field.minor != 0 {
			line += ", " + field.name + " " + s.major(field.minor)
		}
	}
	return line
}
