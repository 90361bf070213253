-- Read models. All of it can be dropped and folded again from the log; a table's
-- name carries the version of its projection, and queries read the view without it
-- (a rebuild fills version n+1 beside n and then switches the view).

-- +goose Up

-- Which version of a projection's tables is in use.
CREATE TABLE projection_versions (
    name    text    PRIMARY KEY,
    version integer NOT NULL CHECK (version > 0)
);

-- How far a projection has folded a lane: it moves with the rows, in one transaction,
-- by compare-and-swap. The row changes with every batch: room for many versions of it.
CREATE TABLE projection_checkpoints (
    name     text     NOT NULL,
    version  integer  NOT NULL,
    lane     smallint NOT NULL,
    position bigint   NOT NULL CHECK (position >= 0),
    PRIMARY KEY (name, version, lane)
) WITH (fillfactor = 10);

-- Streams a projection cannot fold from position on. Their later events wait; what
-- is read of them is folded from the log.
CREATE TABLE parked_streams (
    projection     text        NOT NULL,
    version        integer     NOT NULL,
    stream_id      uuid        NOT NULL,
    lane           smallint    NOT NULL,
    aggregate      text        NOT NULL,
    position       bigint      NOT NULL,
    stream_version integer     NOT NULL,
    reason         text        NOT NULL,
    since          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (projection, version, stream_id)
);

-- Moves the checkpoints of several projections from one position to another, or
-- raises PM001 and so ends the transaction: somebody else was here.
-- +goose StatementBegin
CREATE FUNCTION advance_checkpoints(on_lane integer, names text[], versions integer[], from_position bigint, to_position bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moved bigint;
BEGIN
    UPDATE projection_checkpoints c SET position = to_position
      FROM unnest(names, versions) AS n(name, version)
     WHERE c.name = n.name AND c.version = n.version AND c.lane = on_lane AND c.position = from_position;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(names) THEN
        RAISE EXCEPTION 'checkpoints % of lane % are not all at %', names, on_lane, from_position USING ERRCODE = 'PM001';
    END IF;
END
$$;
-- +goose StatementEnd

-- A payment as the API shows it. state is all of it (projections/payments/state.go);
-- the other columns are what lists filter and sort by. group_id is the row of
-- payments_totals that counts the payment: one number stands for merchant, livemode,
-- status and currency in two indexes, which makes them half as large and cheap to
-- compare in.
CREATE TABLE payments_v1 (
    group_id    bigint   NOT NULL,
    amount      bigint   NOT NULL,
    idempotency bigint,            -- digest of merchant, livemode and key
    due_at      timestamptz,       -- when somebody must look after it
    version     integer  NOT NULL, -- of the stream
    lane        smallint NOT NULL,
    livemode    boolean  NOT NULL,
    merchant_id uuid     NOT NULL,
    payment_id  uuid     NOT NULL,
    customer_id uuid,
    state       bytea    NOT NULL,
    CONSTRAINT payments_v1_pkey PRIMARY KEY (merchant_id, livemode, payment_id)
) WITH (fillfactor = 90);
ALTER TABLE payments_v1 ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE INDEX payments_v1_group ON payments_v1 (group_id, payment_id);
CREATE INDEX payments_v1_amount ON payments_v1 (group_id, amount, payment_id);
CREATE INDEX payments_v1_customer ON payments_v1 (merchant_id, livemode, customer_id, payment_id) WHERE customer_id IS NOT NULL;
CREATE INDEX payments_v1_idempotency ON payments_v1 (idempotency) WHERE idempotency IS NOT NULL;
CREATE INDEX payments_v1_due ON payments_v1 (lane, due_at, payment_id) WHERE due_at IS NOT NULL;

-- Which payments carry a metadata entry (label: digest of merchant, livemode, key, value).
CREATE TABLE payments_labels_v1 (
    label       bigint  NOT NULL,
    livemode    boolean NOT NULL,
    merchant_id uuid    NOT NULL,
    payment_id  uuid    NOT NULL,
    CONSTRAINT payments_labels_v1_pkey PRIMARY KEY (merchant_id, livemode, label, payment_id)
);

-- How many payments a merchant has, by status and currency: changed with the rows it
-- counts, so always equal to count(*).
CREATE TABLE payments_totals_v1 (
    group_id    bigint   GENERATED ALWAYS AS IDENTITY,
    total       bigint   NOT NULL,
    status      smallint NOT NULL CHECK (status BETWEEN 1 AND 6), -- pending, authorized, captured, failed, cancelled, refunded
    livemode    boolean  NOT NULL,
    merchant_id uuid     NOT NULL,
    currency    text     COLLATE "C" NOT NULL,
    CONSTRAINT payments_totals_v1_pkey PRIMARY KEY (merchant_id, livemode, status, currency)
) WITH (fillfactor = 50); -- every batch changes rows: they move within their page (HOT)
CREATE UNIQUE INDEX payments_totals_v1_group ON payments_totals_v1 (group_id);

CREATE TABLE refunds_v1 (
    amount       bigint      NOT NULL,
    created_at   timestamptz NOT NULL,
    livemode     boolean     NOT NULL,
    merchant_id  uuid        NOT NULL,
    refund_id    uuid        NOT NULL,
    payment_id   uuid        NOT NULL,
    currency     text        COLLATE "C" NOT NULL,
    reason       text        NOT NULL,
    status       text        COLLATE "C" NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    failure_code text        NOT NULL,
    label_keys   text[]      NOT NULL,
    label_values text[]      NOT NULL,
    CONSTRAINT refunds_v1_pkey PRIMARY KEY (merchant_id, livemode, refund_id)
) WITH (fillfactor = 90);
CREATE INDEX refunds_v1_payment ON refunds_v1 (payment_id);
CREATE INDEX refunds_v1_status ON refunds_v1 (merchant_id, livemode, status, refund_id);

CREATE TABLE refunds_totals_v1 (
    total       bigint  NOT NULL,
    livemode    boolean NOT NULL,
    merchant_id uuid    NOT NULL,
    status      text    COLLATE "C" NOT NULL,
    CONSTRAINT refunds_totals_v1_pkey PRIMARY KEY (merchant_id, livemode, status)
) WITH (fillfactor = 50);

-- API keys by the keyed digest of their secret.
CREATE TABLE api_keys_v1 (
    changed     bigint   NOT NULL, -- position of the key's latest event
    version     integer  NOT NULL,
    lane        smallint NOT NULL,
    livemode    boolean  NOT NULL,
    revoked     boolean  NOT NULL,
    key_id      uuid     NOT NULL,
    merchant_id uuid     NOT NULL, -- all zero: a key of the platform
    digest      bytea    NOT NULL,
    kind        text     NOT NULL,
    masked      text     NOT NULL,
    hash        text     NOT NULL, -- Argon2id
    scopes      text[]   NOT NULL,
    CONSTRAINT api_keys_v1_pkey PRIMARY KEY (key_id)
);
CREATE UNIQUE INDEX api_keys_v1_digest ON api_keys_v1 (digest);
CREATE INDEX api_keys_v1_changed ON api_keys_v1 (lane, changed);

-- Which merchants there are. All about one is folded from its stream.
CREATE TABLE merchants_v1 (
    version       integer  NOT NULL,
    lane          smallint NOT NULL,
    merchant_id   uuid     NOT NULL,
    status        text     COLLATE "C" NOT NULL,
    business_name text     NOT NULL,
    CONSTRAINT merchants_v1_pkey PRIMARY KEY (merchant_id)
);

CREATE VIEW payments AS SELECT * FROM payments_v1;
CREATE VIEW payments_labels AS SELECT * FROM payments_labels_v1;
CREATE VIEW payments_totals AS SELECT * FROM payments_totals_v1;
CREATE VIEW refunds AS SELECT * FROM refunds_v1;
CREATE VIEW refunds_totals AS SELECT * FROM refunds_totals_v1;
CREATE VIEW api_keys AS SELECT * FROM api_keys_v1;
CREATE VIEW merchants AS SELECT * FROM merchants_v1;

INSERT INTO projection_versions (name, version) VALUES ('payments', 1), ('refunds', 1), ('api_keys', 1), ('merchants', 1);

-- The projector writes read models and reads the log; the app reads both.
GRANT SELECT ON payments, payments_labels, payments_totals, refunds, refunds_totals, api_keys, merchants,
    payments_v1, payments_labels_v1, payments_totals_v1, refunds_v1, refunds_totals_v1, api_keys_v1, merchants_v1,
    projection_versions, projection_checkpoints, parked_streams
    TO paymint_app, paymint_auditor;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    payments_v1, payments_labels_v1, payments_totals_v1, refunds_v1, refunds_totals_v1, api_keys_v1, merchants_v1,
    projection_checkpoints, parked_streams
    TO paymint_projector;
GRANT EXECUTE ON FUNCTION advance_checkpoints(integer, text[], integer[], bigint, bigint) TO paymint_projector;
GRANT SELECT, INSERT ON projection_versions TO paymint_projector;
GRANT SELECT ON payments, payments_labels, payments_totals, refunds, refunds_totals, api_keys, merchants TO paymint_projector;
