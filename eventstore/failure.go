package eventstore

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// failure is what an error of the database means for the batch at hand.
type failure int

const (
	unwritten        failure = iota // rolled back, and sending it again would not help
	connectionLost                  // may or may not be committed
	neverSent                       // the connection was gone before anything was sent
	readOnly                        // rolled back: the server was a primary, and is one no more
	lostRace                        // rolled back, worth another try
	lockedOut                       // rolled back: a lock or the statement took too long
	partitionMissing                // rolled back: a row has no partition to go to
	rowsRefused                     // rolled back: a constraint or a check of append_batch said no
)

func judge(err error) failure {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case pgconn.SafeToRetry(err):
		return neverSent
	case !ok && !errors.Is(err, errReply), ok && (refused.SeverityUnlocalized == "FATAL" || refused.SeverityUnlocalized == "PANIC"):
		return connectionLost
	case !ok:
		return unwritten
	}
	switch code := refused.Code; {
	case code == "23514" && refused.ConstraintName == "":
		return partitionMissing
	case strings.HasPrefix(code, "22"), strings.HasPrefix(code, "23"), code == "PM002", code == "PM003":
		return rowsRefused
	case code == "25006":
		return readOnly
	case code == "40001", code == "40P01":
		return lostRace
	case code == "55P03", code == "57014":
		return lockedOut
	}
	return unwritten
}
