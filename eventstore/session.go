package eventstore

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// RoleApp is the database role of sessions that append and read; the user of the
// connection must be a member of it.
const RoleApp = "paymint_app"

// SetRole lets the connections made from config take a role at their start: they can
// do what the role may, whoever they logged in as. It is a start-up parameter, which
// poolers in transaction mode do not pass on: behind one, log in as the role itself.
func SetRole(config *pgconn.Config, role string) {
	if config.RuntimeParams == nil {
		config.RuntimeParams = map[string]string{}
	}
	config.RuntimeParams["role"] = role
}

const goodbye = 100 * time.Millisecond

const (
	statementAppend = "append"
	statementClaims = "claims"
	statementStream = "stream"
)

var statements = map[string]string{
	statementAppend: "SELECT head, claimed, conflicts FROM public.append_batch(" + placeholders(scalarCount+int(arrayCount)) + ")",
	statementClaims: "SELECT o_number, o_claimed_at, o_stream_id, o_intent_id, o_fingerprint, o_status, o_body FROM public.find_claims($1, $2)",
	statementStream: "SELECT o_position, o_hash FROM public.read_streams($1, $2, $3)",
}

func placeholders(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(names, ", ")
}

// session is an appender's own connection.
type session struct {
	conn    *pgx.Conn
	timeout time.Duration // of one statement, on this side; the server's is a little shorter
}

// sessionConfig pins what durability and bounded waiting rest on, whatever the
// server's or user's defaults are.
func sessionConfig(config *Config) (*pgx.ConnConfig, error) {
	parsed, err := pgx.ParseConfig(config.URL)
	if err != nil {
		return nil, err
	}
	SetRole(&parsed.Config, config.Role)
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	for name, value := range map[string]string{
		"application_name":                    "paymint appender",
		"synchronous_commit":                  "on",
		"default_transaction_isolation":       "read committed",
		"lock_timeout":                        milliseconds(config.AppendTimeout / 2),
		"statement_timeout":                   milliseconds(config.AppendTimeout),
		"idle_in_transaction_session_timeout": milliseconds(config.AppendTimeout),
	} {
		parsed.RuntimeParams[name] = value
	}
	parsed.ConnectTimeout = config.AppendTimeout
	if parsed.ValidateConnect == nil { // a standby would refuse every batch; wait for the primary instead
		parsed.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return parsed, nil
}

func connect(ctx context.Context, config *pgx.ConnConfig, timeout time.Duration) (*session, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn, timeout: timeout + timeout/2}
	for name, text := range statements {
		if _, err := conn.Prepare(ctx, name, text); err != nil {
			s.close(ctx)
			return nil, fmt.Errorf("prepare %s: %w", name, err)
		}
	}
	return s, nil
}

// append runs one batch. It does not listen to a context: once sent, only the answer
// or the end of the connection tells what became of it, and the deadline on the
// socket bounds the wait without a goroutine per batch.
func (s *session) append(ctx context.Context, values [][]byte) (verdict, error) {
	if err := s.socket().SetDeadline(time.Now().Add(s.timeout)); err != nil {
		return verdict{}, err
	}
	reader := s.conn.PgConn().ExecPrepared(context.WithoutCancel(ctx), statementAppend, values, binaryFormats, binaryFormats[:1])
	var reply verdict
	unreadable := errReply
	for reader.NextRow() {
		reply, unreadable = readVerdict(reader.Values())
	}
	if _, err := reader.Close(); err != nil {
		return verdict{}, err
	}
	return reply, unreadable
}

// binaryFormats has an entry for each parameter, all binary.
var binaryFormats = func() []int16 {
	formats := make([]int16, scalarCount+arrayCount)
	for i := range formats {
		formats[i] = pgx.BinaryFormatCode
	}
	return formats
}()

func (s *session) socket() net.Conn { return s.conn.PgConn().Conn() }

// bounded gives the deadline for another statement on the session.
func (s *session) bounded() error { return s.socket().SetDeadline(time.Now().Add(s.timeout)) }

func (s *session) alive() bool { return s != nil && !s.conn.IsClosed() }

// close says goodbye if that takes no time; PostgreSQL notices either way.
func (s *session) close(ctx context.Context) {
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	_ = s.conn.Close(ctx) // whatever it says, the connection is gone
}
