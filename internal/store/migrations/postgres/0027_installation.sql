-- +goose Up

-- Books that may be older than what was paid are only looked at.
ALTER TABLE shard ADD COLUMN looking BOOLEAN NOT NULL DEFAULT FALSE;

-- The one row about the books as a whole.
CREATE TABLE installation (
    shard   SMALLINT NOT NULL,
    name    TEXT COLLATE "C" NOT NULL CHECK (name = 'self'),
    state   TEXT     NOT NULL CHECK (state IN ('open', 'looking')),
    reason  TEXT     NOT NULL,
    since   BIGINT   NOT NULL,
    actor   TEXT     NOT NULL,
    asks    BOOLEAN  NOT NULL,
    place   TEXT     NOT NULL,
    version BIGINT   NOT NULL,
    PRIMARY KEY (shard, name)
);

-- Ids of merchants that stay taken although their withdrawals were lost: the signer's log
-- says that they were paid.
CREATE TABLE kept_foreign_id (
    shard      SMALLINT      NOT NULL,
    merchant   BIGINT        NOT NULL,
    foreign_id TEXT COLLATE "C" NOT NULL,
    withdrawal BIGINT        NOT NULL,
    network    TEXT          NOT NULL,
    asset      TEXT          NOT NULL,
    amount     NUMERIC(39,0) NOT NULL CHECK (amount >= 0),
    address    TEXT          NOT NULL,
    dispatch   BIGINT        NOT NULL,
    reason     TEXT          NOT NULL,
    actor      TEXT          NOT NULL,
    created_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    PRIMARY KEY (shard, merchant, foreign_id)
);
