package api

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paymint/paymint/domain/access"
)

// hanging is a look-up whose database does not answer, until it is mended.
type hanging struct {
	mu     sync.Mutex
	asked  int
	mended bool
}

func (h *hanging) answer(ctx context.Context) error {
	h.mu.Lock()
	h.asked++
	mended := h.mended
	h.mu.Unlock()
	if mended {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (h *hanging) ByDigest(ctx context.Context, _ access.Digest) (access.Key, int, bool, error) {
	return access.Key{}, 0, false, h.answer(ctx)
}

func (h *hanging) Revision(ctx context.Context) (int64, error) { return 1, h.answer(ctx) }

func newHanging(t *testing.T) (*hanging, *keyring) {
	t.Helper()
	m, err := newMeter(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := new(hanging)
	return h, newKeyring(h, [][]byte{make([]byte, 32)}, time.Now, m)
}

func TestAHangingDatabaseIsWaitedForOnceByAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, k := newHanging(t)
		began := time.Now()
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				if f := translate(k.refreshRevision(t.Context())); f.Code != codeUnavailable {
					t.Errorf("answered %s", f.Code)
				}
			})
		}
		callers.Wait()
		if took := time.Since(began); took != askTimeout || h.asked != 1 {
			t.Errorf("%d questions in %v, want one in %v", h.asked, took, askTimeout)
		}
		h.mended = true
		if err := k.refreshRevision(t.Context()); err != nil || k.revision.Load() != 1 {
			t.Errorf("after it was mended: revision %d, %v", k.revision.Load(), err)
		}
	})
}

func TestWhoGivesUpDoesNotWaitForAnothersQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, k := newHanging(t)
		go func() { _ = k.refreshRevision(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := k.refreshRevision(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 100*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(askTimeout) // fake: lets the first end
	})
}

func TestTheLookUpOfAKeyEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, k := newHanging(t)
		began := time.Now()
		_, _, err := k.open(t.Context(), access.Secret{}, access.Digest{})
		if f := translate(err); f.Code != codeUnavailable || time.Since(began) != lookUpTimeout {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
