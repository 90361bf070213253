package projections

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"
)

// LabelsOf sorts metadata by key, so that the same metadata always gives the same bytes.
func LabelsOf(metadata map[string]string) []Label {
	if len(metadata) == 0 {
		return nil
	}
	labels := make([]Label, 0, len(metadata))
	for key, value := range metadata {
		labels = append(labels, Label{Key: key, Value: value})
	}
	slices.SortFunc(labels, func(a, b Label) int { return cmp.Compare(a.Key, b.Key) })
	return labels
}

// CreatedAt is the millisecond in which a resource's UUIDv7 was made, on the
// merchant's clock (effective differs from recorded when a test clock was moved).
// Taken from the id, the order of ids and the order of created_at are one and the
// same. An id of another version gives the time of the event.
func CreatedAt(resource uuid.UUID, recorded, effective time.Time) time.Time {
	if resource.Version() != 7 {
		return effective.UTC().Truncate(time.Millisecond)
	}
	milliseconds := int64(binary.BigEndian.Uint64(resource[:8]) >> 16)
	return time.UnixMilli(milliseconds).Add(effective.Sub(recorded)).UTC().Truncate(time.Millisecond)
}
