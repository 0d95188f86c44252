-- +goose Up

-- The currencies that the database was used with. Amounts are in smallest units: a scale never changes.
CREATE TABLE asset (
    shard   INTEGER NOT NULL,
    code    TEXT    NOT NULL,
    scale   INTEGER NOT NULL CHECK (scale BETWEEN 0 AND 18),
    version INTEGER NOT NULL,
    PRIMARY KEY (shard, code)
) STRICT, WITHOUT ROWID;
