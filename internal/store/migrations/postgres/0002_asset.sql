-- +goose Up

-- The currencies that the database was used with. Amounts are in smallest units: a scale never changes.
CREATE TABLE asset (
    shard   SMALLINT         NOT NULL,
    code    TEXT COLLATE "C" NOT NULL,
    scale   BIGINT           NOT NULL CHECK (scale BETWEEN 0 AND 18),
    version BIGINT           NOT NULL,
    PRIMARY KEY (shard, code)
);
