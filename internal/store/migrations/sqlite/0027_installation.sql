-- +goose Up

-- Books that may be older than what was paid are only looked at.
ALTER TABLE shard ADD COLUMN looking INTEGER NOT NULL DEFAULT 0 CHECK (looking IN (0, 1));

-- The one row about the books as a whole.
CREATE TABLE installation (
    shard   INTEGER NOT NULL,
    name    TEXT    NOT NULL CHECK (name = 'self'),
    state   TEXT    NOT NULL CHECK (state IN ('open', 'looking')),
    reason  TEXT    NOT NULL,
    since   INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    asks    INTEGER NOT NULL CHECK (asks IN (0, 1)),
    place   TEXT    NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (shard, name)
) STRICT, WITHOUT ROWID;

-- Ids of merchants that stay taken although their withdrawals were lost: the signer's log
-- says that they were paid.
CREATE TABLE kept_foreign_id (
    shard      INTEGER NOT NULL,
    merchant   INTEGER NOT NULL,
    foreign_id TEXT    NOT NULL,
    withdrawal INTEGER NOT NULL,
    network    TEXT    NOT NULL,
    asset      TEXT    NOT NULL,
    amount     TEXT    NOT NULL CHECK (amount = '0' OR amount >= '1' AND amount < ':' AND length(amount) <= 39 AND amount NOT GLOB '*[^0-9]*'),
    address    TEXT    NOT NULL,
    dispatch   INTEGER NOT NULL,
    reason     TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (shard, merchant, foreign_id)
) STRICT, WITHOUT ROWID;
