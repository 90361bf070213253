package payment

import (
	"slices"
	"time"

	"github.com/paymint/paymint/domain/acquirer"
)

// Fold brings s forward by recorded events, oldest first. It accepts any history
// and never panics: judging histories is a checker's business.
func Fold(s State, history []Recorded) State {
	s.Refunds = slices.Clone(s.Refunds)
	for i := range history {
		s.evolve(history[i].Event)
		s.Version = history[i].Version
	}
	return s
}

// Evolve brings s forward by one event and leaves its argument as it was, so a
// State may be shared and kept.
func Evolve(s State, e Event) State {
	switch e.(type) {
	case RefundRequested, RefundSucceeded, RefundFailed, OutcomeUnknown:
		s.Refunds = slices.Clone(s.Refunds)
	}
	s.evolve(e)
	s.Version++
	return s
}

// instant is a time as events hold it, equal to what comes back from the log: in
// UTC, without the process's own clock reading.
func instant(t time.Time) time.Time { return t.Round(0).UTC() }

// evolve may write into s.Refunds, never into what s.Open points at.
func (s *State) evolve(e Event) {
	switch e := e.(type) {
	case AuthorizationRequested:
		s.begin(e)
	case ActionCompleted:
		s.AwaitingAction = false
		s.Authorization = e.Reference
		s.Open = &Intent{Operation: acquirer.OperationAuthorize, Reference: e.Reference, Amount: s.Requested, Deadline: e.Deadline}
	case Authorized, Failed, ActionRequired, OutcomeUnknown, ReversalRequested, LateApprovalNoted, Reversed:
		s.evolveAuthorization(e)
	case CaptureRequested:
		s.Capture = e.Reference
		s.Open = &Intent{Operation: acquirer.OperationCapture, Reference: e.Reference, Amount: e.Amount, Deadline: e.Deadline}
	case Captured:
		s.Status, s.Captured, s.Capture, s.Open = StatusCaptured, e.Amount, e.Reference, nil
	case AuthorizationReleased:
		s.Released += e.Amount
	case CaptureFailed, CancellationFailed:
		s.Open = nil
	case CancellationRequested:
		s.Open = &Intent{Operation: acquirer.OperationCancel, Reference: e.Reference, Amount: s.Authorized, Deadline: e.Deadline, Reason: e.Reason}
	case Cancelled:
		s.Status, s.Released, s.Open = StatusCancelled, s.Authorized-s.Captured, nil
	case AuthorizationExpired:
		s.Status, s.Expired, s.Released, s.Open = StatusCancelled, true, s.Authorized-s.Captured, nil
	case RefundRequested, RefundSucceeded, RefundFailed:
		s.evolveRefund(e)
	case Corrected:
		s.correct(e)
	}
}

func (s *State) begin(e AuthorizationRequested) {
	s.ID, s.Merchant, s.Livemode, s.Gateway = e.Payment, e.Merchant, e.Livemode, e.Gateway
	s.Status, s.Currency, s.Requested = StatusPending, e.Currency, e.Amount
	s.CaptureAtOnce, s.CaptureReference = e.Capture, e.CaptureReference
	s.Authorization = e.Reference
	s.Open = &Intent{Operation: acquirer.OperationAuthorize, Reference: e.Reference, Amount: e.Amount, Deadline: e.Deadline}
}

func (s *State) evolveAuthorization(e Event) {
	switch e := e.(type) {
	case Authorized:
		s.Status, s.Authorized, s.Authorization, s.ExpiresAt, s.Open = StatusAuthorized, e.Amount, e.Reference, e.ExpiresAt, nil
	case Failed, Reversed:
		s.Status, s.AwaitingAction, s.Open = StatusFailed, false, nil
	case ActionRequired:
		s.AwaitingAction, s.Open = true, nil
	case OutcomeUnknown:
		s.doubt(e)
	case ReversalRequested:
		reversal := Intent{Operation: acquirer.OperationReverse, Reference: e.Reference, Amount: s.Requested, Unknown: true}
		if s.Open != nil {
			reversal.Deadline = s.Open.Deadline
		}
		s.Open = &reversal
	case LateApprovalNoted:
		s.LateApproval = true
	}
}

func (s *State) doubt(e OutcomeUnknown) {
	if s.Open != nil && s.Open.Reference == e.Reference {
		open := *s.Open
		open.Unknown = true
		s.Open = &open
	}
	if i := s.refundByReference(e.Reference); i >= 0 {
		s.Refunds[i].Unknown = true
	}
}

func (s *State) evolveRefund(e Event) {
	switch e := e.(type) {
	case RefundRequested:
		s.Refunds = append(s.Refunds, Refund{
			ID: e.Refund, Reference: e.Reference, Amount: e.Amount, Status: RefundStatusPending, Deadline: e.Deadline,
		})
	case RefundSucceeded:
		if i := s.refundByReference(e.Reference); i >= 0 {
			s.Refunds[i].Status = RefundStatusSucceeded
		}
	case RefundFailed:
		if i := s.refundByReference(e.Reference); i >= 0 {
			s.failRefund(&s.Refunds[i])
		}
	}
	s.settleStatus()
}

// failRefund of one that had succeeded: a correction that took refunds away knew of
// the failure first, so it is not taken away twice.
func (s *State) failRefund(r *Refund) {
	if r.Status == RefundStatusSucceeded && s.RefundsCorrected < 0 {
		s.RefundsCorrected += min(r.Amount, -s.RefundsCorrected)
	}
	r.Status = RefundStatusFailed
}

// settleStatus tells captured from refunded, both ways: a refund may fail after
// it succeeded.
func (s *State) settleStatus() {
	switch {
	case s.Captured == 0:
	case s.AmountRefunded() == s.Captured:
		s.Status = StatusRefunded
	default:
		s.Status = StatusCaptured
	}
}

// correct believes the statement: what it says was not taken is held no longer,
// and where nothing was taken the payment ended cancelled.
func (s *State) correct(e Corrected) {
	s.Captured = e.AmountCaptured
	s.Released = s.Authorized - e.AmountCaptured
	s.RefundsCorrected = e.AmountRefunded - s.refunds(RefundStatusSucceeded)
	if s.Capture.IsZero() {
		s.Capture = s.Authorization
	}
	s.Status = StatusCancelled
	s.settleStatus()
}
