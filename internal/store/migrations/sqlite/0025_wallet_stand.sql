-- +goose Up

-- The highest block that has proved an outcome of a wallet, and how many of its dispatches the
-- chain no longer holds.
CREATE TABLE wallet_stand (
    shard   INTEGER NOT NULL,
    wallet  INTEGER NOT NULL,
    number  INTEGER NOT NULL,
    block   TEXT    NOT NULL,
    lost    INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (shard, wallet)
) STRICT;

-- Dispatches that were done and that the chain no longer held. Never removed.
CREATE TABLE dispatch_lost (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    wallet     INTEGER NOT NULL,
    state      TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    version    INTEGER NOT NULL
) STRICT;
CREATE INDEX dispatch_lost_open ON dispatch_lost (shard, wallet, seq) WHERE state <> 'back';
