-- +goose Up

-- Bank accounts as destinations: when they were agreed to, from when they can be used, and their end.
ALTER TABLE destination ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN usable_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN deleted_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN print TEXT NOT NULL DEFAULT '';

DROP INDEX destination_merchant;
CREATE INDEX destination_merchant ON destination (shard, merchant, seq) WHERE deleted_at = 0;
CREATE INDEX destination_account ON destination (shard, account, seq) WHERE deleted_at = 0 AND account <> 0;

CREATE TABLE destination_tally (
    shard    SMALLINT NOT NULL,
    merchant BIGINT   NOT NULL,
    account  BIGINT   NOT NULL,
    count    BIGINT   NOT NULL CHECK (count >= 0),
    version  BIGINT   NOT NULL,
    PRIMARY KEY (shard, merchant, account)
);

CREATE TABLE destination_print (
    shard       SMALLINT         NOT NULL,
    merchant    BIGINT           NOT NULL,
    account     BIGINT           NOT NULL,
    print       TEXT COLLATE "C" NOT NULL,
    destination BIGINT           NOT NULL,
    version     BIGINT           NOT NULL,
    PRIMARY KEY (shard, merchant, account, print)
);
