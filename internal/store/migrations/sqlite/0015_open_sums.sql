-- +goose Up

-- What accepted withdrawals are owed is added up every few seconds: the index answers
-- that by itself. Its condition and the order of its keys are as before.
DROP INDEX withdrawal_open;
CREATE INDEX withdrawal_open ON withdrawal (shard, state, release_at, seq, network, receive_currency, receive) WHERE ended_at = 0;

-- Few of those that are open are exchanged on their way.
CREATE INDEX withdrawal_exchanged ON withdrawal (shard, seq) WHERE ended_at = 0 AND receive_currency <> currency;
