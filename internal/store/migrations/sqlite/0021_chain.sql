-- +goose Up

-- The state of the shard's chain, sealed; x'' as long as there is none.
ALTER TABLE shard ADD COLUMN chain BLOB NOT NULL DEFAULT x'';

-- The mark of what may never be changed by another hand: what a withdrawal was accepted as, where
-- money may go, and who may ask for it. x'' for what is older than the chain.
ALTER TABLE withdrawal ADD COLUMN mark BLOB NOT NULL DEFAULT x'';
ALTER TABLE destination ADD COLUMN mark BLOB NOT NULL DEFAULT x'';
ALTER TABLE api_key ADD COLUMN mark BLOB NOT NULL DEFAULT x'';
ALTER TABLE credential ADD COLUMN mark BLOB NOT NULL DEFAULT x'';
