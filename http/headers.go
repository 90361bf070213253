package api

import (
	"math"
	"net/http"
	"strconv"
)

// headersPerAnswer is how many headers with a text of their own an answer has; more cost one more allocation.
const headersPerAnswer = 12

// Headers that never change share their values.
var (
	versionHeader = []string{version}
	nosniffHeader = []string{"nosniff"}
	noStoreHeader = []string{string(cacheNever)}
	replayHeader  = []string{"true"}
)

// set is http.Header.Set for canonical names without an allocation of its own.
func (x *exchange) set(name, value string) {
	x.values = append(x.values, value)
	last := len(x.values)
	x.header[name] = x.values[last-1 : last : last]
}

func (x *exchange) commonHeaders() {
	x.set("Paymint-Request-Id", x.ids)
	x.header["X-Request-Id"] = x.header["Paymint-Request-Id"]
	x.header["Paymint-Version"] = versionHeader
	x.header["X-Content-Type-Options"] = nosniffHeader
	if x.route.cache == "" || x.route.cache == cacheNever {
		x.header["Cache-Control"] = noStoreHeader
	} else {
		x.set("Cache-Control", string(x.route.cache))
	}
	if x.request.TLS != nil {
		x.set("Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload")
	}
}

// checkHeaders refuses what could be read in two ways.
func (x *exchange) checkHeaders() error {
	for _, name := range [...]string{"Authorization", "Content-Type", "Idempotency-Key", "Paymint-Version", "Paymint-Min-Position"} {
		if len(x.request.Header[name]) > 1 {
			return failParam(codeHeaderDuplicate, name, "Send "+name+" once.")
		}
	}
	if wanted, sent := first(x.request.Header, "Paymint-Version"); sent && wanted != version {
		return failParam(codeVersionUnknown, "Paymint-Version", "No version was released on this date. The current one is "+version+".")
	}
	return nil
}

// first reads a header that is known to appear at most once, by its canonical name.
func first(header http.Header, name string) (string, bool) {
	values := header[name]
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

func (x *exchange) failureHeaders(row codeDoc, f *failure) {
	x.header["Cache-Control"] = noStoreHeader
	delete(x.header, "Etag")
	delete(x.header, "Content-Security-Policy")
	if after := max(row.RetryAfter, f.retryAfter); after > 0 {
		x.set("Retry-After", strconv.Itoa(after))
	}
	if f.allow != "" {
		x.set("Allow", f.allow)
	}
	switch row.Status {
	case http.StatusUnauthorized:
		x.set("Www-Authenticate", `Bearer realm="paymint"`)
	case http.StatusRequestEntityTooLarge, http.StatusRequestTimeout:
		x.set("Connection", "close") // what is left of the body is not read
	}
}

// seconds rounds up, so that who waits as told is not refused again.
func seconds(d float64) int { return int(math.Ceil(d)) }
