-- +goose Up

-- The highest block that has proved an outcome of a wallet, and how many of its dispatches the
-- chain no longer holds.
CREATE TABLE wallet_stand (
    shard   SMALLINT NOT NULL,
    wallet  BIGINT   NOT NULL,
    number  BIGINT   NOT NULL,
    block   TEXT     NOT NULL,
    lost    BIGINT   NOT NULL,
    version BIGINT   NOT NULL,
    PRIMARY KEY (shard, wallet)
);

-- Dispatches that were done and that the chain no longer held. Never removed.
CREATE TABLE dispatch_lost (
    shard      SMALLINT NOT NULL,
    seq        BIGINT   NOT NULL,
    wallet     BIGINT   NOT NULL,
    state      TEXT     NOT NULL,
    actor      TEXT     NOT NULL,
    reason     TEXT     NOT NULL,
    created_at BIGINT   NOT NULL,
    ended_at   BIGINT   NOT NULL,
    version    BIGINT   NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX dispatch_lost_open ON dispatch_lost (shard, wallet, seq) WHERE state <> 'back';
