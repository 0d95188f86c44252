-- +goose Up

-- How many webhook endpoints a merchant has that are not deleted.
CREATE TABLE webhook_tally (
    shard     SMALLINT NOT NULL,
    merchant  BIGINT NOT NULL,
    endpoints BIGINT NOT NULL CHECK (endpoints >= 0),
    version   BIGINT NOT NULL,
    PRIMARY KEY (shard, merchant)
) WITH (fillfactor = 50);
INSERT INTO webhook_tally (shard, merchant, endpoints, version)
    SELECT shard, merchant, count(*), 1 FROM webhook_endpoint WHERE state <> 'deleted' GROUP BY shard, merchant;
