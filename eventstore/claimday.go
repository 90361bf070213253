package eventstore

import "time"

const day = 24 * time.Hour

// ClaimDay is the UTC midnight that begins the day of at.
func ClaimDay(at time.Time) time.Time { return at.UTC().Truncate(day) }

// ClaimWindow is the time in which a claim counts at the time at: from inclusive,
// until exclusive, both UTC midnights.
func ClaimWindow(at time.Time) (from, until time.Time) {
	today := ClaimDay(at)
	return today.Add(-ClaimDaysBack * day), today.Add((ClaimDaysAhead + 1) * day)
}
