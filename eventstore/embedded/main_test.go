package embedded

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// TestMain also plays the process that a test kills: see otherSelf.
func TestMain(m *testing.M) {
	if role := os.Getenv("EMBEDDED_TEST_ROLE"); role != "" {
		playOtherSelf(role, os.Getenv("EMBEDDED_TEST_DIR"))
		return
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines left behind:", err)
		code = 1
	}
	if left, err := childrenOf(os.Getpid()); err != nil || len(left) > 0 {
		fmt.Fprintln(os.Stderr, "processes left behind:", left, err)
		code = 1
	}
	os.Exit(code)
}

// playOtherSelf is the main function of a re-executed test binary. It says "ready" and waits to be killed.
func playOtherSelf(role, dir string) {
	switch role {
	case "lock":
		if _, err := Lock(dir); err != nil {
			fmt.Println(err)
			return
		}
	case "postgres":
		server, err := StartPostgres(context.Background(), PostgresOptions{Dir: dir})
		if err == nil {
			err = run(context.Background(), server, `CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)`)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("pid", server.PID())
	}
	fmt.Println("ready")
	select {}
}

// otherSelf runs this test binary again as another process and returns what it said before "ready". For role
// "postgres" with wait false it returns at once, so that the test can kill it in the middle of a first start.
func otherSelf(t *testing.T, role, dir string, wait bool) (*exec.Cmd, []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "EMBEDDED_TEST_ROLE="+role, "EMBEDDED_TEST_DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	if !wait {
		return cmd, nil
	}
	var said []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == "ready" {
			return cmd, said
		}
		said = append(said, lines.Text())
	}
	t.Fatalf("the other process ended early: %s", strings.Join(said, "; "))
	return nil, nil
}

// kill is kill -9 and waits until the process is reaped; a second call does nothing.
func kill(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

// openDir is a temporary folder that PostgreSQL's user can reach when the test runs as root.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "paymint-embedded-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start brings a durable cluster up for one test.
func start(t *testing.T, o PostgresOptions) *Postgres {
	t.Helper()
	begin := time.Now()
	server, err := StartPostgres(t.Context(), withLog(t, o))
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Logf("PostgreSQL answered after %s", time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t *testing.T, server *Postgres) {
	t.Helper()
	begin := time.Now()
	if err := server.Stop(context.Background()); err != nil {
		t.Errorf("stop PostgreSQL: %v", err)
	}
	t.Logf("PostgreSQL stopped after %s", time.Since(begin).Round(time.Millisecond))
}

func withLog(t *testing.T, o PostgresOptions) PostgresOptions {
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	return o
}

func run(ctx context.Context, server *Postgres, statements string) error {
	conn, err := pgx.Connect(ctx, server.URL("", ""))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, statements).ReadAll()
	return err
}

func mustRun(t *testing.T, server *Postgres, statements string) {
	t.Helper()
	if err := run(t.Context(), server, statements); err != nil {
		t.Fatal(err)
	}
}

// ask returns the text of a query's only value.
func ask(t *testing.T, url, query string) (string, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return "", err
	}
	defer conn.Close(t.Context())
	var answer string
	err = conn.QueryRow(t.Context(), query).Scan(&answer)
	return answer, err
}

// eventually waits for a condition, a bounded time.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}
