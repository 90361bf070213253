package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/paymint/paymint/http/strictjson"
)

// readBody reads and parses the body of routes that take one.
func (x *exchange) readBody() error {
	if x.route.body == bodyNone {
		return nil
	}
	if err := x.checkContent(); err != nil {
		return err
	}
	if err := x.fill(x.route.bodyMax); err != nil {
		return err
	}
	if len(x.body) == 0 && x.route.body == bodyOptional {
		return nil
	}
	object, err := strictjson.ParseInto(x.members[:0], x.body)
	if err != nil {
		return unreadable(err)
	}
	x.object, x.members = object, object
	return nil
}

func unreadable(err error) error {
	var syntax *strictjson.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	return failParam(codeInvalidJSON, syntax.Field, "The body is not valid: "+syntax.Error()+".")
}

// checkContent wants exactly application/json, uncompressed, where there is a body.
func (x *exchange) checkContent() error {
	if encoding, sent := first(x.request.Header, "Content-Encoding"); sent && encoding != "" {
		return failParam(codeContentEncoding, "Content-Encoding", "Send the body without Content-Encoding.")
	}
	if x.request.ContentLength == 0 && x.route.body == bodyOptional {
		return nil // curl -d '' names a type for nothing
	}
	contentType, sent := first(x.request.Header, "Content-Type")
	if contentType == contentJSON || !sent && x.request.ContentLength == 0 {
		return nil
	}
	mediaType, parameter, _ := strings.Cut(contentType, ";")
	if strings.TrimRight(mediaType, " \t") == contentJSON && strings.EqualFold(strings.TrimSpace(parameter), "charset=utf-8") {
		return nil
	}
	return failParam(codeMediaType, "Content-Type", "Send the body as Content-Type: application/json.")
}

// fill reads the body into the exchange's own memory, most bytes at most.
func (x *exchange) fill(most int64) error {
	if x.request.ContentLength > most {
		return tooLarge(most)
	}
	if size := int(x.request.ContentLength); size >= cap(x.body) {
		x.body = make([]byte, 0, size+1) // one more: io.EOF shows without growing
	}
	for {
		if len(x.body) == cap(x.body) {
			x.body = append(x.body, 0)[:len(x.body)]
		}
		n, err := x.request.Body.Read(x.body[len(x.body):cap(x.body)])
		x.body = x.body[:len(x.body)+n]
		switch {
		case int64(len(x.body)) > most:
			return tooLarge(most)
		case err == io.EOF:
			return nil
		case err != nil:
			return bodyTrouble(err)
		}
	}
}

func tooLarge(most int64) error {
	if most == batchBodyMax {
		return fail(codeRequestTooLarge, "The body of a batch may have 1 MiB.")
	}
	return fail(codeRequestTooLarge, "The body may have 256 KiB.")
}

func bodyTrouble(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fail(codeRequestTimeout, "The body did not arrive in time.")
	}
	return fail(codeInvalidJSON, "The body is incomplete or not framed as HTTP says.")
}
