-- +goose Up

-- How many webhook endpoints a merchant has that are not deleted.
CREATE TABLE webhook_tally (
    shard     INTEGER NOT NULL,
    merchant  INTEGER NOT NULL,
    endpoints INTEGER NOT NULL CHECK (endpoints >= 0),
    version   INTEGER NOT NULL,
    PRIMARY KEY (shard, merchant)
) STRICT, WITHOUT ROWID;
INSERT INTO webhook_tally (shard, merchant, endpoints, version)
    SELECT shard, merchant, count(*), 1 FROM webhook_endpoint WHERE state <> 'deleted' GROUP BY shard, merchant;
