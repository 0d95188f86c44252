-- +goose Up

-- How much of a currency a merchant may credit by itself: what the operator granted, and what it has used.
CREATE TABLE credit_allowance (
    shard      SMALLINT         NOT NULL,
    merchant   BIGINT           NOT NULL,
    updated_at BIGINT           NOT NULL,
    version    BIGINT           NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    granted    NUMERIC(39,0)    NOT NULL CHECK (granted >= 0),
    used       NUMERIC(39,0)    NOT NULL CHECK (used >= 0),
    PRIMARY KEY (shard, merchant, currency)
);
