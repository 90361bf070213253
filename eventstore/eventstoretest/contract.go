// Package eventstoretest is the contract of the log as tests: what every store
// does, in memory and in PostgreSQL. A store that passes may stand under the
// whole product.
package eventstoretest

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paymint/paymint/eventstore"
)

// Log is what a store offers.
type Log interface {
	Append(ctx context.Context, lane int, c eventstore.Command) (eventstore.Receipt, error)
	AppendAll(ctx context.Context, lane int, cs []eventstore.Command) []eventstore.Result
	ReadStream(ctx context.Context, stream uuid.UUID, afterVersion, limit int) ([]eventstore.Event, error)
	ReadStreams(ctx context.Context, streams []uuid.UUID) (map[uuid.UUID][]eventstore.Event, error)
	ReadLog(ctx context.Context, lane int, after int64, limit int) ([]eventstore.Event, error)
	Head(ctx context.Context, lane int) (int64, error)
	Claimed(ctx context.Context, key eventstore.ClaimKey, now time.Time) (eventstore.Claimed, bool, error)
	LaneOf(ctx context.Context, merchant uuid.UUID) (int, error)
	AssignLane(ctx context.Context, merchant uuid.UUID, lane int) (int, error)
	Tail(lane int) *eventstore.Tail
}

// Contract runs every promise against stores that open makes: empty, each of its
// own, taking appends to lanes 0 and 1, and ready for claims of ClaimTime's day
// and the three days after it.
func Contract(t *testing.T, open func(t *testing.T) Log) {
	for _, promise := range promises {
		t.Run(promise.name, func(t *testing.T) {
			t.Parallel()
			promise.holds(t, open(t))
		})
	}
}

// ClaimTime is the instant around which the contract claims keys.
func ClaimTime() time.Time { return time.Date(2026, 3, 14, 23, 59, 59, 999_999_000, time.UTC) }

var promises = []struct {
	name  string
	holds func(*testing.T, Log)
}{
	{"AnEventComesBackAsItWasAppended", eventComesBack},
	{"PositionsAndVersionsHaveNoGaps", noGaps},
	{"PositionsHaveNoGapsUnderConcurrency", noGapsUnderConcurrency},
	{"AWrongExpectedVersionIsAConflict", wrongVersionConflicts},
	{"OfRacersForOneVersionOneWins", oneRacerWins},
	{"ManyWritesAreAllOrNothing", manyWritesAtomic},
	{"ARefusedCommandDoesNotDisturbItsBatch", refusedDoesNotDisturb},
	{"CommandsOfOneSubmissionKeepTheirOrder", submissionKeepsOrder},
	{"CommandsOnOneStreamInOneSubmissionFollowEachOther", chainInOneSubmission},
	{"LanesCountApart", lanesCountApart},
	{"AnyHistoryOfCommandsFollowsTheModel", followsTheModel},

	{"AClaimedKeyIsRefusedWithWhatItBegan", claimedKeyRefused},
	{"OfRacersForOneKeyOneWins", oneClaimWins},
	{"OneKeyTwiceInOneSubmissionIsClaimedOnce", claimTwiceInOneSubmission},
	{"TheFirstAnswerStays", firstAnswerStays},
	{"AClaimMayBringItsAnswer", claimWithAnswer},
	{"AnAnswerToNothingChangesNothing", answerToNothing},
	{"ARefusedCommandLeavesItsKeyFree", refusedLeavesKeyFree},
	{"AClaimIsLookedAtBeforeVersions", claimBeforeVersions},
	{"AKeyIsHeldForTwoDaysAcrossMidnight", heldForTwoDays},

	{"ACommandBeyondALimitIsMalformed", limits},
	{"AnUnknownLaneIsRefused", unknownLane},
	{"ACancelledCallerWritesNothing", cancelledCaller},
	{"AStreamIsReadInPieces", streamInPieces},
	{"StreamsAreReadTogether", streamsTogether},
	{"ATailingReaderMissesNothing", tailingReader},
	{"ATailHandsOverWhatWasCommittedInOrder", tailInOrder},
	{"AMerchantStaysInItsLane", merchantStays},
	{"AStreamStaysInItsLane", streamStays},
}
