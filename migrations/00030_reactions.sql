-- What the reactions remember of their own: whom they have asked how often, and whose
-- test clock runs ahead. All of it can be lost without losing money: the intents are
-- in the log, and a look too many does nothing.

-- +goose Up

CREATE TABLE inquiries (
    payment_id  uuid        PRIMARY KEY,
    merchant_id uuid        NOT NULL,
    livemode    boolean     NOT NULL,
    lane        smallint    NOT NULL,
    next_at     timestamptz NOT NULL, -- nobody looks before; also the lease of who is looking now
    -- One element for each act in doubt: the same place in each array.
    intents     uuid[]        NOT NULL DEFAULT '{}',
    tries       integer[]     NOT NULL DEFAULT '{}',
    failures    integer[]     NOT NULL DEFAULT '{}',
    last_at     timestamptz[] NOT NULL DEFAULT '{}',
    escalated   boolean[]     NOT NULL DEFAULT '{}',
    CHECK (cardinality(intents) = cardinality(tries) AND cardinality(intents) = cardinality(failures)
       AND cardinality(intents) = cardinality(last_at) AND cardinality(intents) = cardinality(escalated))
);

CREATE INDEX inquiries_of_merchant ON inquiries (merchant_id) WHERE NOT livemode;

CREATE TABLE moved_clocks (
    merchant_id   uuid        PRIMARY KEY,
    lane          smallint    NOT NULL,
    recheck_until timestamptz NOT NULL -- moved so recently that what was settled before is looked at again
);

GRANT SELECT, INSERT, UPDATE, DELETE ON inquiries, moved_clocks TO paymint_app;
GRANT SELECT ON inquiries, moved_clocks TO paymint_auditor;
