package embedded

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestKilledParentTakesPostgresAlongOrTheNextStartStopsIt(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	other, said := otherSelf(t, "postgres", dir, true)
	pid, err := strconv.Atoi(strings.TrimPrefix(said[0], "pid "))
	if err != nil {
		t.Fatal(err)
	}
	kill(other)

	begin := time.Now()
	server := start(t, PostgresOptions{Dir: dir}) // at once: the old postgres may still be leaving
	t.Logf("running again %s after kill -9", time.Since(begin).Round(time.Millisecond))
	if alive(pid) {
		t.Errorf("the killed process's PostgreSQL %d still runs", pid)
	}
	if n, err := ask(t, server.URL("", ""), `SELECT n::text FROM kept`); err != nil || n != "42" {
		t.Errorf("row %q, error %v; want 42", n, err)
	}
}

func TestOrphanIsStoppedByTheNextStart(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	first := start(t, PostgresOptions{Dir: dir})
	mustRun(t, first, `CREATE TABLE kept (n int)`)
	stop(t, first)
	// What systems without parent-death signals leave behind: the same postgres, in nobody's care.
	orphan, err := command{
		program: filepath.Join(first.bin, "postgres"), args: first.flags(), dir: first.dir, as: first.account,
	}.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { orphan.process.Kill(); <-orphan.exited })
	eventually(t, "the orphan is up", func() bool {
		status, ok := readPIDFile(first.DataDir())
		return ok && status.status == statusReady
	})

	second := start(t, PostgresOptions{Dir: dir})
	<-orphan.exited
	if _, err := ask(t, second.URL("", ""), `SELECT count(*)::text FROM kept`); err != nil {
		t.Error(err)
	}
}

func TestProcessIdTakenByAStrangerDoesNotBlockTheStart(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	first := start(t, PostgresOptions{Dir: dir})
	stop(t, first)
	stranger, err := command{program: "/bin/sleep", args: []string{"600"}, dir: "/", as: first.account}.start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stranger.process.Kill(); <-stranger.exited })
	stale := strconv.Itoa(stranger.process.Pid) + "\n" + first.DataDir() + "\n1\n5432\n/nowhere\n\n0 0\nready\n"
	path := filepath.Join(first.DataDir(), pidFileName)
	if err := os.WriteFile(path, []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := first.account.give(path); err != nil {
		t.Fatal(err)
	}

	start(t, PostgresOptions{Dir: dir})
	if stranger.gone() {
		t.Error("the stranger was stopped")
	}
}

func TestKillDuringTheFirstStartDoesNotSpoilTheNext(t *testing.T) {
	t.Parallel()
	for _, moment := range []string{"", "/PG_VERSION", "/global/pg_control", "/base/5"} {
		t.Run("at"+strings.ReplaceAll(moment, "/", "_"), func(t *testing.T) {
			t.Parallel()
			dir := openDir(t)
			other, _ := otherSelf(t, "postgres", dir, false)
			eventually(t, "initdb is at work", func() bool {
				found, _ := filepath.Glob(filepath.Join(dir, halfName+"????????"+moment))
				_, whole := os.Stat(filepath.Join(dir, dataName))
				return len(found) > 0 || whole == nil
			})
			kill(other)
			if _, err := os.Stat(filepath.Join(dir, dataName)); err == nil {
				t.Log("the kill came after the cluster was whole")
			}
			start(t, PostgresOptions{Dir: dir})
		})
	}
}

func TestKilledPostgresComesBackWithItsData(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresOptions{Dir: openDir(t), TCP: true})
	mustRun(t, server, `CREATE TABLE kept (n int)`)
	url := server.TCPURL("", "")
	for round := range 3 {
		mustRun(t, server, `INSERT INTO kept VALUES (1)`)
		begin := time.Now()
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		want := strconv.Itoa(round + 1)
		eventually(t, "PostgreSQL answers again on the same URL", func() bool {
			count, err := ask(t, url, `SELECT count(*)::text FROM kept`)
			if err == nil && count != want {
				t.Errorf("%s rows after the kill, want %s", count, want)
			}
			return err == nil && server.Restarts() == int64(round+1)
		})
		t.Logf("back after %s", time.Since(begin).Round(time.Millisecond))
	}
}

func TestKilledPostmasterAloneComesBack(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresOptions{Dir: openDir(t)})
	begin := time.Now()
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "PostgreSQL answers again", func() bool {
		_, err := ask(t, server.URL("", ""), `SELECT 'up'`)
		return err == nil && server.Restarts() > 0
	})
	t.Logf("back after %s", time.Since(begin).Round(time.Millisecond))
}

func TestStopDuringBackOffEndsSupervision(t *testing.T) {
	t.Parallel()
	server := start(t, PostgresOptions{Dir: openDir(t)})
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	stop(t, server)
	if server.PID() != 0 {
		t.Errorf("process %d after Stop", server.PID())
	}
}
