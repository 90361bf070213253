package sandbox

import (
	"sync"
	"time"
)

// Latency is a distribution of answer times by its marks, straight lines between
// them: half of the calls take up to P50, 95 of 100 up to P95, 99 up to P99, none
// more than Max. Marks must not fall.
type Latency struct {
	Min, P50, P95, P99, Max time.Duration
}

// Draw makes the function that Config.Latency wants. random(n) gives 0 … n-1; the
// same seed behind it gives the same latencies in the same order of calls. It is
// never called twice at once.
func (l Latency) Draw(random func(n int64) int64) func(Call) time.Duration {
	var mu sync.Mutex
	return func(Call) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return l.at(random(perMillion))
	}
}

const perMillion = 1_000_000

// at is the latency that share millionths of all calls stay below.
func (l Latency) at(share int64) time.Duration {
	marks := []struct {
		share int64
		value time.Duration
	}{{0, l.Min}, {500_000, l.P50}, {950_000, l.P95}, {990_000, l.P99}, {perMillion, l.Max}}
	for i := 1; i < len(marks); i++ {
		low, high := marks[i-1], marks[i]
		if share < high.share {
			return low.value + (high.value-low.value)*time.Duration(share-low.share)/time.Duration(high.share-low.share)
		}
	}
	return l.Max
}
