package commands_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"context"

	"github.com/google/uuid"

	"github.com/paymint/paymint/commands"
	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/domain/refusal"
	"github.com/paymint/paymint/eventstore"
)

func refusedWith(err error, code refusal.Code) bool {
	r, is := errors.AsType[*refusal.Refusal](err)
	return is && r.Code == code
}

func TestAKeyIsShownOnceAndCanBeFoundAndVerified(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	issued, err := w.desk.IssueKey(t.Context(), commands.Call{}, commands.IssueKey{Merchant: w.principal.Merchant, Kind: access.KindSecret})
	if err != nil {
		t.Fatal(err)
	}
	digest := issued.Secret.Digest(w.config.Pepper)
	if issued.Key.Digest != hex.EncodeToString(digest[:]) || !commands.VerifySecret(issued.Key.Hash, issued.Secret) || !issued.Key.Scopes.Has(access.MerchantAdmin) {
		t.Errorf("%+v", issued.Key)
	}
	other := access.NewSecret([32]byte{1}, access.KindSecret, false)
	for _, hash := range []string{issued.Key.Hash, "", "$argon2id$v=19$m=19456,t=0,p=1$AA$AA", strings.Replace(issued.Key.Hash, "argon2id", "argon2i", 1)} {
		if commands.VerifySecret(hash, other) {
			t.Errorf("another secret passes for %q", hash)
		}
	}
	events, err := w.log.ReadStream(t.Context(), issued.Key.ID.UUID(), 0, 10)
	if err != nil || len(events) != 1 || bytes.Contains(events[0].Body, []byte(issued.Secret.Reveal())) {
		t.Errorf("%d events, %v: the log must not hold the secret", len(events), err)
	}
	owner := commands.Call{Principal: w.principal}
	stranger := commands.Call{Principal: access.Principal{Merchant: id.From[id.Merchant](uuid.Must(uuid.NewV7()))}}
	if _, err := w.desk.RevokeKey(t.Context(), stranger, issued.Key.ID, access.Revoke{}); !refusedWith(err, refusal.NotFound) {
		t.Errorf("by a stranger: %v", err)
	}
	if revoked, err := w.desk.RevokeKey(t.Context(), owner, issued.Key.ID, access.Revoke{Reason: "leaked"}); err != nil || !revoked.Key.Revoked {
		t.Errorf("%+v, %v", revoked, err)
	}
	if _, err := w.desk.RevokeKey(t.Context(), owner, issued.Key.ID, access.Revoke{}); !refusedWith(err, refusal.KeyRevoked) {
		t.Errorf("again: %v", err)
	}
}

func TestAHashIsSaltedAndSaysItsCost(t *testing.T) {
	t.Parallel()
	secret := access.NewSecret([32]byte{1}, access.KindSecret, true)
	one, err := commands.HashSecret(rand.Reader, secret)
	two, err2 := commands.HashSecret(rand.Reader, secret)
	if err != nil || err2 != nil || one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("%q, %q, %v, %v", one, two, err, err2)
	}
}

func TestAMerchantsLifeAtTheDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.principal.Merchant
	for _, step := range []struct {
		do   func() (commands.MerchantReply, error)
		want merchant.Status
	}{
		{func() (commands.MerchantReply, error) {
			return w.desk.SuspendMerchant(t.Context(), commands.Call{}, m, suspension)
		}, merchant.StatusSuspended},
		{func() (commands.MerchantReply, error) {
			return w.desk.ThawMerchant(t.Context(), commands.Call{}, m, merchant.Thaw{})
		}, merchant.StatusActive},
		{func() (commands.MerchantReply, error) {
			return w.desk.TerminateMerchant(t.Context(), commands.Call{}, m, merchant.Terminate{Reason: "left"})
		}, merchant.StatusTerminated},
	} {
		reply, err := step.do()
		if found, _ := w.config.Merchants.Find(t.Context(), m); err != nil || reply.State.Status != step.want || found.Status != step.want {
			t.Errorf("%s, %v, found %s; want %s", reply.State.Status, err, found.Status, step.want)
		}
	}
	if _, err := w.desk.CreateMerchant(t.Context(), commands.Call{}, merchant.Create{}); !refusedWith(err, refusal.ParameterInvalid) {
		t.Errorf("an empty merchant: %v", err)
	}
}

func TestTheTestClockMovesTestModeOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	live := w.call("", "")
	live.Principal.Livemode = true
	if _, err := w.desk.AdvanceTestClock(t.Context(), live, time.Hour); !refusedWith(err, refusal.TestClockInvalid) {
		t.Errorf("live: %v", err)
	}
	if reply, err := w.desk.AdvanceTestClock(t.Context(), w.call("", ""), time.Hour); err != nil || reply.State.ClockOffset != time.Hour {
		t.Errorf("%+v, %v", reply.State, err)
	}
	if _, err := w.desk.AdvanceTestClock(t.Context(), w.call("", ""), -time.Hour); !refusedWith(err, refusal.TestClockInvalid) {
		t.Errorf("back: %v", err)
	}
}

// countedStreams counts reads, and lets a test act in the middle of one.
type countedStreams struct {
	commands.Streams
	reads  atomic.Int64
	during func()
}

func (c *countedStreams) ReadStreams(ctx context.Context, streams []uuid.UUID) (map[uuid.UUID][]eventstore.Event, error) {
	c.reads.Add(1)
	found, err := c.Streams.ReadStreams(ctx, streams)
	if c.during != nil {
		c.during()
	}
	return found, err
}

func TestMerchantsAreReadTogetherAndRememberedForASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		counted := &countedStreams{Streams: w.log, during: func() { time.Sleep(time.Millisecond) }}
		cache := commands.NewMerchantCache(counted, time.Now)
		var found sync.Map
		crowd(100, func(i int) {
			m := w.principal.Merchant
			if i%2 == 1 {
				m = id.From[id.Merchant](uuid.Must(uuid.NewV7())) // nobody
			}
			state, err := cache.Find(t.Context(), m)
			if err != nil || state.Exists() != (i%2 == 0) {
				t.Errorf("find: %+v, %v", state, err)
			}
			found.Store(i, state)
		})
		if n := counted.reads.Load(); n > 3 {
			t.Errorf("%d reads for a crowd that came at once", n)
		}
		before := counted.reads.Load()
		if _, err := cache.Find(t.Context(), w.principal.Merchant); err != nil || counted.reads.Load() != before {
			t.Errorf("known, and read again: %v", err)
		}
		time.Sleep(commands.MerchantAgeMax)
		if _, err := cache.Find(t.Context(), w.principal.Merchant); err != nil || counted.reads.Load() != before+1 {
			t.Errorf("a second old, and not read again: %v", err)
		}
	})
}

func TestWhatWasReadAcrossAForgetIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	counted := &countedStreams{Streams: w.log}
	cache := commands.NewMerchantCache(counted, time.Now)
	counted.during = func() { cache.Forget(w.principal.Merchant) }
	if _, err := cache.Find(t.Context(), w.principal.Merchant); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Find(t.Context(), w.principal.Merchant); err != nil || counted.reads.Load() != 2 {
		t.Errorf("%d reads, %v; want 2", counted.reads.Load(), err)
	}
}
