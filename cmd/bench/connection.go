package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// connection is one keep-alive HTTP/1.1 connection that sends ready-made bytes.
// The generator shares two cores with the system under test, so it does the
// least that is still a real client: one write, one buffered read. (net/http's
// client costs more than the server's share of a request.)
type connection struct {
	address string
	conn    net.Conn
	reader  *bufio.Reader
	body    []byte
	armed   time.Time // when the deadline was last set
}

// response is valid until the connection's next exchange.
type response struct {
	status   int
	position []byte // Paymint-Position
	body     []byte
}

const exchangeTimeout = 30 * time.Second

func dial(address string) (*connection, error) {
	conn, err := net.DialTimeout("tcp", address, exchangeTimeout)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return &connection{address: address, conn: conn, reader: bufio.NewReaderSize(conn, 8<<10)}, nil
}

func (c *connection) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// exchange sends request and reads the whole answer.
func (c *connection) exchange(request []byte) (response, error) {
	if now := time.Now(); now.Sub(c.armed) > time.Second { // arming a deadline costs a microsecond
		if err := c.conn.SetDeadline(now.Add(exchangeTimeout)); err != nil {
			return response{}, err
		}
		c.armed = now
	}
	if _, err := c.conn.Write(request); err != nil {
		return response{}, err
	}
	return c.read()
}

// reconnect replaces a broken connection; the request that broke it is counted as failed.
func (c *connection) reconnect() error {
	c.close()
	fresh, err := dial(c.address)
	if err != nil {
		return err
	}
	c.conn, c.reader, c.armed = fresh.conn, fresh.reader, time.Time{}
	return nil
}

var errProtocol = errors.New("answer is not HTTP/1.1 with Content-Length")

func (c *connection) read() (response, error) {
	line, err := c.reader.ReadSlice('\n')
	if err != nil {
		return response{}, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return response{}, errProtocol
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return response{}, errProtocol
	}
	answer := response{status: status}
	length, err := c.readHeader(&answer)
	if err != nil {
		return response{}, err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.reader, c.body)
	answer.body = c.body
	return answer, err
}

func (c *connection) readHeader(answer *response) (length int, err error) {
	length = -1
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if value, ok := header(line, "content-length"); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, errProtocol
			}
		} else if value, ok := header(line, "paymint-position"); ok {
			answer.position = bytes.Clone(value)
		}
	}
	if length < 0 {
		return 0, errProtocol
	}
	return length, nil
}

func header(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name)+1:]), true
}
