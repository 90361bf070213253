-- The log. One lane is one total order: its head row is the lock every batch takes,
-- and the number of its last event. These tables are written by append_batch and by
-- the functions that make and drop partitions, and by nothing else.

-- +goose Up

ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- One row a page and room for many versions of it: it changes with every batch.
CREATE TABLE lanes (
    lane           smallint PRIMARY KEY CHECK (lane >= 0),
    position       bigint   NOT NULL DEFAULT 0 CHECK (position >= 0), -- of the last event
    partition_size bigint   NOT NULL CHECK (partition_size > 0)       -- positions in a partition of events
) WITH (fillfactor = 10);

-- What happened. frame is the whole event but lane and position, to the byte that is
-- hashed and published; hash is its SHA-256. The view event_log shows the fields.
CREATE TABLE events (
    lane      smallint NOT NULL,
    position  bigint   NOT NULL CHECK (position > 0),
    stream_id uuid     NOT NULL,
    version   integer  NOT NULL CHECK (version > 0),
    hash      bytea    NOT NULL CHECK (octet_length(hash) = 32),
    frame     bytea    NOT NULL CHECK (octet_length(frame) >= 73)
) PARTITION BY LIST (lane);
ALTER TABLE events ALTER COLUMN frame SET STORAGE EXTERNAL; -- no time spent on compressing

-- Where each stream stands: guards its version and bounds the search for its events.
-- The room lets a payment's next events change its row in place (HOT).
CREATE TABLE stream_heads (
    stream_id      uuid     PRIMARY KEY,
    lane           smallint NOT NULL,
    version        integer  NOT NULL CHECK (version > 0),
    first_position bigint   NOT NULL CHECK (first_position > 0),
    last_position  bigint   NOT NULL CHECK (last_position >= first_position)
) WITH (fillfactor = 70);

-- Idempotency keys and the first answers given to them. A partition a day, dropped as
-- a whole; rows are never changed. Keys are random by nature, so answers, which are
-- larger, have their index by time first.
CREATE TABLE claims (
    key         uuid        NOT NULL,
    claimed_at  timestamptz NOT NULL,
    stream_id   uuid        NOT NULL,
    intent_id   uuid        NOT NULL,
    fingerprint bytea       NOT NULL CHECK (octet_length(fingerprint) = 32)
) PARTITION BY RANGE (claimed_at);

CREATE TABLE answers (
    key        uuid        NOT NULL,
    claimed_at timestamptz NOT NULL, -- of the claim
    status     smallint    NOT NULL CHECK (status BETWEEN 100 AND 599),
    body       bytea       NOT NULL
) PARTITION BY RANGE (claimed_at);
ALTER TABLE answers ALTER COLUMN body SET STORAGE EXTERNAL;

-- A merchant belongs to one lane for ever.
CREATE TABLE merchant_lanes (
    merchant_id uuid     PRIMARY KEY,
    lane        smallint NOT NULL CHECK (lane >= 0)
);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %: what happened is never changed', TG_OP, TG_TABLE_NAME USING ERRCODE = 'PM001';
END
$$;
-- +goose StatementEnd

-- guard says no for whoever the statement comes from, the owner included, on a table
-- named directly. Replication's settings do not switch it off.
-- +goose StatementBegin
CREATE FUNCTION guard(target regclass) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER refuse_change', target);
END
$$;
-- +goose StatementEnd
SELECT guard('events');

-- Partitions are made beside their parent and attached, which lets appends run on; one
-- process at a time, behind a lock of their own and never behind the head row.

-- extend_lane makes the partitions from the lane's head to p_position and one more.
-- +goose StatementBegin
CREATE FUNCTION extend_lane(p_lane smallint, p_position bigint) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    l    record;
    made integer := 0;
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(1885438309, p_lane);
    SELECT position, partition_size INTO STRICT l FROM public.lanes WHERE lane = p_lane;
    FOR n IN l.position / l.partition_size .. greatest(p_position, l.position) / l.partition_size + 1 LOOP
        name := format('public.events_%s_%s', p_lane, n);
        CONTINUE WHEN to_regclass(name) IS NOT NULL;
        EXECUTE format('CREATE TABLE %s (LIKE public.events INCLUDING CONSTRAINTS INCLUDING STORAGE) WITH (toast_tuple_target = 8160)', name);
        EXECUTE format('CREATE UNIQUE INDEX events_%s_%s_position ON %s (position)', p_lane, n, name);
        EXECUTE format('CREATE UNIQUE INDEX events_%s_%s_stream ON %s (stream_id, version)', p_lane, n, name);
        PERFORM public.guard(name::regclass);
        EXECUTE format('ALTER TABLE public.events_%s ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)',
            p_lane, name, n * l.partition_size, (n + 1) * l.partition_size);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
-- +goose StatementEnd

-- open_lane makes a lane unless it is there; an existing one keeps its partition size.
-- +goose StatementBegin
CREATE FUNCTION open_lane(p_lane smallint, p_partition_size bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    name text := format('public.events_%s', p_lane);
BEGIN
    PERFORM pg_advisory_xact_lock(1885438309, p_lane);
    INSERT INTO public.lanes (lane, partition_size) VALUES (p_lane, p_partition_size) ON CONFLICT DO NOTHING;
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %s (LIKE public.events INCLUDING CONSTRAINTS INCLUDING STORAGE) PARTITION BY RANGE (position)', name);
        PERFORM public.guard(name::regclass);
        EXECUTE format('ALTER TABLE public.events ATTACH PARTITION %s FOR VALUES IN (%s)', name, p_lane);
    END IF;
    PERFORM public.extend_lane(p_lane, 0);
END
$$;
-- +goose StatementEnd

-- extend_claims makes the partitions of claims and answers for the days of a range,
-- both ends included.
-- +goose StatementBegin
CREATE FUNCTION extend_claims(p_from date, p_until date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
    made  integer := 0;
    today date;
    name  text;
    kind  text;
    keys  text;
BEGIN
    PERFORM pg_advisory_xact_lock(1885438309, -1);
    FOR ahead IN 0 .. least(p_until - p_from, 31) LOOP
        today := p_from + ahead;
        FOR kind, keys IN VALUES ('claims', 'key'), ('answers', 'claimed_at, key') LOOP
            name := format('public.%s_%s', kind, to_char(today, 'YYYYMMDD'));
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            EXECUTE format('CREATE TABLE %s (LIKE public.%s INCLUDING CONSTRAINTS INCLUDING STORAGE) WITH (toast_tuple_target = 8160)', name, kind);
            EXECUTE format('CREATE UNIQUE INDEX %s_%s_key ON %s (%s)', kind, to_char(today, 'YYYYMMDD'), name, keys);
            EXECUTE format('ALTER TABLE public.%s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                kind, name, today::timestamptz, (today + 1)::timestamptz);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
-- +goose StatementEnd

-- drop_claims drops the partitions of days before p_before, and never those that still
-- count by this server's clock. It waits a moment for the lock that keeps appends out,
-- or fails and is called again later.
-- +goose StatementBegin
CREATE FUNCTION drop_claims(p_before date) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
DECLARE
    dropped integer := 0;
    name    text;
BEGIN
    PERFORM pg_advisory_xact_lock(1885438309, -1);
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('public.claims'::regclass, 'public.answers'::regclass)
          AND to_date(right(c.relname, 8), 'YYYYMMDD') < least(p_before, current_date - 2)
        ORDER BY right(c.relname, 8), c.relname DESC LIMIT 2
    LOOP
        EXECUTE format('DROP TABLE public.%I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
-- +goose StatementEnd

-- append_batch is the only way into the log: a batch of commands, each with all of its
-- effects or none, in one transaction. The arrays hold, in the order of the commands:
--
--   w_  a write: its command, stream, expected version, number of events, and which
--       event of the batch is its first
--   e_  an event: its write, hash and frame
--   c_  a claim, with the command that makes it; all claims lie between p_from and p_until
--   a_  an answer, with its command
--
-- The head row is locked first. Everything after it sees what was committed before,
-- because each statement of a function has a snapshot of its own (READ COMMITTED);
-- a single statement with many parts would not.
--
-- p_trusting is the fast road for batches in which nothing will be refused, nearly all
-- of them: the unique indexes and the row counts are the check, and a batch that fails
-- it is rolled back as a whole (23505, PM002) and sent again without trust. Then the
-- refused commands are found first, reported, and the others done.
--
-- The settings make every plan an index scan whatever the statistics say: plans made
-- while the tables were empty are kept for as long as the session lives.
-- +goose StatementBegin
CREATE FUNCTION append_batch(
    p_lane smallint, p_trusting boolean, p_from timestamptz, p_day timestamptz, p_until timestamptz,
    w_command integer[], w_stream uuid[], w_expected integer[], w_count integer[], w_first integer[],
    e_write integer[], e_hash bytea[], e_frame bytea[],
    c_command integer[], c_key uuid[], c_at timestamptz[], c_stream uuid[], c_intent uuid[], c_fingerprint bytea[],
    a_command integer[], a_key uuid[], a_at timestamptz[], a_status smallint[], a_body bytea[],
    OUT head bigint,        -- before the batch
    OUT claimed integer[],  -- claims refused: number in c_
    OUT conflicts integer[] -- writes refused: number in w_ and actual version (-1: in another lane), in turn
)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    SET work_mem = '32MB'
AS $$
DECLARE
    events  integer := cardinality(e_frame);
    refused integer[];
    made    integer;
    moved   integer;
BEGIN
    IF events <> (SELECT coalesce(sum(c), 0) FROM unnest(w_count) AS c) THEN
        RAISE EXCEPTION '% events, but the writes name another number', events USING ERRCODE = 'PM003';
    END IF;
    IF p_trusting THEN
        UPDATE public.lanes l SET position = l.position + events WHERE l.lane = p_lane RETURNING l.position - events INTO STRICT head;
        IF cardinality(c_key) > 0 THEN
            IF EXISTS (SELECT FROM unnest(c_key) AS k JOIN public.claims c ON c.key = k
                WHERE c.claimed_at >= p_from AND c.claimed_at < p_day
                   OR c.claimed_at >= p_day + interval '24 hours' AND c.claimed_at < p_until)
            THEN
                RAISE EXCEPTION 'a key was claimed on another day' USING ERRCODE = 'PM002';
            END IF;
        END IF;
    ELSE
        SELECT l.position INTO STRICT head FROM public.lanes l WHERE l.lane = p_lane FOR UPDATE;
        SELECT array_agg(w.o), array_agg(w.m) INTO claimed, refused
            FROM unnest(c_key, c_at, c_command) WITH ORDINALITY AS w(k, t, m, o)
            WHERE EXISTS (SELECT FROM public.claims c WHERE c.key = w.k
                AND c.claimed_at >= p_from AND c.claimed_at < p_until
                AND c.claimed_at >= date_trunc('day', w.t, 'UTC') - interval '48 hours'
                AND c.claimed_at < date_trunc('day', w.t, 'UTC') + interval '48 hours');
        WITH conflict AS (
            SELECT w.o, w.m, CASE WHEN h.lane <> p_lane THEN -1 ELSE coalesce(h.version, 0) END AS actual
            FROM unnest(w_stream, w_expected, w_command) WITH ORDINALITY AS w(s, x, m, o)
            LEFT JOIN public.stream_heads h ON h.stream_id = w.s
            WHERE coalesce(h.version, 0) <> w.x OR h.lane <> p_lane)
        SELECT (SELECT array_agg(v ORDER BY o, i) FROM conflict, unnest(ARRAY[o::integer, actual]) WITH ORDINALITY AS p(v, i)),
               refused || (SELECT array_agg(m) FROM conflict)
            INTO conflicts, refused;
        IF cardinality(refused) > 0 THEN
            -- Leave the refused commands out, and count events and writes anew.
            SELECT coalesce(array_agg(e.h ORDER BY e.o), '{}'), coalesce(array_agg(e.f ORDER BY e.o), '{}'), coalesce(array_agg(e.w ORDER BY e.o), '{}')
                INTO e_hash, e_frame, e_write
                FROM (SELECT h, f, o, dense_rank() OVER (ORDER BY w)::integer AS w FROM unnest(e_write, e_hash, e_frame) WITH ORDINALITY AS u(w, h, f, o)
                      WHERE w_command[w] <> ALL (refused)) AS e;
            SELECT coalesce(array_agg(w.s ORDER BY w.o), '{}'), coalesce(array_agg(w.x ORDER BY w.o), '{}'),
                   coalesce(array_agg(w.c ORDER BY w.o), '{}'), coalesce(array_agg(w.f ORDER BY w.o), '{}')
                INTO w_stream, w_expected, w_count, w_first
                FROM (SELECT s, x, c, o, (sum(c) OVER (ORDER BY o) - c + 1)::integer AS f
                      FROM unnest(w_stream, w_expected, w_count, w_command) WITH ORDINALITY AS u(s, x, c, m, o) WHERE m <> ALL (refused)) AS w;
            SELECT coalesce(array_agg(k), '{}'), coalesce(array_agg(t), '{}'), coalesce(array_agg(s), '{}'), coalesce(array_agg(i), '{}'), coalesce(array_agg(p), '{}')
                INTO c_key, c_at, c_stream, c_intent, c_fingerprint
                FROM unnest(c_key, c_at, c_stream, c_intent, c_fingerprint, c_command) AS c(k, t, s, i, p, m) WHERE m <> ALL (refused);
            SELECT coalesce(array_agg(k), '{}'), coalesce(array_agg(t), '{}'), coalesce(array_agg(s), '{}'), coalesce(array_agg(b), '{}')
                INTO a_key, a_at, a_status, a_body
                FROM unnest(a_key, a_at, a_status, a_body, a_command) AS a(k, t, s, b, m) WHERE m <> ALL (refused);
            events := cardinality(e_frame);
        END IF;
        UPDATE public.lanes l SET position = l.position + events WHERE l.lane = p_lane;
    END IF;

    IF events > 0 THEN
        -- Streams and versions follow from the writes, positions from the head. That each
        -- event lies in its write's range, and the ranges add up to all events, leaves
        -- neither a gap nor a double in any of them.
        INSERT INTO public.events (lane, position, stream_id, version, hash, frame)
            SELECT p_lane, head + e.o, w_stream[e.w], w_expected[e.w] + (e.o::integer - w_first[e.w]) + 1, e.h, e.f
            FROM unnest(e_write, e_hash, e_frame) WITH ORDINALITY AS e(w, h, f, o)
            WHERE e.o >= w_first[e.w] AND e.o < w_first[e.w] + w_count[e.w];
        GET DIAGNOSTICS made = ROW_COUNT;
        IF made <> events THEN
            RAISE EXCEPTION '% of % events have a place', made, events USING ERRCODE = 'PM003';
        END IF;
        INSERT INTO public.stream_heads (stream_id, lane, version, first_position, last_position)
            SELECT w.s, p_lane, w.c, head + w.f, head + w.f + w.c - 1
            FROM unnest(w_stream, w_expected, w_count, w_first) AS w(s, x, c, f) WHERE w.x = 0;
        GET DIAGNOSTICS made = ROW_COUNT;
        IF made < cardinality(w_stream) THEN
            UPDATE public.stream_heads h SET version = w.x + w.c, last_position = head + w.f + w.c - 1
                FROM unnest(w_stream, w_expected, w_count, w_first) AS w(s, x, c, f)
                WHERE w.x > 0 AND h.stream_id = w.s AND h.version = w.x AND h.lane = p_lane;
            GET DIAGNOSTICS moved = ROW_COUNT;
            IF made + moved <> cardinality(w_stream) THEN
                RAISE EXCEPTION 'a stream is at another version' USING ERRCODE = 'PM002';
            END IF;
        END IF;
    END IF;
    IF cardinality(c_key) > 0 THEN
        INSERT INTO public.claims (key, claimed_at, stream_id, intent_id, fingerprint)
            SELECT c.k, c.t, c.s, c.i, c.p FROM unnest(c_key, c_at, c_stream, c_intent, c_fingerprint) AS c(k, t, s, i, p);
    END IF;
    IF cardinality(a_key) > 0 AND p_trusting THEN
        INSERT INTO public.answers (key, claimed_at, status, body)
            SELECT a.k, a.t, a.s, a.b FROM unnest(a_key, a_at, a_status, a_body) AS a(k, t, s, b);
    ELSIF cardinality(a_key) > 0 THEN
        INSERT INTO public.answers (key, claimed_at, status, body)
            SELECT a.k, a.t, a.s, a.b FROM unnest(a_key, a_at, a_status, a_body) AS a(k, t, s, b)
            ON CONFLICT DO NOTHING; -- the first answer stays
    END IF;
END
$$;
-- +goose StatementEnd

-- Reading, in functions for the sake of their settings: a plan that the statistics of
-- an empty table made cannot stay, and ordered index scans leave no choice of index.

-- read_log returns the events after a position; positions have no gaps, so the end of
-- the range is known and at most two partitions are touched.
-- +goose StatementBegin
CREATE FUNCTION read_log(p_lane smallint, p_after bigint, p_limit integer)
    RETURNS TABLE (o_position bigint, o_hash bytea, o_frame bytea)
    LANGUAGE plpgsql STABLE ROWS 100 SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
BEGIN
    RETURN QUERY SELECT e.position, e.hash, e.frame FROM public.events e
        WHERE e.lane = p_lane AND e.position > p_after AND e.position <= p_after + p_limit ORDER BY e.position;
END
$$;
-- +goose StatementEnd

-- read_streams returns, for each stream that exists, up to p_limit events after a version.
-- +goose StatementBegin
CREATE FUNCTION read_streams(p_streams uuid[], p_after integer, p_limit integer)
    RETURNS TABLE (o_lane smallint, o_position bigint, o_hash bytea, o_frame bytea)
    LANGUAGE plpgsql STABLE ROWS 10 SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
DECLARE
    wanted uuid;
    h      public.stream_heads;
BEGIN
    FOREACH wanted IN ARRAY p_streams LOOP
        SELECT * INTO h FROM public.stream_heads s WHERE s.stream_id = wanted;
        CONTINUE WHEN NOT FOUND OR h.version <= p_after;
        RETURN QUERY SELECT e.lane, e.position, e.hash, e.frame FROM public.events e
            WHERE e.lane = h.lane AND e.position >= h.first_position AND e.position <= h.last_position
              AND e.stream_id = wanted AND e.version > p_after AND e.version <= p_after + p_limit
            ORDER BY e.version;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- find_claims looks each key up as it counts at its time; the youngest claim answers.
-- +goose StatementBegin
CREATE FUNCTION find_claims(p_keys uuid[], p_at timestamptz[])
    RETURNS TABLE (o_number integer, o_claimed_at timestamptz, o_stream_id uuid, o_intent_id uuid, o_fingerprint bytea, o_status smallint, o_body bytea)
    LANGUAGE plpgsql STABLE ROWS 1 SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    today timestamptz;
BEGIN
    FOR i IN 1 .. cardinality(p_keys) LOOP
        today := date_trunc('day', p_at[i], 'UTC');
        RETURN QUERY SELECT i, c.claimed_at, c.stream_id, c.intent_id, c.fingerprint, a.status, a.body
            FROM public.claims c LEFT JOIN public.answers a ON a.claimed_at = c.claimed_at AND a.key = c.key
            WHERE c.key = p_keys[i] AND c.claimed_at >= today - interval '48 hours' AND c.claimed_at < today + interval '48 hours'
            ORDER BY c.claimed_at DESC LIMIT 1;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- read_frame takes a frame apart for people who look with SQL; the layout is that of
-- eventstore/frame.go.
-- +goose StatementBegin
CREATE FUNCTION read_frame(frame bytea,
    OUT event_id uuid, OUT aggregate text, OUT type text, OUT schema integer, OUT merchant_id uuid, OUT livemode boolean,
    OUT recorded_at timestamptz, OUT effective_at timestamptz, OUT actor text, OUT request_id text, OUT idempotency_key text,
    OUT correlation_id uuid, OUT cause_id uuid, OUT body bytea)
    LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    flags integer := get_byte(frame, 1);
    at    integer := 65; -- of the next byte, from 1
    texts text[];
BEGIN
    schema := get_byte(frame, 2) * 256 + get_byte(frame, 3);
    event_id := encode(substr(frame, 25, 16), 'hex')::uuid;
    merchant_id := encode(substr(frame, 41, 16), 'hex')::uuid;
    livemode := flags & 1 <> 0;
    recorded_at := 'epoch'::timestamptz + ('x' || encode(substr(frame, 57, 8), 'hex'))::bit(64)::bigint * interval '1 microsecond';
    effective_at := recorded_at;
    IF flags & 2 <> 0 THEN
        effective_at := 'epoch'::timestamptz + ('x' || encode(substr(frame, at, 8), 'hex'))::bit(64)::bigint * interval '1 microsecond';
        at := at + 8;
    END IF;
    IF flags & 4 <> 0 THEN
        correlation_id := encode(substr(frame, at, 16), 'hex')::uuid;
        at := at + 16;
    END IF;
    IF flags & 8 <> 0 THEN
        cause_id := encode(substr(frame, at, 16), 'hex')::uuid;
        at := at + 16;
    END IF;
    FOR i IN 1 .. 5 LOOP
        texts[i] := convert_from(substr(frame, at + 1, get_byte(frame, at - 1)), 'UTF8');
        at := at + 1 + get_byte(frame, at - 1);
    END LOOP;
    aggregate := texts[1];
    type := texts[2];
    actor := texts[3];
    request_id := texts[4];
    idempotency_key := texts[5];
    body := substr(frame, at + 4);
END
$$;
-- +goose StatementEnd

CREATE VIEW event_log AS
    SELECT e.lane, e.position, e.stream_id, e.version, f.*, e.hash FROM events e, LATERAL read_frame(e.frame) AS f;

GRANT SELECT ON lanes, events, stream_heads, claims, answers, merchant_lanes, event_log TO paymint_app, paymint_auditor;
GRANT SELECT ON lanes, events, stream_heads, merchant_lanes, event_log TO paymint_projector;
GRANT INSERT ON merchant_lanes TO paymint_app;
GRANT EXECUTE ON FUNCTION read_log, read_streams, read_frame TO paymint_app, paymint_projector, paymint_auditor;
GRANT EXECUTE ON FUNCTION find_claims TO paymint_app, paymint_auditor;
GRANT EXECUTE ON FUNCTION append_batch, open_lane, extend_lane, extend_claims, drop_claims TO paymint_app;
