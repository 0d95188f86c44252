-- +goose Up

-- Credits that are for trading, and how much of a balance came in by them; credits that were taken back.
ALTER TABLE credit
    ADD COLUMN kind TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN tradable BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN taken_back_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX credit_merchant ON credit (shard, merchant, seq) WHERE seq > 0;
ALTER TABLE balance ADD COLUMN tradable NUMERIC(39,0) NOT NULL DEFAULT 0 CHECK (tradable >= 0);
ALTER TABLE event ADD COLUMN tradable NUMERIC(39,0) NOT NULL DEFAULT 0;

-- Accounts for securities inside an account group; seq is that of the account.
ALTER TABLE customer_group ADD COLUMN trading BIGINT NOT NULL DEFAULT 0 CHECK (trading >= 0);
CREATE TABLE customer_trading (
    shard          SMALLINT         NOT NULL,
    seq            BIGINT           NOT NULL,
    merchant       BIGINT           NOT NULL,
    customer_group BIGINT           NOT NULL,
    owner          BIGINT           NOT NULL,
    number         BIGINT           NOT NULL CHECK (number > 0),
    created_at     BIGINT           NOT NULL,
    updated_at     BIGINT           NOT NULL,
    version        BIGINT           NOT NULL,
    type           TEXT COLLATE "C" NOT NULL,
    name           TEXT COLLATE "C" NOT NULL,
    status         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX customer_trading_merchant ON customer_trading (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX customer_trading_group ON customer_trading (shard, customer_group, seq) WHERE seq > 0;

-- The wire by which a withdrawal came in, and endpoints that want those of their own wire only.
ALTER TABLE withdrawal ADD COLUMN origin TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_endpoint ADD COLUMN own_only BOOLEAN NOT NULL DEFAULT FALSE;

-- Deliveries that were sent in one request, and are sent again in the same one.
ALTER TABLE webhook_delivery ADD COLUMN package BIGINT NOT NULL DEFAULT 0;

-- What this wire tells of since: endpoints that were made before are told too.
UPDATE webhook_endpoint SET types = types || ' account.closed credit.settled credit.taken_back'
WHERE format = 'upvest' AND types <> '*' AND types NOT LIKE '%account.closed%';
