package embedded

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// Early exits have causes that pass: backends of a killed postmaster still hold the old shared memory for a second
	// or two, or somebody took the free port between our look and postgres's.
	launchAttempts = 6
	launchPause    = 400 * time.Millisecond

	restartPauseMin  = 100 * time.Millisecond
	restartPauseMax  = 2 * time.Second  // a full disk that gets room again is noticed within this
	announcePatience = 10 * time.Minute // replaying a full log takes seconds; this only bounds the goroutine
	stableAfter      = time.Minute      // a life this long starts the back-off afresh
)

var errStopped = errors.New("PostgreSQL was asked to stop")

// firstLaunch starts postgres until it answers, a bounded number of times.
func (p *Postgres) firstLaunch(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		if err := p.choosePort(); err != nil {
			return err
		}
		running, err := p.launch()
		if err != nil {
			return err
		}
		err = p.awaitReady(ctx, running)
		if err == nil {
			return nil
		}
		exited := running.gone()
		if !exited {
			err = errors.Join(err, p.end(context.WithoutCancel(ctx), running))
		}
		if !exited || attempt == launchAttempts || !pause(ctx.Done(), launchPause) {
			return err
		}
	}
}

func (p *Postgres) choosePort() (err error) {
	p.port = quietPort
	if p.options.TCP {
		p.port, err = freePort()
	}
	return err
}

// launch starts one postgres process, unless Stop came first.
func (p *Postgres) launch() (*child, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return nil, errStopped
	}
	p.said.forget()
	onOurDeath := syscall.SIGINT // checkpoint and leave: the next start needs no recovery
	if p.options.Throwaway {
		onOurDeath = syscall.SIGQUIT
	}
	running, err := command{
		program: filepath.Join(p.bin, "postgres"), args: p.flags(), dir: p.dir, as: p.account, output: p.said,
		onOurDeath: onOurDeath,
	}.start()
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL in %s: %w", p.bin, err)
	}
	p.child = running
	return running, nil
}

// awaitReady returns once this very process answers a query. It reads postgres's own status file first, because
// connecting too early only fills the log.
func (p *Postgres) awaitReady(ctx context.Context, running *child) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		status, ok := readPIDFile(p.dataDir())
		if ok && status.pid == running.process.Pid && status.status == statusReady {
			if err := p.ping(ctx); err == nil || ctx.Err() != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-running.exited:
			return fmt.Errorf("PostgreSQL ended while starting (%v): %s", running.err, p.said.lastWords()) //nolint:errorlint // nil after a clean exit
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL did not answer in time: %w", ctx.Err())
		}
	}
}

func (p *Postgres) ping(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.URL("", ""))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return conn.Ping(ctx)
}

// supervise keeps one postgres alive until Stop. The port and the socket stay the same, so connection strings stay
// valid.
func (p *Postgres) supervise() {
	defer close(p.done)
	wait := restartPauseMin
	for {
		p.mu.Lock()
		running := p.child
		p.mu.Unlock()
		begin := time.Now()
		<-running.exited
		if time.Since(begin) > stableAfter {
			wait = restartPauseMin
		}
		if !p.restart(running, &wait) {
			return
		}
	}
}

// restart returns true with a new process in place, false when Stop came first.
func (p *Postgres) restart(ended *child, wait *time.Duration) bool {
	select {
	case <-p.stop:
		return false
	default:
	}
	p.log.Error("PostgreSQL ended by itself and is started again", "status", ended.err, "last_words", p.said.lastWords(), "pause", *wait)
	for {
		if !pause(p.stop, *wait) {
			return false
		}
		*wait = min(*wait*2, restartPauseMax)
		p.restarts.Add(1)
		begin := time.Now()
		running, err := p.launch()
		if errors.Is(err, errStopped) {
			return false
		}
		if err != nil {
			p.log.Error("PostgreSQL could not be started again", "error", err)
			continue
		}
		go p.announce(running, begin)
		return true
	}
}

// announce tells the log when the new process answers; its early end is told by supervise.
func (p *Postgres) announce(running *child, begin time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), announcePatience)
	defer cancel()
	if err := p.awaitReady(ctx, running); err == nil {
		p.log.Warn("PostgreSQL is back", "pid", running.process.Pid, "took", time.Since(begin))
	}
}

// pause waits; false means it was cut short.
func pause(cut <-chan struct{}, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-cut:
		return false
	}
}
