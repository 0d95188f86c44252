-- +goose Up

-- What banks sent. A file's own bytes are in bank_file_bytes.
CREATE TABLE bank_file (
    shard      SMALLINT NOT NULL,
    hash       TEXT COLLATE "C" NOT NULL,
    seq        BIGINT NOT NULL,
    wallet     TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    message_id TEXT NOT NULL,
    state      TEXT COLLATE "C" NOT NULL CHECK (state IN ('begun', 'taken', 'refused')),
    reason     TEXT NOT NULL,
    size       BIGINT NOT NULL,
    entries    BIGINT NOT NULL,
    problems   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    done_at    BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    CHECK ((state = 'begun') = (done_at = 0)),
    PRIMARY KEY (shard, hash)
) WITH (fillfactor = 70);
CREATE INDEX bank_file_list ON bank_file (shard, seq) WHERE seq > 0;

CREATE TABLE bank_file_bytes (
    shard  SMALLINT NOT NULL,
    seq    BIGINT NOT NULL,
    hash   TEXT NOT NULL,
    sealed BOOLEAN NOT NULL,
    raw    BYTEA NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE UNIQUE INDEX bank_file_bytes_hash ON bank_file_bytes (shard, hash) WHERE seq > 0;

-- Files of payments that were handed over to banks, or are about to be.
CREATE TABLE bank_order (
    shard      SMALLINT NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    seq        BIGINT NOT NULL,
    wallet     TEXT NOT NULL,
    service    TEXT NOT NULL,
    day        TEXT NOT NULL,
    payments   BIGINT NOT NULL CHECK (payments > 0),
    total      NUMERIC(39,0) NOT NULL CHECK (total > 0),
    waiting    BYTEA NOT NULL,
    handed_at  BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    PRIMARY KEY (shard, id)
) WITH (fillfactor = 70);
CREATE INDEX bank_order_list ON bank_order (shard, seq) WHERE seq > 0;

-- One payment of such a file, and what the bank's answers prove of it.
CREATE TABLE bank_payment (
    shard            SMALLINT NOT NULL,
    order_id         TEXT COLLATE "C" NOT NULL,
    place            BIGINT NOT NULL,
    end_to_end       TEXT COLLATE "C" NOT NULL,
    batch            TEXT NOT NULL,
    instruction      TEXT NOT NULL,
    withdrawal_shard SMALLINT NOT NULL,
    withdrawal       BIGINT NOT NULL,
    amount           NUMERIC(39,0) NOT NULL CHECK (amount > 0),
    creditor         TEXT NOT NULL,
    state            TEXT COLLATE "C" NOT NULL CHECK (state IN ('held', 'confirmed', 'failed', 'returned')),
    status           TEXT NOT NULL,
    servicer_ref     TEXT NOT NULL,
    rejected         BOOLEAN NOT NULL,
    reason           TEXT NOT NULL,
    evidence         BYTEA NOT NULL,
    back             NUMERIC(39,0) NOT NULL CHECK (back >= 0),
    back_reason      TEXT NOT NULL,
    told             BOOLEAN NOT NULL,
    updated_at       BIGINT NOT NULL,
    version          BIGINT NOT NULL,
    PRIMARY KEY (shard, order_id, place)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX bank_payment_end_to_end ON bank_payment (shard, end_to_end) WHERE place >= 0;
CREATE INDEX bank_payment_returned ON bank_payment (shard, order_id, place) WHERE state = 'returned' AND told = FALSE;

-- What a bank may call an order or one of its payments.
CREATE TABLE bank_name (
    shard    SMALLINT NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (shard, name)
);

-- Every booking of a bank, once.
CREATE TABLE bank_entry (
    shard        SMALLINT NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    seq          BIGINT NOT NULL,
    wallet       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    file         TEXT NOT NULL,
    order_id     TEXT NOT NULL,
    end_to_end   TEXT NOT NULL,
    amount       NUMERIC(39,0) NOT NULL CHECK (amount >= 0),
    currency     TEXT NOT NULL,
    side         TEXT NOT NULL,
    booked       BOOLEAN NOT NULL,
    part         BOOLEAN NOT NULL,
    day          TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('note', 'matched', 'suspense', 'resolved')),
    cause        TEXT NOT NULL,
    text         TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    resolution   TEXT NOT NULL,
    resolved_by  TEXT NOT NULL,
    resolved_at  BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    CHECK ((state = 'resolved') = (resolved_at <> 0)),
    PRIMARY KEY (shard, key)
) WITH (fillfactor = 80);
CREATE INDEX bank_entry_suspense ON bank_entry (shard, seq) WHERE state = 'suspense';
CREATE INDEX bank_entry_list ON bank_entry (shard, seq) WHERE seq > 0;

-- Statements with all their pages.
CREATE TABLE bank_statement (
    shard        SMALLINT NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    seq          BIGINT NOT NULL,
    wallet       TEXT NOT NULL,
    year         TEXT COLLATE "C" NOT NULL,
    sequence     BIGINT NOT NULL,
    day          TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('open', 'balanced', 'unbalanced', 'bare')),
    opening      NUMERIC(39,0) NOT NULL CHECK (opening >= 0),
    opening_side TEXT NOT NULL,
    closing      NUMERIC(39,0) NOT NULL CHECK (closing >= 0),
    closing_side TEXT NOT NULL,
    total_in     NUMERIC(39,0) NOT NULL CHECK (total_in >= 0),
    total_out    NUMERIC(39,0) NOT NULL CHECK (total_out >= 0),
    gap          BOOLEAN NOT NULL,
    pages        BYTEA NOT NULL,
    created_at   BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    PRIMARY KEY (shard, key)
) WITH (fillfactor = 70);
CREATE INDEX bank_statement_number ON bank_statement (shard, wallet, year, sequence) WHERE sequence > 0;
CREATE INDEX bank_statement_list ON bank_statement (shard, seq) WHERE seq > 0;
