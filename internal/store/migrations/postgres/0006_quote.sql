-- +goose Up

-- Exchange prices that were offered. All but their use is fixed. rate and bid are fractions.
CREATE TABLE quote (
    shard            SMALLINT         NOT NULL,
    seq              BIGINT           NOT NULL,
    merchant         BIGINT           NOT NULL,
    rate_at          BIGINT           NOT NULL,
    created_at       BIGINT           NOT NULL,
    expires_at       BIGINT           NOT NULL,
    used_by          BIGINT           NOT NULL,
    used_at          BIGINT           NOT NULL,
    version          BIGINT           NOT NULL,
    fee_inside       BOOLEAN          NOT NULL,
    form             TEXT             NOT NULL CHECK (form IN ('send', 'receive')),
    send_currency    TEXT COLLATE "C" NOT NULL,
    send             NUMERIC(39,0)    NOT NULL CHECK (send > 0),
    receive_currency TEXT COLLATE "C" NOT NULL,
    receive          NUMERIC(39,0)    NOT NULL CHECK (receive > 0),
    network          TEXT COLLATE "C" NOT NULL,
    fee_currency     TEXT COLLATE "C" NOT NULL,
    fee              NUMERIC(39,0)    NOT NULL CHECK (fee >= 0),
    price            TEXT             NOT NULL,
    rate             TEXT             NOT NULL,
    bid              TEXT             NOT NULL,
    sources          TEXT             NOT NULL,
    CHECK ((used_by = 0) = (used_at = 0)),
    PRIMARY KEY (shard, seq)
);
CREATE INDEX quote_merchant ON quote (shard, merchant, seq) WHERE seq > 0;

-- What a merchant is charged, where that differs from the defaults of the installation. '' is any.
CREATE TABLE fee_schedule (
    shard        SMALLINT         NOT NULL,
    merchant     BIGINT           NOT NULL,
    ppm          BIGINT           NOT NULL CHECK (ppm >= 0 AND ppm < 1000000),
    updated_at   BIGINT           NOT NULL,
    version      BIGINT           NOT NULL,
    inside       BOOLEAN          NOT NULL,
    active       BOOLEAN          NOT NULL,
    currency     TEXT COLLATE "C" NOT NULL,
    network      TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL CHECK (kind IN ('', 'plain', 'exchange')),
    fixed        NUMERIC(39,0)    NOT NULL CHECK (fixed >= 0),
    minimum      NUMERIC(39,0)    NOT NULL CHECK (minimum >= 0),
    maximum      NUMERIC(39,0)    NOT NULL CHECK (maximum >= 0),
    carry        TEXT             NOT NULL CHECK (carry IN ('', 'flat', 'cost')),
    carry_amount NUMERIC(39,0)    NOT NULL CHECK (carry_amount >= 0),
    PRIMARY KEY (shard, merchant, currency, network, kind)
);
