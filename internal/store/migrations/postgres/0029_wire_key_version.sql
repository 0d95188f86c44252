-- +goose Up

-- The keys of wires can be sealed again: their rows change now. Rows without a version were never changed.
ALTER TABLE wire_key ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
