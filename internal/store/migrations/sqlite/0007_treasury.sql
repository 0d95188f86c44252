-- +goose Up

-- What the treasury remembers of a wallet in one asset.
CREATE TABLE wallet_book (
    shard      INTEGER NOT NULL,
    wallet     INTEGER NOT NULL,
    asset      TEXT    NOT NULL,
    block      INTEGER NOT NULL,
    hash       TEXT    NOT NULL,
    missing    TEXT    NOT NULL CHECK (missing NOT GLOB '*[^0-9]*' AND length(missing) BETWEEN 1 AND 39),
    low        INTEGER NOT NULL CHECK (low IN (0, 1)),
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (shard, wallet, asset)
) STRICT, WITHOUT ROWID;

-- Bookings between wallets and the world outside. Never changed.
CREATE TABLE wallet_funding (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    wallet     INTEGER NOT NULL,
    asset      TEXT    NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('deposit', 'outflow')),
    amount     TEXT    NOT NULL CHECK (amount NOT GLOB '*[^0-9]*' AND length(amount) BETWEEN 1 AND 39 AND amount <> '0'),
    block      INTEGER NOT NULL,
    hash       TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX wallet_funding_wallet ON wallet_funding (shard, wallet, seq) WHERE seq > 0;
-- One final block is booked once.
CREATE UNIQUE INDEX wallet_funding_block ON wallet_funding (shard, wallet, asset, block) WHERE block > 0;
