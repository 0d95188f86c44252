-- +goose Up

-- Every key and unique index begins with the shard, so that the tables can be spread by it. There are
-- no NULLs: 0, '' and an empty byte string mean "none". Times are microseconds since 1970 in UTC.
-- Text in keys compares by its bytes, as in SQLite, whatever the collation of the database.
-- Every index beside the primary key has a condition, if need be one that is always true (seq > 0): a
-- statement takes it only by repeating the condition, never by mistake while the tables are empty.
-- A fill factor below 100 leaves room on the page for the next version of a row that changes often.

CREATE TABLE shard (
    number     SMALLINT      PRIMARY KEY,
    last_seq   BIGINT        NOT NULL CHECK (last_seq >= 0),
    last_event BIGINT        NOT NULL CHECK (last_event >= 0),
    version    BIGINT        NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE idempotency (
    shard       SMALLINT      NOT NULL,
    merchant    BIGINT        NOT NULL,
    route       TEXT COLLATE "C" NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA         NOT NULL,
    ref         BIGINT        NOT NULL,
    body        BYTEA         NOT NULL,
    refused     BOOLEAN       NOT NULL,
    at          BIGINT        NOT NULL,
    PRIMARY KEY (shard, merchant, route, key)
);

CREATE TABLE merchant (
    shard            SMALLINT      NOT NULL,
    seq              BIGINT        NOT NULL,
    name             TEXT          NOT NULL,
    mode             TEXT          NOT NULL CHECK (mode IN ('live', 'test')),
    cancel_window_ns BIGINT        NOT NULL CHECK (cancel_window_ns >= 0),
    created_at       BIGINT        NOT NULL,
    version          BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);

CREATE TABLE api_key (
    shard       SMALLINT      NOT NULL,
    seq         BIGINT        NOT NULL,
    owner_shard SMALLINT      NOT NULL,
    owner       BIGINT        NOT NULL,
    mode        TEXT          NOT NULL CHECK (mode IN ('live', 'test')),
    name        TEXT          NOT NULL,
    hash        BYTEA         NOT NULL,
    prefix      TEXT          NOT NULL,
    last4       TEXT          NOT NULL,
    scopes      TEXT          NOT NULL,
    created_at  BIGINT        NOT NULL,
    expires_at  BIGINT        NOT NULL,
    revoked_at  BIGINT        NOT NULL,
    version     BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE UNIQUE INDEX api_key_hash ON api_key (shard, hash) WHERE length(hash) > 0;

CREATE TABLE account (
    shard      SMALLINT      NOT NULL,
    seq        BIGINT        NOT NULL,
    merchant   BIGINT        NOT NULL,
    kind       TEXT          NOT NULL CHECK (kind IN ('merchant', 'customer')),
    foreign_id TEXT COLLATE "C" NOT NULL,
    name       TEXT          NOT NULL,
    created_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX account_merchant ON account (shard, merchant, seq) WHERE seq > 0;
CREATE UNIQUE INDEX account_foreign_id ON account (shard, merchant, foreign_id) WHERE foreign_id <> '';

CREATE TABLE destination (
    shard      SMALLINT      NOT NULL,
    seq        BIGINT        NOT NULL,
    merchant   BIGINT        NOT NULL,
    account    BIGINT        NOT NULL,
    network    TEXT          NOT NULL,
    typed      TEXT          NOT NULL,
    canonical  TEXT          NOT NULL,
    decoded    BYTEA         NOT NULL,
    tag        TEXT          NOT NULL,
    label      TEXT          NOT NULL,
    created_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX destination_merchant ON destination (shard, merchant, seq) WHERE seq > 0;

CREATE TABLE balance (
    shard      SMALLINT      NOT NULL,
    account    BIGINT        NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    merchant   BIGINT        NOT NULL,
    available  NUMERIC(39,0) NOT NULL CHECK (available >= 0),
    pending    NUMERIC(39,0) NOT NULL CHECK (pending >= 0),
    locked     NUMERIC(39,0) NOT NULL CHECK (locked >= 0),
    reserved   NUMERIC(39,0) NOT NULL CHECK (reserved >= 0),
    updated_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    PRIMARY KEY (shard, account, currency)
) WITH (fillfactor = 70);

CREATE TABLE house (
    shard      SMALLINT      NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    total_in   NUMERIC(39,0) NOT NULL CHECK (total_in >= 0),
    total_out  NUMERIC(39,0) NOT NULL CHECK (total_out >= 0),
    updated_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    PRIMARY KEY (shard, name, currency)
) WITH (fillfactor = 50);

CREATE TABLE credit (
    shard        SMALLINT      NOT NULL,
    seq          BIGINT        NOT NULL,
    merchant     BIGINT        NOT NULL,
    account      BIGINT        NOT NULL,
    currency     TEXT          NOT NULL,
    amount       NUMERIC(39,0) NOT NULL CHECK (amount > 0),
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'settled')),
    available_at BIGINT        NOT NULL,
    reference    TEXT          NOT NULL,
    created_at   BIGINT        NOT NULL,
    settled_at   BIGINT        NOT NULL,
    version      BIGINT        NOT NULL,
    CHECK ((state = 'settled') = (settled_at <> 0)),
    PRIMARY KEY (shard, seq)
);
CREATE INDEX credit_account ON credit (shard, account, seq) WHERE seq > 0;
CREATE INDEX credit_due ON credit (shard, available_at, seq) WHERE state = 'pending' AND available_at > 0;

CREATE TABLE withdrawal (
    shard          SMALLINT      NOT NULL,
    seq            BIGINT        NOT NULL,
    merchant       BIGINT        NOT NULL,
    account        BIGINT        NOT NULL,
    foreign_id     TEXT COLLATE "C" NOT NULL CHECK (foreign_id <> ''),
    currency       TEXT          NOT NULL,
    amount         NUMERIC(39,0) NOT NULL CHECK (amount > 0),
    fee            NUMERIC(39,0) NOT NULL CHECK (fee >= 0),
    network        TEXT          NOT NULL,
    destination    BIGINT        NOT NULL,
    typed          TEXT          NOT NULL,
    canonical      TEXT          NOT NULL,
    decoded        BYTEA         NOT NULL CHECK (decoded <> ''),
    tag            TEXT          NOT NULL,
    metadata       TEXT          NOT NULL,
    release_at     BIGINT        NOT NULL,
    actor          TEXT          NOT NULL,
    created_at     BIGINT        NOT NULL,
    state          TEXT COLLATE "C" NOT NULL CHECK (state IN ('new', 'review', 'queued', 'processing', 'confirmed', 'failed', 'cancelled', 'rejected', 'returned')),
    stage          TEXT          NOT NULL,
    attention      TEXT          NOT NULL,
    attention_text TEXT          NOT NULL,
    reason         TEXT          NOT NULL,
    dispatch       BIGINT        NOT NULL,
    wallet         TEXT          NOT NULL,
    txid           TEXT          NOT NULL,
    network_fee    NUMERIC(39,0) NOT NULL CHECK (network_fee >= 0),
    fee_asset      TEXT          NOT NULL,
    updated_at     BIGINT        NOT NULL,
    ended_at       BIGINT        NOT NULL,
    version        BIGINT        NOT NULL,
    -- The rules of the state machine that one row can show: an end has its time, an instruction has
    -- its dispatch, and what was never claimed by one can be neither paid nor fail.
    CHECK ((ended_at <> 0) = (state IN ('confirmed', 'failed', 'cancelled', 'rejected', 'returned'))),
    CHECK (dispatch <> 0 OR state NOT IN ('processing', 'confirmed', 'failed', 'returned')),
    CHECK (dispatch = 0 OR state IN ('processing', 'confirmed', 'failed', 'returned')),
    PRIMARY KEY (shard, seq)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX withdrawal_foreign_id ON withdrawal (shard, merchant, foreign_id) WHERE foreign_id <> '';
CREATE INDEX withdrawal_account ON withdrawal (shard, account, seq) WHERE seq > 0;
CREATE INDEX withdrawal_merchant ON withdrawal (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX withdrawal_open ON withdrawal (shard, state, release_at, seq) WHERE state IN ('new', 'review', 'queued', 'processing');

CREATE TABLE transfer (
    shard          SMALLINT      NOT NULL,
    seq            BIGINT        NOT NULL,
    at             BIGINT        NOT NULL,
    kind           TEXT          NOT NULL,
    currency       TEXT          NOT NULL,
    amount         NUMERIC(39,0) NOT NULL CHECK (amount > 0),
    debit_account  BIGINT        NOT NULL,
    debit_name     TEXT          NOT NULL,
    credit_account BIGINT        NOT NULL,
    credit_name    TEXT          NOT NULL,
    withdrawal     BIGINT        NOT NULL,
    cause          BIGINT        NOT NULL,
    CHECK (debit_account <> credit_account OR debit_name <> credit_name),
    PRIMARY KEY (shard, seq)
);
CREATE INDEX transfer_withdrawal ON transfer (shard, withdrawal, seq) WHERE withdrawal <> 0;

CREATE TABLE event (
    shard           SMALLINT      NOT NULL,
    seq             BIGINT        NOT NULL,
    at              BIGINT        NOT NULL,
    type            TEXT          NOT NULL,
    merchant        BIGINT        NOT NULL,
    account         BIGINT        NOT NULL,
    subject         BIGINT        NOT NULL,
    subject_version BIGINT        NOT NULL,
    state           TEXT          NOT NULL,
    actor           TEXT          NOT NULL,
    reason          TEXT          NOT NULL,
    data            BYTEA         NOT NULL,
    currency        TEXT          NOT NULL,
    available       NUMERIC(39,0) NOT NULL,
    pending         NUMERIC(39,0) NOT NULL,
    locked          NUMERIC(39,0) NOT NULL,
    reserved        NUMERIC(39,0) NOT NULL,
    balance_version BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX event_merchant ON event (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX event_subject ON event (shard, subject, seq) WHERE subject <> 0;
