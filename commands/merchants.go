package commands

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/domain/id"
	"github.com/paymint/paymint/domain/merchant"
	"github.com/paymint/paymint/eventstore"
)

// Merchants finds how a merchant stands; one that does not exist is the zero State.
// An answer may be as old as the implementation says, but no older than a Forget of
// this process.
type Merchants interface {
	Find(ctx context.Context, merchant id.Merchant) (merchant.State, error)
	Forget(merchant id.Merchant)
}

// Streams reads whole streams, many at once.
type Streams interface {
	ReadStreams(ctx context.Context, streams []uuid.UUID) (map[uuid.UUID][]eventstore.Event, error)
}

const (
	// MerchantAgeMax is how old the cache's word on a merchant may be: a suspension
	// in another process takes hold within it.
	MerchantAgeMax = time.Second
	// merchantsMax bounds the cache; at 300 bytes each this is 30 MB.
	merchantsMax = 100_000
	// merchantReadsMax bounds one read, which others wait for.
	merchantReadsMax = 256
)

// MerchantCache answers for merchants from memory, and reads those it does not know
// (any more) together: whoever comes while a read is under way joins the next one,
// so that ten thousand merchants cost a few reads a second and not ten thousand.
type MerchantCache struct {
	streams Streams
	now     func() time.Time

	mu      sync.RWMutex
	known   map[id.Merchant]knownMerchant
	waiting []*merchantRead
	reading bool
	epoch   int // counts Forgets: what was read across one is not kept
}

type knownMerchant struct {
	state merchant.State
	until time.Time
}

// merchantRead is one merchant that somebody waits for.
type merchantRead struct {
	merchant id.Merchant
	done     chan struct{}
	state    merchant.State
	err      error
}

// NewMerchantCache makes an empty cache; now is wall time.
func NewMerchantCache(streams Streams, now func() time.Time) *MerchantCache {
	return &MerchantCache{streams: streams, now: now, known: map[id.Merchant]knownMerchant{}}
}

// Find implements Merchants.
func (c *MerchantCache) Find(ctx context.Context, m id.Merchant) (merchant.State, error) {
	c.mu.RLock()
	known, found := c.known[m]
	c.mu.RUnlock()
	if found && c.now().Before(known.until) {
		return known.state, nil
	}
	wanted := c.ask(ctx, m)
	select {
	case <-wanted.done:
		return wanted.state, wanted.err
	case <-ctx.Done():
		return merchant.State{}, ctx.Err()
	}
}

// Forget implements Merchants: the next Find reads, also where a read is under way.
func (c *MerchantCache) Forget(m id.Merchant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, m)
	c.epoch++
}

// ask joins the queue for m, and starts the reader if none runs.
func (c *MerchantCache) ask(ctx context.Context, m id.Merchant) *merchantRead {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.waiting {
		if r.merchant == m {
			return r
		}
	}
	r := &merchantRead{merchant: m, done: make(chan struct{})}
	c.waiting = append(c.waiting, r)
	if !c.reading {
		c.reading = true
		go c.read(context.WithoutCancel(ctx))
	}
	return r
}

// read serves the queue until it is empty.
func (c *MerchantCache) read(ctx context.Context) {
	for {
		c.mu.Lock()
		batch := c.waiting[:min(len(c.waiting), merchantReadsMax)]
		c.waiting = c.waiting[len(batch):]
		c.reading = len(batch) > 0
		epoch := c.epoch
		c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		asked := c.now() // what is read is at least as new as this
		states, err := c.fold(ctx, batch)
		c.answer(batch, states, err, epoch, asked.Add(MerchantAgeMax))
	}
}

func (c *MerchantCache) fold(ctx context.Context, batch []*merchantRead) (map[uuid.UUID]merchant.State, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	ids := make([]uuid.UUID, len(batch))
	for i, r := range batch {
		ids[i] = r.merchant.UUID()
	}
	streams, err := c.streams.ReadStreams(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read %d merchants: %w", len(batch), err)
	}
	states := make(map[uuid.UUID]merchant.State, len(streams))
	for stream, events := range streams {
		if states[stream], err = merchants.fold(events); err != nil {
			return nil, err
		}
	}
	return states, nil
}

func (c *MerchantCache) answer(batch []*merchantRead, states map[uuid.UUID]merchant.State, err error, epoch int, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known)+len(batch) > merchantsMax {
		clear(c.known)
	}
	for _, r := range batch {
		r.state, r.err = states[r.merchant.UUID()], err
		if err == nil && epoch == c.epoch {
			c.known[r.merchant] = knownMerchant{state: r.state, until: until}
		}
		close(r.done)
	}
}
