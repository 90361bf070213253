package eventstore_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore"
)

// wire stands between a store's appender and PostgreSQL and breaks on demand.
type wire struct {
	config   *pgx.ConnConfig
	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	closed   bool
	cut      int // what becomes of the next bytes
}

const (
	whole          = iota
	dropTheReply   // the next bytes from PostgreSQL are swallowed, the connection ends
	dropTheRequest // the next bytes to PostgreSQL are cut in half, the connection ends
)

func startWire(t *testing.T, url string) *wire {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{config: config, listener: listener, conns: map[net.Conn]struct{}{}}
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { w.serve(client) })
		}
	})
	t.Cleanup(func() { listener.Close(); w.shut(); wait.Wait() })
	return w
}

// openThrough opens a store whose appender goes through w; reads go straight.
func openThrough(t *testing.T, url string, w *wire, config eventstore.Config) *eventstore.Store {
	t.Helper()
	address := w.listener.Addr().(*net.TCPAddr)
	config.Lanes, config.Pool = []int{0}, pool(t, url)
	config.URL = fmt.Sprintf("host=127.0.0.1 port=%d user=%s password='%s' dbname=%s sslmode=disable", address.Port, w.config.User, w.config.Password, w.config.Database)
	store, err := eventstore.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := store.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return store
}

func (w *wire) cutReplies()  { w.set(dropTheReply) }
func (w *wire) cutRequests() { w.set(dropTheRequest) }

func (w *wire) isWhole() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut == whole
}

func (w *wire) set(cut int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

// shut ends every connection and takes no new ones until open.
func (w *wire) shut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for conn := range w.conns {
		conn.Close()
	}
}

func (w *wire) open() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = false
}

func (w *wire) serve(client net.Conn) {
	defer client.Close()
	network, address := pgNetwork(w.config)
	server, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer server.Close()
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	w.conns[client] = struct{}{}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.conns, client)
	}()
	var wait sync.WaitGroup
	wait.Go(func() { w.copy(server, client, dropTheRequest) })
	wait.Go(func() { w.copy(client, server, dropTheReply) })
	wait.Wait()
}

func pgNetwork(config *pgx.ConnConfig) (network, address string) {
	if config.Host != "" && config.Host[0] == '/' {
		return "unix", fmt.Sprintf("%s/.s.PGSQL.%d", config.Host, config.Port)
	}
	return "tcp", net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
}

// copy ends both connections when one does, or when the cut is for this direction.
// Only long requests are cut: those that carry a batch.
func (w *wire) copy(to, from net.Conn, direction int) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		w.mu.Lock()
		cut := w.cut == direction && (direction == dropTheReply || n > 500)
		if cut {
			w.cut = whole
		}
		w.mu.Unlock()
		if cut && direction == dropTheRequest {
			_, _ = to.Write(buffer[:n/2])
		}
		if cut {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
