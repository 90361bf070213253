package embeddedtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/paymint/paymint/eventstore/embedded"
)

const (
	startPatience = 2 * time.Minute // machines that run several test binaries at once are slow
	stopPatience  = 20 * time.Second

	folderPrefix = "paymint-test-"
	// staleAfter spares the folders of binaries that still run; a killed binary's folder is swept after it.
	staleAfter = 2 * time.Hour
)

// binary is what one test binary shares. It is the one piece of global state in the project: go test offers no other
// place that outlives a test and ends before the process does.
var binary struct {
	sync.Mutex
	hasMain   bool
	started   bool
	server    *embedded.Postgres // nil when PAYMINT_TEST_DATABASE_URL is used
	dir       string
	url       string // of the superuser, database postgres
	err       error
	templates map[uintptr]*template
}

// Main runs the package's tests, ends what they share and exits. Call it from TestMain.
func Main(m *testing.M) {
	binary.hasMain = true
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, "embeddedtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func end() error {
	binary.Lock()
	defer binary.Unlock()
	if binary.server == nil {
		return dropTemplates()
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	return errors.Join(binary.server.Stop(ctx), os.RemoveAll(binary.dir))
}

// serverURL starts the shared server on first use.
func serverURL(t testing.TB) string {
	t.Helper()
	binary.Lock()
	defer binary.Unlock()
	if !binary.hasMain {
		t.Fatal("embeddedtest: add `func TestMain(m *testing.M) { embeddedtest.Main(m) }` to this package")
	}
	if !binary.started {
		binary.started = true
		binary.err = start()
	}
	if binary.err != nil {
		t.Fatalf("embeddedtest: %v", binary.err)
	}
	return binary.url
}

func start() (err error) {
	binary.templates = map[uintptr]*template{}
	if binary.url = os.Getenv("PAYMINT_TEST_DATABASE_URL"); binary.url != "" {
		return nil
	}
	sweep(os.TempDir())
	if binary.dir, err = reachableDir(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	binary.server, err = embedded.StartPostgres(ctx, embedded.PostgresOptions{
		Dir:       filepath.Join(binary.dir, "postgres"),
		Bin:       os.Getenv("PAYMINT_POSTGRES_BIN"),
		Throwaway: true,
	})
	if err != nil {
		return errors.Join(err, os.RemoveAll(binary.dir))
	}
	binary.url = binary.server.URL("", "")
	return nil
}

// reachableDir is a temporary folder whose path an ordinary user can walk: as root PostgreSQL runs as somebody else,
// and what os.MkdirTemp and t.TempDir make is closed to others.
func reachableDir() (string, error) {
	dir, err := os.MkdirTemp("", folderPrefix)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711)
}

// sweep removes what killed test binaries left. Nothing depends on its success.
func sweep(parent string) {
	entries, _ := os.ReadDir(parent)
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !strings.HasPrefix(entry.Name(), folderPrefix) || time.Since(info.ModTime()) < staleAfter {
			continue
		}
		dir := filepath.Join(parent, entry.Name())
		lock, err := embedded.Lock(filepath.Join(dir, "postgres"))
		if err != nil {
			continue
		}
		os.RemoveAll(dir)
		lock.Unlock()
	}
}

// Dir is like t.TempDir, but usable for a PostgreSQL that a test starts itself while running as root.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := reachableDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove test folder: %v", err)
		}
	})
	return dir
}

// execute runs one statement as the superuser.
func execute(ctx context.Context, url, statement string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statement)
	return err
}
