-- +goose Up

-- Orders of operators to use up the slot of a dispatch for nothing. Never removed.
CREATE TABLE dispatch_cancel (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    wallet     INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    attempt    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL
) STRICT;
CREATE INDEX dispatch_cancel_wallet ON dispatch_cancel (shard, wallet, seq) WHERE seq > 0;

-- What the network calls an attempt belongs to one dispatch for ever.
CREATE UNIQUE INDEX attempt_txid ON attempt (shard, txid) WHERE number > 0;
