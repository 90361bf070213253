package main_test

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
)

// natsProcess is the nats-server of our go.mod as a process, which can be killed as
// nothing inside a process can.
type natsProcess struct {
	t       *testing.T
	program string
	address string
	store   string
	running *exec.Cmd
	output  bytes.Buffer
}

func startNATSProcess(t *testing.T) *natsProcess {
	t.Helper()
	n := &natsProcess{t: t, program: filepath.Join(t.TempDir(), "nats-server"), address: freeAddress(t), store: t.TempDir()}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", n.program, "github.com/nats-io/nats-server/v2").CombinedOutput(); err != nil {
		t.Fatalf("build nats-server: %v\n%s", err, out)
	}
	n.start()
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			t.Logf("nats-server said:\n%s", tailOf(n.output.String(), 4<<10))
		}
	})
	return n
}

func (n *natsProcess) url() string { return "nats://paymint:secret@" + n.address }

// start returns once clients can connect.
func (n *natsProcess) start() {
	n.t.Helper()
	host, port, _ := net.SplitHostPort(n.address)
	n.running = exec.Command(n.program, "-a", host, "-p", port, "-js", "-sd", n.store, "--user", "paymint", "--pass", "secret")
	n.running.Stdout, n.running.Stderr = &n.output, &n.output
	if err := n.running.Start(); err != nil {
		n.t.Fatal(err)
	}
	waitFor(n.t, func() bool {
		conn, err := nats.Connect(n.url())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// kill is kill -9: nothing is flushed, no client is told.
func (n *natsProcess) kill() {
	_ = n.running.Process.Kill()
	_ = n.running.Wait()
}

// freeAddress is one that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
