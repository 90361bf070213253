package api

import (
	"context"
	"errors"
	"fmt"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/refusal"
)

// fault is one thing that is wrong with a request.
type fault struct {
	Code    string
	Param   string // field, query parameter or header; empty where none is to blame
	Message string
}

// failure is an error answer on its way: what handlers return when there is no body.
type failure struct {
	fault
	all        []fault // every wrong field, the first one included
	allow      string  // with method_not_allowed
	retryAfter int     // seconds; 0 takes the table's
	cause      error   // for our log, never for the client
}

// Error implements error.
func (f *failure) Error() string {
	if f.cause != nil {
		return f.Code + ": " + f.cause.Error()
	}
	return f.Code + ": " + f.Message
}

// Unwrap gives the cause.
func (f *failure) Unwrap() error { return f.cause }

func fail(code, message string) *failure {
	return &failure{fault: fault{Code: code, Message: message}}
}

func failParam(code, param, message string) *failure {
	one := fault{code, param, message}
	return &failure{fault: one, all: []fault{one}}
}

// failAll makes one answer of every wrong field; nil when there is none.
func failAll(faults []fault) error {
	if len(faults) == 0 {
		return nil
	}
	return &failure{fault: faults[0], all: faults}
}

// notFound is the same to the byte for objects that never existed, that belong to
// somebody else and for ids that cannot be one; the message echoes nothing.
func notFound(noun string) *failure {
	return fail(string(refusal.NotFound), "No such "+noun+".")
}

// translate makes the one answer for whatever went wrong. What it does not know
// is a bug of ours: 500, with the cause kept for the log.
func translate(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	var refused *refusal.Refusal
	if errors.As(err, &refused) {
		return refusedWith(refused)
	}
	if storage, is := errors.AsType[unavailable](err); is {
		return &failure{fault: fault{Code: codeUnavailable, Message: messageNothingDone}, cause: storage}
	}
	for _, row := range troubles {
		if errors.Is(err, row.err) {
			return &failure{fault: fault{Code: row.code, Message: row.message}, cause: err}
		}
	}
	return &failure{fault: fault{Code: codeInternal, Message: messageInternal}, cause: err}
}

// What a client does about trouble of ours. Retry-After says when.
const (
	adviceUnknown      = "Send it again with the same Idempotency-Key to find out what happened."
	messageNothingDone = "Storage did not answer in time. Nothing was done; send it again in a few seconds."
	messageInternal    = "Something went wrong on our side. Send it again, with its Idempotency-Key if it had one; if that does not help, report the request id."
)

// troubles says how trouble in the rooms behind us looks from outside.
var troubles = []struct {
	err           error
	code, message string
}{
	{commands.ErrKeyReused, codeKeyReused, "This idempotency key was used with another request. Use a new key for a new request."},
	{commands.ErrKeyInUse, codeKeyInUse, "The first request with this idempotency key is still running. Send it again in a second to get its answer."},
	{commands.ErrConcurrentChange, codeConcurrentChange, "The payment is being changed by other requests. Nothing was done; send it again in a second."},
	{commands.ErrBusy, codeBusy, "More requests than can be taken at the moment. Nothing was done; send it again in a second."},
	{commands.ErrUnavailable, codeUnavailable, "Storage did not answer in time. " + adviceUnknown},
	{context.DeadlineExceeded, codeUnavailable, "Storage did not answer in time. " + adviceUnknown},
	{context.Canceled, codeUnavailable, "The request ended before its answer was ready. " + adviceUnknown},
}

func refusedWith(refused *refusal.Refusal) *failure {
	f := fail(string(refused.Code), refused.Message)
	f.Param = refused.Param
	if refused.Param == "" && len(refused.Also) == 0 {
		return f
	}
	for _, one := range refused.All() {
		f.all = append(f.all, fault{string(one.Code), one.Param, one.Message})
	}
	return f
}

func missing(param string) fault {
	return fault{codeParameterMissing, param, fmt.Sprintf("%s is required.", param)}
}

func invalid(param, rule string) fault {
	return fault{codeParameterInvalid, param, fmt.Sprintf("%s %s.", param, rule)}
}
