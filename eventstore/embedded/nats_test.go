package embedded

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func startTestNATS(t *testing.T, o NATSOptions) *NATS {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	begin := time.Now()
	server, err := StartNATS(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("NATS was up after %s", time.Since(begin).Round(time.Microsecond))
	t.Cleanup(func() { stopTestNATS(t, server) })
	return server
}

func stopTestNATS(t *testing.T, server *NATS) {
	t.Helper()
	if err := server.Stop(); err != nil {
		t.Errorf("stop NATS: %v", err)
	}
}

func stream(t *testing.T, server *NATS, replicas int) (jetstream.JetStream, *nats.Conn) {
	t.Helper()
	conn, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	config := jetstream.StreamConfig{Name: "LOG", Subjects: []string{"log.>"}, Storage: jetstream.FileStorage, Replicas: replicas}
	if _, err := js.CreateOrUpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	return js, conn
}

func TestMessagesOutliveRestartAndStop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startTestNATS(t, NATSOptions{Dir: dir, SyncAlways: true, Listen: true})
	js, _ := stream(t, first, 1)
	url := first.ClientURL()
	for want := uint64(1); want <= 3; want++ {
		eventually(t, "a publish is acknowledged on the old connection", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // a message sent into the restart is lost
			defer cancel()
			ack, err := js.Publish(ctx, "log.entry", nil, jetstream.WithExpectLastSequence(want-1))
			return err == nil && ack.Sequence == want
		})
		if err := first.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	if first.ClientURL() != url {
		t.Errorf("restart moved the server from %s to %s", url, first.ClientURL())
	}
	stopTestNATS(t, first)
	if err := first.Restart(); !errors.Is(err, ErrNATSStopped) {
		t.Errorf("restart after stop: %v, want ErrNATSStopped", err)
	}

	second := startTestNATS(t, NATSOptions{Dir: dir})
	js, _ = stream(t, second, 1)
	found, err := js.Stream(t.Context(), "LOG")
	if err != nil {
		t.Fatal(err)
	}
	if last := found.CachedInfo().State.LastSeq; last != 3 {
		t.Errorf("last sequence %d, want 3", last)
	}
}

func TestSecondServerOnOneStoreIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startTestNATS(t, NATSOptions{Dir: dir})
	if _, err := StartNATS(NATSOptions{Dir: dir}); !errors.Is(err, ErrLocked) {
		t.Errorf("second server: %v, want ErrLocked", err)
	}
}

func TestListenerNeedsCredentials(t *testing.T) {
	t.Parallel()
	server := startTestNATS(t, NATSOptions{Dir: t.TempDir(), Listen: true})
	conn, err := nats.Connect(server.ClientURL())
	if err != nil {
		t.Fatalf("with the credentials: %v", err)
	}
	conn.Close()
	if conn, err := nats.Connect(server.server.ClientURL()); err == nil {
		conn.Close()
		t.Error("connected without credentials")
	}
}

func TestWithoutListenNothingListens(t *testing.T) {
	t.Parallel()
	server := startTestNATS(t, NATSOptions{Dir: t.TempDir()})
	if server.ClientURL() != "" || server.server.Addr() != nil {
		t.Errorf("listens on %v", server.server.Addr())
	}
}

func TestThreeServersReplicateAndSurviveTheLossOfOne(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	servers, err := StartNATSCluster(NATSOptions{Dir: filepath.Join(t.TempDir(), "cluster"), Listen: true}, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("three servers had a leader after %s", time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() {
		for _, each := range servers {
			stopTestNATS(t, each)
		}
	})
	js, _ := stream(t, servers[0], 3)
	publish := func() bool { return second(js.Publish(t.Context(), "log.entry", nil)) == nil }
	eventually(t, "a replicated publish", publish)
	stopTestNATS(t, servers[2])
	eventually(t, "a publish with two of three servers", publish)
}
