package invariants

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// drainPause is between two looks at who still follows.
const drainPause = 25 * time.Millisecond

// drain waits, at most Patience, until the relay and every view have reached the
// heads, and notes how far each has come. Nobody is waited for when nobody works.
func (k *check) drain(ctx context.Context) error {
	until := time.Now().Add(k.Patience)
	for {
		behind, err := k.look(ctx)
		if err != nil {
			return err
		}
		if behind == "" {
			return nil
		}
		if k.Idle || !time.Now().Before(until) {
			k.note("%s", behind)
			return nil
		}
		select {
		case <-time.After(drainPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look notes how far everybody is, and says who is behind.
func (k *check) look(ctx context.Context) (_ string, err error) {
	var behind []string
	k.relayed = make(map[int]int64, len(k.lanes))
	k.projected = make([]map[int]int64, len(k.Views))
	for i := range k.Views {
		k.projected[i] = make(map[int]int64, len(k.lanes))
	}
	for _, lane := range k.lanes {
		if k.Broker != nil {
			if _, k.relayed[lane], err = k.Broker.Bounds(ctx, lane); err != nil {
				return "", fmt.Errorf("look at the stream of lane %d: %w", lane, err)
			}
			behind = k.lag(behind, "JetStream", lane, k.relayed[lane])
		}
		for i, view := range k.Views {
			if k.projected[i][lane], err = view.Checkpoint(ctx, lane); err != nil {
				return "", fmt.Errorf("read the checkpoint of %s: %w", view.Name(), err)
			}
			behind = k.lag(behind, view.Name(), lane, k.projected[i][lane])
		}
	}
	return strings.Join(behind, ", "), nil
}

func (k *check) lag(behind []string, who string, lane int, reached int64) []string {
	if head := k.heads[lane]; reached < head {
		return append(behind, fmt.Sprintf("%s is %d events behind lane %d", who, head-reached, lane))
	}
	return behind
}
