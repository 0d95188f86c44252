-- +goose Up

-- What prices a merchant was given lately, by pair.
CREATE INDEX quote_used ON quote (shard, merchant, send_currency, receive_currency, seq) WHERE used_by > 0;
