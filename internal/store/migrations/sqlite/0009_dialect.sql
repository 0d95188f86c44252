-- +goose Up

-- Who speaks a dialect: the public name follows from seq; secret is sealed where the installation can.
CREATE TABLE credential (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    merchant   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    dialect    TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    public_key TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,
    options    TEXT    NOT NULL,
    secret     BLOB    NOT NULL
) STRICT;
CREATE INDEX credential_merchant ON credential (shard, merchant, seq) WHERE seq > 0;

-- Small numbers that a wire shows instead of ids.
CREATE TABLE alias (
    shard    INTEGER NOT NULL,
    merchant INTEGER NOT NULL,
    ref      INTEGER NOT NULL,
    number   INTEGER NOT NULL CHECK (number > 0),
    wire     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    PRIMARY KEY (shard, merchant, wire, ref)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX alias_number ON alias (shard, merchant, wire, number) WHERE number > 0;

CREATE TABLE alias_counter (
    shard    INTEGER NOT NULL,
    merchant INTEGER NOT NULL,
    last     INTEGER NOT NULL CHECK (last > 0),
    version  INTEGER NOT NULL,
    wire     TEXT    NOT NULL,
    PRIMARY KEY (shard, merchant, wire)
) STRICT, WITHOUT ROWID;

-- Exchanges between balances of one account. Never changed.
CREATE TABLE conversion (
    shard            INTEGER NOT NULL,
    seq              INTEGER PRIMARY KEY,
    merchant         INTEGER NOT NULL,
    account          INTEGER NOT NULL,
    quote            INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    foreign_id       TEXT    NOT NULL,
    send_currency    TEXT    NOT NULL,
    send             TEXT    NOT NULL CHECK (send >= '1' AND send < ':' AND length(send) <= 39 AND send NOT GLOB '*[^0-9]*'),
    fee              TEXT    NOT NULL CHECK (fee = '0' OR fee >= '1' AND fee < ':' AND length(fee) <= 39 AND fee NOT GLOB '*[^0-9]*'),
    receive_currency TEXT    NOT NULL,
    receive          TEXT    NOT NULL CHECK (receive >= '1' AND receive < ':' AND length(receive) <= 39 AND receive NOT GLOB '*[^0-9]*'),
    price            TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX conversion_foreign_id ON conversion (shard, merchant, foreign_id) WHERE foreign_id <> '';
CREATE INDEX conversion_merchant ON conversion (shard, merchant, seq) WHERE seq > 0;

-- What a transaction pays.
CREATE INDEX withdrawal_txid ON withdrawal (shard, txid) WHERE txid <> '';
