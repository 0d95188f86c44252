-- +goose Up

-- Credits that are for trading, and how much of a balance came in by them; credits that were taken back.
ALTER TABLE credit ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE credit ADD COLUMN tradable INTEGER NOT NULL DEFAULT 0 CHECK (tradable IN (0, 1));
ALTER TABLE credit ADD COLUMN taken_back_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX credit_merchant ON credit (shard, merchant, seq) WHERE seq > 0;
ALTER TABLE balance ADD COLUMN tradable TEXT NOT NULL DEFAULT '0'
    CHECK (tradable = '0' OR tradable >= '1' AND tradable < ':' AND length(tradable) <= 39 AND tradable NOT GLOB '*[^0-9]*');
ALTER TABLE event ADD COLUMN tradable TEXT NOT NULL DEFAULT '0';

-- Accounts for securities inside an account group; seq is that of the account.
ALTER TABLE customer_group ADD COLUMN trading INTEGER NOT NULL DEFAULT 0 CHECK (trading >= 0);
CREATE TABLE customer_trading (
    shard          INTEGER NOT NULL,
    seq            INTEGER PRIMARY KEY,
    merchant       INTEGER NOT NULL,
    customer_group INTEGER NOT NULL,
    owner          INTEGER NOT NULL,
    number         INTEGER NOT NULL CHECK (number > 0),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    type           TEXT    NOT NULL,
    name           TEXT    NOT NULL,
    status         TEXT    NOT NULL
) STRICT;
CREATE INDEX customer_trading_merchant ON customer_trading (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX customer_trading_group ON customer_trading (shard, customer_group, seq) WHERE seq > 0;

-- The wire by which a withdrawal came in, and endpoints that want those of their own wire only.
ALTER TABLE withdrawal ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN origin TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_endpoint ADD COLUMN own_only INTEGER NOT NULL DEFAULT 0 CHECK (own_only IN (0, 1));

-- Deliveries that were sent in one request, and are sent again in the same one.
ALTER TABLE webhook_delivery ADD COLUMN package INTEGER NOT NULL DEFAULT 0;

-- What this wire tells of since: endpoints that were made before are told too.
UPDATE webhook_endpoint SET types = types || ' account.closed credit.settled credit.taken_back'
WHERE format = 'upvest' AND types <> '*' AND types NOT LIKE '%account.closed%';
