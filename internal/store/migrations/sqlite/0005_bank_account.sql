-- +goose Up

-- Bank accounts as destinations: when they were agreed to, from when they can be used, and their end.
ALTER TABLE destination ADD COLUMN confirmed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN usable_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN deleted_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN print TEXT NOT NULL DEFAULT '';

DROP INDEX destination_merchant;
CREATE INDEX destination_merchant ON destination (shard, merchant, seq) WHERE deleted_at = 0;
CREATE INDEX destination_account ON destination (shard, account, seq) WHERE deleted_at = 0 AND account <> 0;

CREATE TABLE destination_tally (
    shard    INTEGER NOT NULL,
    merchant INTEGER NOT NULL,
    account  INTEGER NOT NULL,
    count    INTEGER NOT NULL CHECK (count >= 0),
    version  INTEGER NOT NULL,
    PRIMARY KEY (shard, merchant, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE destination_print (
    shard       INTEGER NOT NULL,
    merchant    INTEGER NOT NULL,
    account     INTEGER NOT NULL,
    print       TEXT    NOT NULL,
    destination INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (shard, merchant, account, print)
) STRICT, WITHOUT ROWID;
