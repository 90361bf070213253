package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSecondStartFindsTheData(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	first := start(t, PostgresOptions{Dir: dir})
	mustRun(t, first, `CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)`)
	stop(t, first)
	if first.PID() != 0 {
		t.Errorf("process %d after Stop", first.PID())
	}

	second := start(t, PostgresOptions{Dir: dir})
	if n, err := ask(t, second.URL("", ""), `SELECT n::text FROM kept`); err != nil || n != "42" {
		t.Errorf("row %q, error %v; want 42", n, err)
	}
}

func TestRunningClusterIsDurableAndPrivate(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresOptions{Dir: openDir(t), SharedBuffers: "32MB", Settings: map[string]string{"work_mem": "9MB"}})
	for name, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on",
		"listen_addresses": "", "server_encoding": "UTF8", "lc_collate": "C", "shared_buffers": "32MB", "work_mem": "9MB",
		"jit": "off", "autovacuum": "on", "wal_level": "minimal",
	} {
		query := "SELECT current_setting('" + name + "')"
		if name == "lc_collate" {
			query = "SELECT datcollate FROM pg_database WHERE datname = current_database()"
		}
		if got, err := ask(t, server.URL("", ""), query); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
	for _, path := range []string{server.DataDir(), server.socketDir, filepath.Join(server.dir, secretName)} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v, error %v; want it closed to others", path, info.Mode(), err)
		}
	}
}

func TestEachRoleNeedsItsOwnPassword(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresOptions{Dir: openDir(t), TCP: true})
	ctx := t.Context()
	for range 2 { // the second time finds them
		if err := errors.Join(server.CreateDatabase(ctx, "shop"), server.CreateRole(ctx, "app"), server.CreateRole(ctx, "vault")); err != nil {
			t.Fatal(err)
		}
	}
	for _, url := range []string{server.URL("shop", "app"), server.TCPURL("shop", "app")} {
		if who, err := ask(t, url, `SELECT current_user || ' in ' || current_database()`); err != nil || who != "app in shop" {
			t.Errorf("connected as %q, error %v; want app in shop", who, err)
		}
		stolen := strings.Replace(url, "app:", "vault:", 1)
		if _, err := ask(t, stolen, `SELECT 'in'`); err == nil {
			t.Error("one role's password opened another role")
		}
		bare := strings.Replace(url, ":"+server.Password("app")+"@", "@", 1)
		if _, err := ask(t, bare, `SELECT 'in'`); err == nil {
			t.Error("logged in without a password")
		}
	}
}

func TestSecondClusterOnOneFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	server := start(t, PostgresOptions{Dir: dir, Throwaway: true})
	_, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir})
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("second start: %v, want ErrLocked", err)
	}
	if _, err := ask(t, server.URL("", ""), `SELECT 'alive'`); err != nil {
		t.Errorf("the refused start disturbed the first: %v", err)
	}
}

func TestLongFolderGetsAShortSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), strings.Repeat("deep/", 25))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server := start(t, PostgresOptions{Dir: dir, Throwaway: true})
	t.Cleanup(func() { os.RemoveAll(server.socketDir) })
	if strings.HasPrefix(server.socketDir, dir) {
		t.Errorf("socket in %s, want a short folder", server.socketDir)
	}
}

func TestForeignSocketFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "taken")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	who := account{uid: uint32(os.Geteuid())}
	if err := who.privateDir(dir); err == nil {
		t.Error("a folder that others may write to was accepted for the socket")
	}
}

func TestRootWithAClosedFolderKeepsDataElsewhere(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED LOUDLY: needs root, which alone drops to another user")
	}
	closed := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "postgres")
	moved := movedPlace(dir)
	t.Cleanup(func() {
		os.RemoveAll(moved)
		os.Remove(movedRoot) // only when nothing else is in it
	})
	first := start(t, PostgresOptions{Dir: dir})
	if filepath.Dir(first.DataDir()) != moved {
		t.Errorf("data in %s, want %s", first.DataDir(), moved)
	}
	mustRun(t, first, `CREATE TABLE kept (n int)`)
	stop(t, first)

	if err := os.Chmod(filepath.Dir(closed), 0o755); err != nil { // the folder opens later: the data stays where it is
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o755); err != nil {
		t.Fatal(err)
	}
	second := start(t, PostgresOptions{Dir: dir})
	if _, err := ask(t, second.URL("", ""), `SELECT count(*)::text FROM kept`); err != nil {
		t.Errorf("after the folder was opened: %v", err)
	}
}

func TestStopEndsAPostgresThatDoesNotListen(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresOptions{Dir: openDir(t), Stop: 100 * time.Millisecond})
	server.quitPatience = 200 * time.Millisecond
	pid := server.PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if alive(pid) {
		t.Errorf("process %d still runs", pid)
	}
}

func TestCancelledStartLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if _, err := StartPostgres(ctx, PostgresOptions{Dir: dir}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want the deadline", err)
	}
	start(t, PostgresOptions{Dir: dir})
}

func TestWrongSettingIsReportedInPostgresWords(t *testing.T) {
	t.Parallel()
	_, err := StartPostgres(t.Context(), PostgresOptions{Dir: openDir(t), Throwaway: true, Settings: map[string]string{"no_such_setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error %v, want PostgreSQL's own words", err)
	}
}

func TestMissingSecretIsToldBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	server := start(t, PostgresOptions{Dir: dir, Throwaway: true})
	stop(t, server)
	if err := os.Remove(filepath.Join(dir, secretName)); err != nil {
		t.Fatal(err)
	}
	if _, err := StartPostgres(t.Context(), PostgresOptions{Dir: dir}); err == nil || !strings.Contains(err.Error(), secretName) {
		t.Errorf("error %v, want it to name the missing file", err)
	}
}
