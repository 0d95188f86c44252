-- +goose Up

-- The account that an account is a part of; 0 for none.
ALTER TABLE account ADD COLUMN owner INTEGER NOT NULL DEFAULT 0;

-- What an endpoint's format wants to know of it.
ALTER TABLE webhook_endpoint ADD COLUMN options TEXT NOT NULL DEFAULT '';

-- Keys with which the installation signs a wire for every merchant.
CREATE TABLE wire_key (
    shard      INTEGER NOT NULL,
    number     INTEGER NOT NULL CHECK (number > 0),
    seq        INTEGER NOT NULL,
    use_from   INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    wire       TEXT    NOT NULL,
    secret     BLOB    NOT NULL,
    PRIMARY KEY (shard, wire, number)
) STRICT, WITHOUT ROWID;

-- People behind accounts; seq is that of the account.
CREATE TABLE customer_user (
    shard          INTEGER NOT NULL,
    seq            INTEGER PRIMARY KEY,
    merchant       INTEGER NOT NULL,
    account_groups INTEGER NOT NULL CHECK (account_groups >= 0),
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    status         TEXT    NOT NULL,
    profile        BLOB    NOT NULL
) STRICT;
CREATE INDEX customer_user_merchant ON customer_user (shard, merchant, seq) WHERE seq > 0;

CREATE TABLE customer_group (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    merchant   INTEGER NOT NULL,
    owner      INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    type       TEXT    NOT NULL,
    status     TEXT    NOT NULL
) STRICT;
CREATE INDEX customer_group_merchant ON customer_group (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX customer_group_owner ON customer_group (shard, owner, seq) WHERE seq > 0;

-- What is shown of a reference account; seq is that of the destination.
CREATE TABLE customer_reference (
    shard    INTEGER NOT NULL,
    seq      INTEGER PRIMARY KEY,
    merchant INTEGER NOT NULL,
    owner    INTEGER NOT NULL,
    version  INTEGER NOT NULL,
    mask     TEXT    NOT NULL
) STRICT;
