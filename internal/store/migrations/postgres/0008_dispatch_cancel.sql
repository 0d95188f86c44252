-- +goose Up

-- Orders of operators to use up the slot of a dispatch for nothing. Never removed.
CREATE TABLE dispatch_cancel (
    shard      SMALLINT NOT NULL,
    seq        BIGINT   NOT NULL,
    wallet     BIGINT   NOT NULL,
    actor      TEXT     NOT NULL,
    reason     TEXT     NOT NULL,
    attempt    BIGINT   NOT NULL,
    created_at BIGINT   NOT NULL,
    version    BIGINT   NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX dispatch_cancel_wallet ON dispatch_cancel (shard, wallet, seq) WHERE seq > 0;

-- What the network calls an attempt belongs to one dispatch for ever.
CREATE UNIQUE INDEX attempt_txid ON attempt (shard, txid) WHERE number > 0;
