package api

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
)

// net/http answers what it cannot parse by itself, in plain text, before any
// handler runs: a malformed request line, a header beyond the limit, an unknown
// Transfer-Encoding. dressed recognises these answers on their way out and sends
// the envelope instead, so that a client finds JSON in every answer.
type dressed struct {
	net.Listener
	dress func(status int) []byte
}

// Accept implements net.Listener.
func (l dressed) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &dressedConn{Conn: conn, dress: l.dress}, nil
}

type dressedConn struct {
	net.Conn
	dress func(status int) []byte
}

// Write implements net.Conn. net/http writes its own answers in one piece.
func (c *dressedConn) Write(b []byte) (int, error) {
	status, bare := bareAnswer(b)
	if !bare {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(c.dress(status)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// bareAnswer recognises net/http's own words: a status line of an error, followed
// at once by these two headers, or an Expect that failed. Ours never look like it,
// because header names are sorted and Cache-Control is always there.
func bareAnswer(b []byte) (status int, bare bool) {
	const line = len("HTTP/1.1 400")
	if len(b) < line || !bytes.HasPrefix(b, []byte("HTTP/1.")) || b[9] < '4' {
		return 0, false
	}
	_, headers, found := bytes.Cut(b, []byte("\r\n"))
	unparsed := bytes.HasPrefix(headers, []byte("Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"))
	unexpected := bytes.HasPrefix(headers, []byte("Connection: close\r\n")) && bytes.Contains(headers, []byte("Content-Length: 0\r\n"))
	if !found || !unparsed && !unexpected {
		return 0, false
	}
	status, err := strconv.Atoi(string(b[9:line]))
	return status, err == nil
}

// bareEnvelope is the whole answer that goes out instead.
func (s *Server) bareEnvelope(status int) []byte {
	code, message := codeRequestMalformed, "The request is not valid HTTP."
	switch status {
	case 417:
		code, message = codeExpectation, "Expect knows 100-continue only."
	case 431:
		code, message = codeHeaderTooLarge, "The headers may have 16 KiB."
	case 501:
		code, message = codeTransferEncoding, "Transfer-Encoding knows chunked only."
	}
	row := s.codes.row(code)
	requestID := s.newRequestID()
	body := s.envelope(requestID, row, fail(code, message))
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(row.Status) + " " + http.StatusText(row.Status) + "\r\n")
	b.WriteString("Cache-Control: no-store\r\nConnection: close\r\nContent-Type: application/json\r\n")
	b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n")
	b.WriteString("Paymint-Request-Id: " + requestID + "\r\nPaymint-Version: " + version + "\r\n")
	b.WriteString("X-Content-Type-Options: nosniff\r\nX-Request-Id: " + requestID + "\r\n\r\n")
	b.Write(body)
	return b.Bytes()
}
