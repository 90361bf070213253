package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestProbeTellsReadyFromNotReady(t *testing.T) {
	t.Parallel()
	ready := answering(t, http.StatusOK, "ok")
	notReady := answering(t, http.StatusServiceUnavailable, "projector is 4,000 events behind")

	if err := probe(t.Context(), ready); err != nil {
		t.Errorf("ready server: %v", err)
	}
	if err := probe(t.Context(), notReady); err == nil || !strings.Contains(err.Error(), "4,000 events behind") {
		t.Errorf("server that is not ready: %v, want its reason", err)
	}
}

func TestProbeGivesUpOnASilentServer(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := probe(ctx, silent.URL); err == nil {
		t.Error("a server that never answers passed for healthy")
	}
}

func TestProbeFailsWhereNobodyListens(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	if err := probe(t.Context(), gone.URL); err == nil {
		t.Error("a closed port passed for healthy")
	}
}

func answering(t *testing.T, status int, body string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}
