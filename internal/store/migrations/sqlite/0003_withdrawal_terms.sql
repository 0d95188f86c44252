-- +goose Up

-- What a withdrawal pays out may be another currency than it takes; a part of the network's fee may be
-- passed on, held with a ceiling; a person may have to approve; a bank is told more than a chain.
ALTER TABLE withdrawal ADD COLUMN fee_inside INTEGER NOT NULL DEFAULT 0 CHECK (fee_inside IN (0, 1));
ALTER TABLE withdrawal ADD COLUMN network_hold TEXT NOT NULL DEFAULT '0' CHECK (network_hold = '0' OR network_hold >= '1' AND network_hold < ':' AND length(network_hold) <= 39 AND network_hold NOT GLOB '*[^0-9]*');
ALTER TABLE withdrawal ADD COLUMN network_rate TEXT NOT NULL DEFAULT '';
ALTER TABLE withdrawal ADD COLUMN receive_currency TEXT NOT NULL DEFAULT '';
ALTER TABLE withdrawal ADD COLUMN receive TEXT NOT NULL DEFAULT '0' CHECK (receive = '0' OR receive >= '1' AND receive < ':' AND length(receive) <= 39 AND receive NOT GLOB '*[^0-9]*');
ALTER TABLE withdrawal ADD COLUMN quote INTEGER NOT NULL DEFAULT 0;
ALTER TABLE withdrawal ADD COLUMN payment TEXT NOT NULL DEFAULT '';
ALTER TABLE withdrawal ADD COLUMN review TEXT NOT NULL DEFAULT '';
ALTER TABLE withdrawal ADD COLUMN network_charge TEXT NOT NULL DEFAULT '0' CHECK (network_charge = '0' OR network_charge >= '1' AND network_charge < ':' AND length(network_charge) <= 39 AND network_charge NOT GLOB '*[^0-9]*');
ALTER TABLE withdrawal ADD COLUMN approval TEXT NOT NULL DEFAULT '';
UPDATE withdrawal SET receive_currency = currency, receive = amount;

DROP INDEX withdrawal_queued;
-- One currency that waits for money must not stand in the way of the others.
CREATE INDEX withdrawal_queued ON withdrawal (shard, network, receive_currency, release_at, seq) WHERE state = 'queued';

ALTER TABLE dispatch_item ADD COLUMN payment TEXT NOT NULL DEFAULT '';
