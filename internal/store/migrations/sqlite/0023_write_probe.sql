-- +goose Up

-- One row that means nothing: writing it shows whether the database takes writes.
CREATE TABLE write_probe (id INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL);
