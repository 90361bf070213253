package api

import (
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/paymint/paymint/domain/access"
	"github.com/paymint/paymint/domain/id"
)

// tier is how often a key may call: a steady rate, and a burst above it.
type tier struct {
	perSecond int
	burst     int
	limit     []string // header values, made once
	policy    []string
}

func newTier(perSecond, burst int) *tier {
	return &tier{
		perSecond: perSecond, burst: burst,
		limit: []string{strconv.Itoa(perSecond)}, policy: []string{strconv.Itoa(perSecond) + ";w=1"},
	}
}

// limits holds a token bucket per key, in this process's memory. Buckets of keys
// that have not called for a while are full, so forgetting them changes nothing.
type limits struct {
	live, test, publishable, platform *tier

	now     func() time.Time
	mu      sync.Mutex
	buckets map[id.Key]*bucket
	swept   time.Time
}

type bucket struct {
	tier   *tier
	tokens *rate.Limiter
	last   time.Time
}

// sweepEvery is how often idle buckets are dropped; every bucket refills in less.
const sweepEvery = time.Minute

func newLimits(now func() time.Time) *limits {
	return &limits{
		live: newTier(100, 500), test: newTier(25, 100), publishable: newTier(10, 30), platform: newTier(200, 1000),
		now: now, buckets: make(map[id.Key]*bucket), swept: now(),
	}
}

func (l *limits) tierOf(p access.Principal) *tier {
	switch {
	case p.Platform:
		return l.platform
	case p.Kind == access.KindPublishable:
		return l.publishable
	case p.Livemode:
		return l.live
	}
	return l.test
}

// take asks for one request of the key. Wait is how long until the next may come.
func (l *limits) take(p access.Principal) (t *tier, left int, wait time.Duration) {
	now := l.now()
	l.mu.Lock()
	b := l.buckets[p.Key]
	if b == nil {
		t := l.tierOf(p)
		b = &bucket{tier: t, tokens: rate.NewLimiter(rate.Limit(t.perSecond), t.burst)}
		l.buckets[p.Key] = b
	}
	b.last = now
	if now.Sub(l.swept) > sweepEvery {
		l.sweep(now)
	}
	l.mu.Unlock()
	if b.tokens.AllowN(now, 1) {
		return b.tier, int(b.tokens.TokensAt(now)), 0
	}
	missing := 1 - b.tokens.TokensAt(now)
	return b.tier, 0, time.Duration(missing / float64(b.tier.perSecond) * float64(time.Second))
}

func (l *limits) sweep(now time.Time) {
	for key, b := range l.buckets {
		if now.Sub(b.last) > sweepEvery {
			delete(l.buckets, key)
		}
	}
	l.swept = now
}

// limit counts the request and writes the headers; 429 when there are too many.
func (x *exchange) limit() error {
	l := x.server.limits
	if l == nil {
		return nil
	}
	t, left, wait := l.take(x.principal)
	x.header["X-Ratelimit-Limit"] = t.limit
	x.header["X-Ratelimit-Policy"] = t.policy
	x.set("X-Ratelimit-Remaining", strconv.Itoa(left))
	refilled := x.started.Add(time.Duration(t.burst-left) * time.Second / time.Duration(t.perSecond))
	x.set("X-Ratelimit-Reset", strconv.FormatInt(refilled.Unix()+1, 10))
	if wait == 0 {
		return nil
	}
	f := fail(codeRateLimited, "Too many requests with this key.")
	f.retryAfter = seconds(wait.Seconds())
	return f
}
