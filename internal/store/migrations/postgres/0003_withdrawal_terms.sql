-- +goose Up

-- What a withdrawal pays out may be another currency than it takes; a part of the network's fee may be
-- passed on, held with a ceiling; a person may have to approve; a bank is told more than a chain.
ALTER TABLE withdrawal
    ADD COLUMN fee_inside BOOLEAN NOT NULL DEFAULT FALSE,
    ADD COLUMN network_hold NUMERIC(39,0) NOT NULL DEFAULT 0 CHECK (network_hold >= 0),
    ADD COLUMN network_rate TEXT NOT NULL DEFAULT '',
    ADD COLUMN receive_currency TEXT COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN receive NUMERIC(39,0) NOT NULL DEFAULT 0 CHECK (receive >= 0),
    ADD COLUMN quote BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN payment TEXT NOT NULL DEFAULT '',
    ADD COLUMN review TEXT NOT NULL DEFAULT '',
    ADD COLUMN network_charge NUMERIC(39,0) NOT NULL DEFAULT 0 CHECK (network_charge >= 0),
    ADD COLUMN approval TEXT NOT NULL DEFAULT '';
UPDATE withdrawal SET receive_currency = currency, receive = amount;

DROP INDEX withdrawal_queued;
-- One currency that waits for money must not stand in the way of the others.
CREATE INDEX withdrawal_queued ON withdrawal (shard, network, receive_currency, release_at, seq) WHERE state = 'queued';

ALTER TABLE dispatch_item ADD COLUMN payment TEXT NOT NULL DEFAULT '';
