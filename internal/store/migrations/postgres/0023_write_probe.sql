-- +goose Up

-- One row that means nothing: writing it shows whether the database takes writes.
CREATE TABLE write_probe (id bigint NOT NULL PRIMARY KEY, at bigint NOT NULL);
