-- +goose Up

-- Who speaks a dialect: the public name follows from seq; secret is sealed where the installation can.
CREATE TABLE credential (
    shard            SMALLINT         NOT NULL,
    seq              BIGINT           NOT NULL,
    merchant         BIGINT           NOT NULL,
    created_at       BIGINT           NOT NULL,
    revoked_at       BIGINT           NOT NULL,
    version          BIGINT           NOT NULL,
    dialect          TEXT COLLATE "C" NOT NULL,
    name             TEXT COLLATE "C" NOT NULL,
    public_key       TEXT COLLATE "C" NOT NULL,
    scopes           TEXT COLLATE "C" NOT NULL,
    options          TEXT COLLATE "C" NOT NULL,
    secret           BYTEA            NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX credential_merchant ON credential (shard, merchant, seq) WHERE seq > 0;

-- Small numbers that a wire shows instead of ids.
CREATE TABLE alias (
    shard            SMALLINT         NOT NULL,
    merchant         BIGINT           NOT NULL,
    ref              BIGINT           NOT NULL,
    number           BIGINT           NOT NULL CHECK (number > 0),
    wire             TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, merchant, wire, ref)
);
CREATE UNIQUE INDEX alias_number ON alias (shard, merchant, wire, number) WHERE number > 0;

CREATE TABLE alias_counter (
    shard            SMALLINT         NOT NULL,
    merchant         BIGINT           NOT NULL,
    last             BIGINT           NOT NULL CHECK (last > 0),
    version          BIGINT           NOT NULL,
    wire             TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, merchant, wire)
);

-- Exchanges between balances of one account. Never changed.
CREATE TABLE conversion (
    shard            SMALLINT         NOT NULL,
    seq              BIGINT           NOT NULL,
    merchant         BIGINT           NOT NULL,
    account          BIGINT           NOT NULL,
    quote            BIGINT           NOT NULL,
    created_at       BIGINT           NOT NULL,
    foreign_id       TEXT COLLATE "C" NOT NULL,
    send_currency    TEXT COLLATE "C" NOT NULL,
    send             NUMERIC(39,0) NOT NULL CHECK (send > 0),
    fee              NUMERIC(39,0) NOT NULL CHECK (fee >= 0),
    receive_currency TEXT COLLATE "C" NOT NULL,
    receive          NUMERIC(39,0) NOT NULL CHECK (receive > 0),
    price            TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE UNIQUE INDEX conversion_foreign_id ON conversion (shard, merchant, foreign_id) WHERE foreign_id <> '';
CREATE INDEX conversion_merchant ON conversion (shard, merchant, seq) WHERE seq > 0;

-- What a transaction pays.
CREATE INDEX withdrawal_txid ON withdrawal (shard, txid) WHERE txid <> '';
