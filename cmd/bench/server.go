package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is `paymint up` as a user starts it: embedded PostgreSQL and NATS,
// durable, all workers in one process, on a data folder of its own.
type server struct {
	command *exec.Cmd
	dataDir string
	Address string // host:port
	Secret  string
}

const startTimeout = 60 * time.Second

// startServer runs binary up on dataDir and waits until it is ready.
func startServer(ctx context.Context, binary, dataDir string, environment ...string) (*server, error) {
	logFile, err := os.OpenFile(filepath.Join(filepath.Dir(dataDir), "server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	_ = os.Remove(filepath.Join(dataDir, "dev.json"))
	command := exec.Command(binary, "up", "--data-dir", dataDir, "--listen", "127.0.0.1:0", "--no-rate-limits") //nolint:gosec // our own binary
	command.Env = append(os.Environ(), environment...)
	command.Stdout, command.Stderr = logFile, logFile
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	s := &server{command: command, dataDir: dataDir}
	if err := s.waitReady(ctx); err != nil {
		_ = s.stop()
		return nil, fmt.Errorf("%w; its log is %s", err, logFile.Name())
	}
	return s, nil
}

func (s *server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for ctx.Err() == nil {
		if s.readDevFile() == nil {
			if answer, err := http.Get("http://" + s.Address + "/readyz"); err == nil { //nolint:noctx // bounded by the loop
				_ = answer.Body.Close()
				if answer.StatusCode == http.StatusOK {
					return nil
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("paymint up was not ready within " + startTimeout.String())
}

func (s *server) readDevFile() error {
	text, err := os.ReadFile(filepath.Join(s.dataDir, "dev.json"))
	if err != nil {
		return err
	}
	var dev struct {
		BaseURL   string `json:"base_url"`
		SecretKey string `json:"secret_key"`
	}
	if err := json.Unmarshal(text, &dev); err != nil {
		return err
	}
	base, err := url.Parse(dev.BaseURL)
	if err != nil {
		return err
	}
	s.Address, s.Secret = base.Host, dev.SecretKey
	return nil
}

func (s *server) pid() int { return s.command.Process.Pid }

func (s *server) usage() usage { return measureUsage(s.pid(), s.dataDir) }

// stop ends the server as Ctrl-C does.
func (s *server) stop() error {
	_ = s.command.Process.Signal(syscall.SIGINT)
	done := make(chan error, 1)
	go func() { done <- s.command.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(startTimeout):
		_ = s.command.Process.Kill()
		return errors.New("paymint up did not stop; killed")
	}
}

// metrics reads every sample of /metrics, by its name with labels as printed.
func (s *server) metrics() (map[string]float64, error) {
	answer, err := http.Get("http://" + s.Address + "/metrics") //nolint:noctx // loopback
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	samples := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if number, err := strconv.ParseFloat(value, 64); ok && err == nil && !strings.HasPrefix(line, "#") {
			samples[name] = number
		}
	}
	return samples, nil
}
