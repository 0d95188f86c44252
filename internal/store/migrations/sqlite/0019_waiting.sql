-- +goose Up

-- What keeps open withdrawals waiting is counted every few seconds, by network and reason.
CREATE INDEX withdrawal_waiting ON withdrawal (shard, network, attention, updated_at) WHERE ended_at = 0 AND attention <> '';
