package embedded

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	natsUser = "paymint"
	// natsPatience bounds a start. An empty store takes 3 ms; a large one checks its last blocks first.
	natsPatience = 30 * time.Second
	// natsSyncInterval bounds what a power cut takes from JetStream. The relay publishes it again from PostgreSQL.
	natsSyncInterval = time.Second
	natsMemoryMax    = 64 << 20 // streams live in files
)

// ErrNATSStopped says that Stop came before the call.
var ErrNATSStopped = errors.New("the NATS server is stopped")

// NATSOptions describe one in-process server. Only Dir is required.
type NATSOptions struct {
	Dir string // JetStream's files and the lock
	// SyncAlways syncs each message before it is acknowledged: 3,000 single publishes a second instead of 100,000.
	// Without it a power cut takes up to SyncInterval of messages, which PostgreSQL still has.
	SyncAlways   bool
	SyncInterval time.Duration // 0 is 1 s
	Listen       bool          // also listen on a free loopback port; a client needs the credentials of ClientURL
	StoreMax     int64         // bytes JetStream may keep; 0 is three quarters of what the disk has free
	Log          *slog.Logger
}

// NATS is a server inside this process. Its methods may be called at once from several goroutines.
type NATS struct {
	options  NATSOptions
	log      *slog.Logger
	lock     *DirLock
	password string
	cluster  *clusterSeat // nil for a single server

	mu     sync.Mutex
	server *server.Server // nil after Stop
	port   int            // of the listener once known: a restart keeps it
}

// StartNATS starts a server with JetStream on o.Dir and returns when it takes connections. It installs no signal
// handlers. A folder another server uses gives a *LockedError: two servers on one store would both start and lose
// messages.
func StartNATS(o NATSOptions) (*NATS, error) {
	return startNATS(o, nil, rand.Text())
}

func startNATS(o NATSOptions, seat *clusterSeat, password string) (*NATS, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	lock, err := Lock(dir)
	if err != nil {
		return nil, err
	}
	n := &NATS{
		options:  o,
		log:      cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		lock:     lock,
		password: password,
		cluster:  seat,
		port:     server.RANDOM_PORT,
	}
	if err := n.open(); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	return n, nil
}

// open starts a fresh server on the store. The caller holds mu, or nobody else knows n yet.
func (n *NATS) open() error {
	next, err := server.NewServer(n.serverOptions())
	if err != nil {
		return fmt.Errorf("set up NATS in %s: %w", n.options.Dir, err)
	}
	next.SetLoggerV2(natsLog{n.log}, false, false, false)
	next.Start()
	if !next.ReadyForConnections(natsPatience) {
		next.Shutdown()
		next.WaitForShutdown()
		return fmt.Errorf("start NATS in %s: not ready within %s", n.options.Dir, natsPatience)
	}
	if !next.JetStreamEnabled() {
		next.Shutdown()
		next.WaitForShutdown()
		return fmt.Errorf("start NATS in %s: JetStream did not start; the log says why", n.options.Dir)
	}
	if address, ok := next.Addr().(*net.TCPAddr); ok {
		n.port = address.Port
	}
	n.server = next
	return nil
}

func (n *NATS) serverOptions() *server.Options {
	options := &server.Options{
		ServerName:         "paymint",
		Host:               "127.0.0.1",
		Port:               n.port,
		DontListen:         !n.options.Listen,
		Username:           natsUser,
		Password:           n.password,
		NoSigs:             true,
		JetStream:          true,
		StoreDir:           filepath.Join(n.options.Dir, "store"),
		SyncAlways:         n.options.SyncAlways,
		SyncInterval:       cmp.Or(n.options.SyncInterval, natsSyncInterval),
		JetStreamMaxMemory: natsMemoryMax,
		JetStreamMaxStore:  n.options.StoreMax,
	}
	if n.cluster != nil {
		n.cluster.apply(options)
	}
	return options
}

// Connect opens a client connection inside the process, as fast as TCP and without a port. It reconnects by itself
// across Restart, for ever; the caller's options come last and win.
func (n *NATS) Connect(options ...nats.Option) (*nats.Conn, error) {
	ours := []nats.Option{
		nats.InProcessServer(n),
		nats.UserInfo(natsUser, n.password),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(50 * time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			n.log.Warn("NATS connection inside the process", "error", err)
		}),
	}
	conn, err := nats.Connect("", append(ours, options...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to the NATS server in this process: %w", err)
	}
	return conn, nil
}

// InProcessConn makes NATS the provider for nats.InProcessServer: the server behind it may change on Restart.
func (n *NATS) InProcessConn() (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server == nil {
		return nil, ErrNATSStopped
	}
	return n.server.InProcessConn()
}

// ClientURL is where other processes connect, with the credentials in it; "" without Listen. The port and the
// password last as long as this NATS, restarts included. Never log it.
func (n *NATS) ClientURL() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.options.Listen {
		return ""
	}
	address := url.URL{
		Scheme: "nats",
		User:   url.UserPassword(natsUser, n.password),
		Host:   net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port)),
	}
	return address.String()
}

// Restart ends the server and starts another on the same store: the cure when it stopped acknowledging after a full
// disk. Connections made by Connect come back by themselves. After a failed start the server is down and Restart may
// be tried again.
func (n *NATS) Restart() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lock == nil {
		return ErrNATSStopped
	}
	n.close()
	return n.open()
}

// Stop ends the server once JetStream's files are synced and frees the folder. A second call does nothing.
func (n *NATS) Stop() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.close()
	lock := n.lock
	n.lock = nil
	return lock.Unlock()
}

func (n *NATS) close() {
	if n.server == nil {
		return
	}
	n.server.Shutdown()
	n.server.WaitForShutdown()
	n.server = nil
}
