-- +goose Up

-- A transaction that the operator made from a wallet's key is booked once.
CREATE UNIQUE INDEX wallet_funding_own ON wallet_funding (shard, wallet, asset, hash) WHERE block = 0 AND hash <> '';
