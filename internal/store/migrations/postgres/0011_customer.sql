-- +goose Up

-- The account that an account is a part of; 0 for none.
ALTER TABLE account ADD COLUMN owner BIGINT NOT NULL DEFAULT 0;

-- What an endpoint's format wants to know of it.
ALTER TABLE webhook_endpoint ADD COLUMN options TEXT COLLATE "C" NOT NULL DEFAULT '';

-- Keys with which the installation signs a wire for every merchant.
CREATE TABLE wire_key (
    shard      SMALLINT NOT NULL,
    number     BIGINT NOT NULL CHECK (number > 0),
    seq        BIGINT NOT NULL,
    use_from   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    wire       TEXT COLLATE "C"    NOT NULL,
    secret     BYTEA    NOT NULL,
    PRIMARY KEY (shard, wire, number)
);

-- People behind accounts; seq is that of the account.
CREATE TABLE customer_user (
    shard          SMALLINT NOT NULL,
    seq            BIGINT NOT NULL,
    merchant       BIGINT NOT NULL,
    account_groups BIGINT NOT NULL CHECK (account_groups >= 0),
    created_at     BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL,
    version        BIGINT NOT NULL,
    status         TEXT COLLATE "C"    NOT NULL,
    profile        BYTEA    NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX customer_user_merchant ON customer_user (shard, merchant, seq) WHERE seq > 0;

CREATE TABLE customer_group (
    shard      SMALLINT NOT NULL,
    seq        BIGINT NOT NULL,
    merchant   BIGINT NOT NULL,
    owner      BIGINT NOT NULL,
    number     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version    BIGINT NOT NULL,
    type       TEXT COLLATE "C"    NOT NULL,
    status     TEXT COLLATE "C"    NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX customer_group_merchant ON customer_group (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX customer_group_owner ON customer_group (shard, owner, seq) WHERE seq > 0;

-- What is shown of a reference account; seq is that of the destination.
CREATE TABLE customer_reference (
    shard    SMALLINT NOT NULL,
    seq      BIGINT NOT NULL,
    merchant BIGINT NOT NULL,
    owner    BIGINT NOT NULL,
    version  BIGINT NOT NULL,
    mask     TEXT COLLATE "C"    NOT NULL,
    PRIMARY KEY (shard, seq)
);
