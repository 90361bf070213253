-- The sandbox acquirer's own record: what it was asked under each reference, what it
-- said, and how each hold stands. It is the other side's truth: nothing but
-- gateways/sandbox writes it, and it refers to none of our tables.

-- +goose Up

CREATE TABLE sandbox_book (
    reference               uuid        PRIMARY KEY, -- a UUIDv7: new rows go to the index's right edge
    payment                 uuid        NOT NULL,
    authorization_reference uuid,       -- the hold a capture, cancel or refund works on
    capture_reference       uuid,       -- of an authorization: taken in the same message; of a refund: returned
    amount                  bigint      NOT NULL, -- asked for, in minor units
    approved                bigint      NOT NULL CHECK (approved >= 0),
    -- Of an authorization: how the hold stands. The rest is still held.
    captured                bigint      NOT NULL CHECK (captured >= 0),
    released                bigint      NOT NULL CHECK (released >= 0),
    refunded                bigint      NOT NULL CHECK (refunded BETWEEN 0 AND captured),
    requested_at            timestamptz NOT NULL, -- on the merchant's clock
    expires_at              timestamptz,
    final                   boolean     NOT NULL,
    reversed                boolean     NOT NULL,
    operation               text        NOT NULL CHECK (operation IN ('authorize', 'capture', 'cancel', 'refund')),
    outcome                 text        NOT NULL,
    currency                text        NOT NULL,
    card                    text        NOT NULL, -- a token, never a number
    decline                 text        NOT NULL,
    CHECK (captured + released <= approved)
) WITH (fillfactor = 85); -- a hold's capture and refunds update its row in place (HOT)

-- The roles exist where the first migration was allowed to make them.
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'paymint_app') THEN
        GRANT SELECT, INSERT, UPDATE ON sandbox_book TO paymint_app;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'paymint_auditor') THEN
        GRANT SELECT ON sandbox_book TO paymint_auditor;
    END IF;
END
$$;
-- +goose StatementEnd
