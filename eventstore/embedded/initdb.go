package embedded

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// superuser owns the cluster. The application's roles are made beside it with CreateRole.
const superuser = "paymint"

const (
	dataName    = "data"
	halfName    = "data.new-" // prefix of a cluster that is being made
	versionName = "PG_VERSION"
)

// initdb makes a new cluster in dir/data.
//
// It is made under another name and renamed when it is whole and synced. A kill or power cut before the rename leaves
// only a leftover that the next start sweeps; after the rename the cluster is complete. (initdb straight into place
// was once seen to leave a zero-filled configuration after a power cut, which PostgreSQL then refused for ever.)
func (p *Postgres) initdb(ctx context.Context) error {
	half := filepath.Join(p.dir, halfName+rand.Text()[:8])
	passwords := half + ".password"
	defer os.Remove(passwords)
	if err := os.WriteFile(passwords, []byte(password(p.secret, superuser)), 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(half, 0o700); err != nil {
		return err
	}
	if err := errors.Join(p.account.give(half), p.account.give(passwords)); err != nil {
		return err
	}
	args := []string{
		"-D", half, "-U", superuser, "--pwfile", passwords, "-A", "scram-sha-256",
		"-E", "UTF8", "--locale=C", "--data-checksums",
	}
	if p.options.Throwaway {
		args = append(args, "--no-sync")
	}
	if err := p.runInitdb(ctx, args); err != nil {
		os.RemoveAll(half)
		return err
	}
	return RenameDurably(half, filepath.Join(p.dir, dataName))
}

func (p *Postgres) runInitdb(ctx context.Context, args []string) error {
	var said bytes.Buffer
	running, err := command{
		program: filepath.Join(p.bin, "initdb"), args: args, dir: p.dir, as: p.account, output: &said,
		onOurDeath: syscall.SIGKILL,
	}.start()
	if err != nil {
		return fmt.Errorf("run initdb in %s: %w", p.bin, err)
	}
	select {
	case <-running.exited:
	case <-ctx.Done():
		running.process.Signal(syscall.SIGTERM) // initdb then removes what it made
		<-running.exited
		return fmt.Errorf("make database cluster in %s: %w", p.dir, ctx.Err())
	}
	if running.err != nil {
		return fmt.Errorf("make database cluster in %s: initdb: %w: %s", p.dir, running.err, lastLines(said.String(), 5))
	}
	return nil
}

// sweepHalfMade removes what a first start left that was cut short. A leftover that cannot be removed yet (its initdb
// is still dying) does no harm: the next one has another name.
func (p *Postgres) sweepHalfMade() {
	leftovers, _ := filepath.Glob(filepath.Join(p.dir, halfName+"*"))
	for _, leftover := range leftovers {
		if err := os.RemoveAll(leftover); err != nil {
			p.log.Debug("a half-made database cluster could not be removed; the next start tries again", "folder", leftover, "error", err)
		}
	}
}

// dataVersion is the major version that made the cluster in dir, 0 when there is none.
func dataVersion(dir string) (int, error) {
	text, err := os.ReadFile(filepath.Join(dir, dataName, versionName))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s in %s: %w", versionName, dir, err)
	}
	return version, nil
}

func lastLines(text string, count int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "; ")
}
