-- +goose Up

-- What banks sent. A file's own bytes are in bank_file_bytes.
CREATE TABLE bank_file (
    shard      INTEGER NOT NULL,
    hash       TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    wallet     TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    message_id TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('begun', 'taken', 'refused')),
    reason     TEXT NOT NULL,
    size       INTEGER NOT NULL,
    entries    INTEGER NOT NULL,
    problems   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    done_at    INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    CHECK ((state = 'begun') = (done_at = 0)),
    PRIMARY KEY (shard, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX bank_file_list ON bank_file (shard, seq) WHERE seq > 0;

CREATE TABLE bank_file_bytes (
    shard  INTEGER NOT NULL,
    seq    INTEGER PRIMARY KEY,
    hash   TEXT NOT NULL,
    sealed INTEGER NOT NULL CHECK (sealed IN (0, 1)),
    raw    BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX bank_file_bytes_hash ON bank_file_bytes (shard, hash) WHERE seq > 0;

-- Files of payments that were handed over to banks, or are about to be.
CREATE TABLE bank_order (
    shard      INTEGER NOT NULL,
    id         TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    wallet     TEXT NOT NULL,
    service    TEXT NOT NULL,
    day        TEXT NOT NULL,
    payments   INTEGER NOT NULL CHECK (payments > 0),
    total      TEXT NOT NULL CHECK (total >= '1' AND total < ':' AND length(total) <= 39 AND total NOT GLOB '*[^0-9]*'),
    waiting    BLOB NOT NULL,
    handed_at  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (shard, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX bank_order_list ON bank_order (shard, seq) WHERE seq > 0;

-- One payment of such a file, and what the bank's answers prove of it.
CREATE TABLE bank_payment (
    shard            INTEGER NOT NULL,
    order_id         TEXT NOT NULL,
    place            INTEGER NOT NULL,
    end_to_end       TEXT NOT NULL,
    batch            TEXT NOT NULL,
    instruction      TEXT NOT NULL,
    withdrawal_shard INTEGER NOT NULL,
    withdrawal       INTEGER NOT NULL,
    amount           TEXT NOT NULL CHECK (amount >= '1' AND amount < ':' AND length(amount) <= 39 AND amount NOT GLOB '*[^0-9]*'),
    creditor         TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('held', 'confirmed', 'failed', 'returned')),
    status           TEXT NOT NULL,
    servicer_ref     TEXT NOT NULL,
    rejected         INTEGER NOT NULL CHECK (rejected IN (0, 1)),
    reason           TEXT NOT NULL,
    evidence         BLOB NOT NULL,
    back             TEXT NOT NULL CHECK (back = '0' OR back >= '1' AND back < ':' AND length(back) <= 39 AND back NOT GLOB '*[^0-9]*'),
    back_reason      TEXT NOT NULL,
    told             INTEGER NOT NULL CHECK (told IN (0, 1)),
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    PRIMARY KEY (shard, order_id, place)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX bank_payment_end_to_end ON bank_payment (shard, end_to_end) WHERE place >= 0;
CREATE INDEX bank_payment_returned ON bank_payment (shard, order_id, place) WHERE state = 'returned' AND told = FALSE;

-- What a bank may call an order or one of its payments.
CREATE TABLE bank_name (
    shard    INTEGER NOT NULL,
    name     TEXT NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (shard, name)
) STRICT, WITHOUT ROWID;

-- Every booking of a bank, once.
CREATE TABLE bank_entry (
    shard        INTEGER NOT NULL,
    key          TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    wallet       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    file         TEXT NOT NULL,
    order_id     TEXT NOT NULL,
    end_to_end   TEXT NOT NULL,
    amount       TEXT NOT NULL CHECK (amount = '0' OR amount >= '1' AND amount < ':' AND length(amount) <= 39 AND amount NOT GLOB '*[^0-9]*'),
    currency     TEXT NOT NULL,
    side         TEXT NOT NULL,
    booked       INTEGER NOT NULL CHECK (booked IN (0, 1)),
    part         INTEGER NOT NULL CHECK (part IN (0, 1)),
    day          TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('note', 'matched', 'suspense', 'resolved')),
    cause        TEXT NOT NULL,
    text         TEXT NOT NULL,
    counterparty TEXT NOT NULL,
    resolution   TEXT NOT NULL,
    resolved_by  TEXT NOT NULL,
    resolved_at  INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    CHECK ((state = 'resolved') = (resolved_at <> 0)),
    PRIMARY KEY (shard, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX bank_entry_suspense ON bank_entry (shard, seq) WHERE state = 'suspense';
CREATE INDEX bank_entry_list ON bank_entry (shard, seq) WHERE seq > 0;

-- Statements with all their pages.
CREATE TABLE bank_statement (
    shard        INTEGER NOT NULL,
    key          TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    wallet       TEXT NOT NULL,
    year         TEXT NOT NULL,
    sequence     INTEGER NOT NULL,
    day          TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('open', 'balanced', 'unbalanced', 'bare')),
    opening      TEXT NOT NULL CHECK (opening = '0' OR opening >= '1' AND opening < ':' AND length(opening) <= 39 AND opening NOT GLOB '*[^0-9]*'),
    opening_side TEXT NOT NULL,
    closing      TEXT NOT NULL CHECK (closing = '0' OR closing >= '1' AND closing < ':' AND length(closing) <= 39 AND closing NOT GLOB '*[^0-9]*'),
    closing_side TEXT NOT NULL,
    total_in     TEXT NOT NULL CHECK (total_in = '0' OR total_in >= '1' AND total_in < ':' AND length(total_in) <= 39 AND total_in NOT GLOB '*[^0-9]*'),
    total_out    TEXT NOT NULL CHECK (total_out = '0' OR total_out >= '1' AND total_out < ':' AND length(total_out) <= 39 AND total_out NOT GLOB '*[^0-9]*'),
    gap          INTEGER NOT NULL CHECK (gap IN (0, 1)),
    pages        BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    PRIMARY KEY (shard, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX bank_statement_number ON bank_statement (shard, wallet, year, sequence) WHERE sequence > 0;
CREATE INDEX bank_statement_list ON bank_statement (shard, seq) WHERE seq > 0;
