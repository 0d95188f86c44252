-- +goose Up

-- The state of the shard's chain, sealed; '' as long as there is none.
ALTER TABLE shard ADD COLUMN chain BYTEA NOT NULL DEFAULT '';

-- The mark of what may never be changed by another hand: what a withdrawal was accepted as, where
-- money may go, and who may ask for it. '' for what is older than the chain.
ALTER TABLE withdrawal ADD COLUMN mark BYTEA NOT NULL DEFAULT '';
ALTER TABLE destination ADD COLUMN mark BYTEA NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN mark BYTEA NOT NULL DEFAULT '';
ALTER TABLE credential ADD COLUMN mark BYTEA NOT NULL DEFAULT '';
