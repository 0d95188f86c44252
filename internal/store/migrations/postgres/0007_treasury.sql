-- +goose Up

-- What the treasury remembers of a wallet in one asset.
CREATE TABLE wallet_book (
    shard      SMALLINT         NOT NULL,
    wallet     BIGINT           NOT NULL,
    asset      TEXT COLLATE "C" NOT NULL,
    block      BIGINT           NOT NULL,
    hash       TEXT             NOT NULL,
    missing    NUMERIC(39,0)    NOT NULL CHECK (missing >= 0),
    low        BOOLEAN          NOT NULL,
    updated_at BIGINT           NOT NULL,
    version    BIGINT           NOT NULL,
    PRIMARY KEY (shard, wallet, asset)
) WITH (fillfactor = 70);

-- Bookings between wallets and the world outside. Never changed.
CREATE TABLE wallet_funding (
    shard      SMALLINT         NOT NULL,
    seq        BIGINT           NOT NULL,
    wallet     BIGINT           NOT NULL,
    asset      TEXT COLLATE "C" NOT NULL,
    kind       TEXT COLLATE "C" NOT NULL CHECK (kind IN ('deposit', 'outflow')),
    amount     NUMERIC(39,0)    NOT NULL CHECK (amount > 0),
    block      BIGINT           NOT NULL,
    hash       TEXT             NOT NULL,
    reason     TEXT             NOT NULL,
    actor      TEXT             NOT NULL,
    created_at BIGINT           NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX wallet_funding_wallet ON wallet_funding (shard, wallet, seq) WHERE seq > 0;
-- One final block is booked once.
CREATE UNIQUE INDEX wallet_funding_block ON wallet_funding (shard, wallet, asset, block) WHERE block > 0;
