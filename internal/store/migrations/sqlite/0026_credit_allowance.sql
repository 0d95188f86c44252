-- +goose Up

-- How much of a currency a merchant may credit by itself: what the operator granted, and what it has used.
CREATE TABLE credit_allowance (
    shard      INTEGER NOT NULL,
    merchant   INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    currency   TEXT    NOT NULL,
    granted    TEXT    NOT NULL CHECK (granted = '0' OR granted >= '1' AND granted < ':' AND length(granted) <= 39 AND granted NOT GLOB '*[^0-9]*'),
    used       TEXT    NOT NULL CHECK (used = '0' OR used >= '1' AND used < ':' AND length(used) <= 39 AND used NOT GLOB '*[^0-9]*'),
    PRIMARY KEY (shard, merchant, currency)
) STRICT, WITHOUT ROWID;
