package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// PostgresOptions describe one private cluster. Only Dir is required; the zero value of the rest is durable and
// listens on a unix socket only.
type PostgresOptions struct {
	Dir  string // the launcher's own folder: data, socket, secret and lock live in it
	Bin  string // folder with postgres and initdb; "" searches (FindPostgres)
	TCP  bool   // also listen on a free loopback port, for tools and proxies; logging in needs the password
	Log  *slog.Logger
	Stop time.Duration // how long Stop waits for a fast shutdown before it quits without a checkpoint; 0 is 30 s

	SharedBuffers  string // "" is 256MB
	MaxConnections int    // 0 is 60
	// Throwaway gives durability up for speed. Only for tests that do not look at the data after a crash.
	Throwaway bool
	// Settings are passed after ours and win.
	Settings map[string]string
}

// Postgres is a running private cluster, restarted when it ends by itself. Its methods may be called at once from
// several goroutines.
type Postgres struct {
	options   PostgresOptions
	log       *slog.Logger
	lock      *DirLock
	account   account
	dir       string // where the cluster really is; see account.place
	bin       string
	version   int
	secret    []byte
	socketDir string
	port      int
	platform  []setting // once asked
	said      *serverLog
	// quitPatience is how long SIGQUIT gets before SIGKILL; a field because a test shortens it.
	quitPatience time.Duration

	mu       sync.Mutex
	child    *child
	stopped  bool
	stop     chan struct{} // closed by the first Stop
	done     chan struct{} // closed when supervision has ended
	restarts atomic.Int64
}

// StartPostgres brings the cluster in o.Dir up and returns once it answers a query. The first start makes it; a later
// one first stops what a killed run left behind. ctx bounds the start only: the cluster runs until Stop, or on Linux
// until this process dies.
//
// Errors: *LockedError when another process runs it, *NoPostgresError without fitting binaries.
func StartPostgres(ctx context.Context, o PostgresOptions) (*Postgres, error) {
	p := &Postgres{
		options: o,
		log:     cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		stop:    make(chan struct{}),

		quitPatience: quitPatience,
		done:         make(chan struct{}),
	}
	p.said = &serverLog{log: p.log}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if p.lock, err = Lock(dir); err != nil {
		return nil, err
	}
	if err := p.bringUp(ctx, dir); err != nil {
		return nil, errors.Join(err, p.lock.Unlock())
	}
	go p.supervise()
	return p, nil
}

// bringUp goes through the states of the package's picture, from whatever the last run left.
func (p *Postgres) bringUp(ctx context.Context, dir string) error {
	begin := time.Now()
	if err := p.settle(dir); err != nil {
		return err
	}
	made, err := dataVersion(p.dir)
	if err != nil {
		return err
	}
	if p.bin, p.version, err = systemFinder().find(p.options.Bin, made); err != nil {
		return err
	}
	if made == 0 {
		if err := p.initdb(ctx); err != nil {
			return err
		}
	}
	if err := endOrphan(ctx, p.dataDir(), p.log); err != nil {
		return err
	}
	if err := p.firstLaunch(ctx); err != nil {
		return err
	}
	p.log.Debug("PostgreSQL is up", "version", p.version, "pid", p.PID(), "first_start", made == 0, "took", time.Since(begin))
	return nil
}

// settle finds the cluster's user, place, key and socket.
func (p *Postgres) settle(dir string) (err error) {
	if p.account, err = accountFor(dir); err != nil {
		return err
	}
	if p.dir, err = p.account.place(dir, p.log); err != nil {
		return err
	}
	p.sweepHalfMade()
	if p.secret, err = loadSecret(p.dir); err != nil {
		return err
	}
	p.socketDir, err = p.account.makeSocketDir(p.dir)
	return err
}

// URL returns a connection string over the unix socket, for pgx and for psql. Empty names mean the database
// "postgres" and the cluster's superuser; other roles exist after CreateRole. It holds a password: never log it.
func (p *Postgres) URL(database, role string) string {
	return p.address(database, role, "", url.Values{
		"host": {p.socketDir},
		"port": {strconv.Itoa(p.port)},
	})
}

// TCPURL is URL over loopback TCP; "" when the cluster was started without TCP.
func (p *Postgres) TCPURL(database, role string) string {
	if !p.options.TCP {
		return ""
	}
	return p.address(database, role, net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), url.Values{"sslmode": {"disable"}})
}

func (p *Postgres) address(database, role, host string, query url.Values) string {
	role = cmp.Or(role, superuser)
	address := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(role, p.Password(role)),
		Host:     host,
		Path:     "/" + cmp.Or(database, "postgres"),
		RawQuery: query.Encode(),
	}
	return address.String()
}

// Password is the role's own, derived from a secret that stays in the data folder.
func (p *Postgres) Password(role string) string { return password(p.secret, role) }

// PID is the postmaster's process id, 0 while none runs.
func (p *Postgres) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child == nil || p.child.gone() {
		return 0
	}
	return p.child.process.Pid
}

// Restarts counts how often PostgreSQL ended by itself and was started again.
func (p *Postgres) Restarts() int64 { return p.restarts.Load() }

// Version is the major version of the binaries.
func (p *Postgres) Version() int { return p.version }

// DataDir is PostgreSQL's own folder, inside PostgresOptions.Dir or, for a root whose folder is closed to ordinary
// users, under /var/lib/paymint.
func (p *Postgres) DataDir() string { return p.dataDir() }

func (p *Postgres) dataDir() string { return filepath.Join(p.dir, dataName) }

// Stop shuts the cluster down and returns when its processes are gone and the folder is free. Open transactions are
// rolled back. When ctx or PostgresOptions.Stop runs out, PostgreSQL quits without a checkpoint: nothing committed is
// lost, the next start replays the log. A second call waits for the first.
func (p *Postgres) Stop(ctx context.Context) error {
	p.mu.Lock()
	first, running := !p.stopped, p.child
	if first {
		p.stopped = true
		close(p.stop)
		p.said.expectEnd()
	}
	p.mu.Unlock()
	if !first {
		<-p.done
		return nil
	}
	err := p.end(ctx, running)
	<-p.done
	return errors.Join(err, p.lock.Unlock())
}

// end goes from polite to certain.
func (p *Postgres) end(ctx context.Context, running *child) error {
	first := syscall.SIGINT
	if p.options.Throwaway {
		first = syscall.SIGQUIT
	}
	fast, cancel := context.WithTimeout(ctx, cmp.Or(p.options.Stop, fastPatience))
	defer cancel()
	running.process.Signal(first) // an error means it is gone already, which the wait sees
	if running.awaitExit(fast) {
		return nil
	}
	p.log.Warn("PostgreSQL did not stop in time; it quits without a checkpoint", "pid", running.process.Pid)
	running.process.Signal(syscall.SIGQUIT)
	quit, cancelQuit := context.WithTimeout(context.WithoutCancel(ctx), p.quitPatience)
	defer cancelQuit()
	if running.awaitExit(quit) {
		return nil
	}
	if err := killFamily(running.process.Pid); err != nil {
		return fmt.Errorf("kill PostgreSQL %d: %w", running.process.Pid, err)
	}
	<-running.exited
	return nil
}

// Kill sends SIGKILL to every process of the cluster, as a fault test's power cut for PostgreSQL alone. Supervision
// starts it again.
func (p *Postgres) Kill() error {
	pid := p.PID()
	if pid == 0 {
		return errors.New("kill PostgreSQL: it is not running")
	}
	return killFamily(pid)
}
