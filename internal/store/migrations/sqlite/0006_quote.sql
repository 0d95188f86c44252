-- +goose Up

-- Exchange prices that were offered. All but their use is fixed. rate and bid are fractions.
CREATE TABLE quote (
    shard            INTEGER NOT NULL,
    seq              INTEGER PRIMARY KEY,
    merchant         INTEGER NOT NULL,
    rate_at          INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    used_by          INTEGER NOT NULL,
    used_at          INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    fee_inside       INTEGER NOT NULL CHECK (fee_inside IN (0, 1)),
    form             TEXT    NOT NULL CHECK (form IN ('send', 'receive')),
    send_currency    TEXT    NOT NULL,
    send             TEXT    NOT NULL CHECK (send >= '1' AND send < ':' AND length(send) <= 39 AND send NOT GLOB '*[^0-9]*'),
    receive_currency TEXT    NOT NULL,
    receive          TEXT    NOT NULL CHECK (receive >= '1' AND receive < ':' AND length(receive) <= 39 AND receive NOT GLOB '*[^0-9]*'),
    network          TEXT    NOT NULL,
    fee_currency     TEXT    NOT NULL,
    fee              TEXT    NOT NULL CHECK (fee = '0' OR fee >= '1' AND fee < ':' AND length(fee) <= 39 AND fee NOT GLOB '*[^0-9]*'),
    price            TEXT    NOT NULL,
    rate             TEXT    NOT NULL,
    bid              TEXT    NOT NULL,
    sources          TEXT    NOT NULL,
    CHECK ((used_by = 0) = (used_at = 0))
) STRICT;
CREATE INDEX quote_merchant ON quote (shard, merchant, seq) WHERE seq > 0;

-- What a merchant is charged, where that differs from the defaults of the installation. '' is any.
CREATE TABLE fee_schedule (
    shard            INTEGER NOT NULL,
    merchant         INTEGER NOT NULL,
    ppm              INTEGER NOT NULL CHECK (ppm >= 0 AND ppm < 1000000),
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    inside           INTEGER NOT NULL CHECK (inside IN (0, 1)),
    active           INTEGER NOT NULL CHECK (active IN (0, 1)),
    currency         TEXT    NOT NULL,
    network          TEXT    NOT NULL,
    kind             TEXT    NOT NULL CHECK (kind IN ('', 'plain', 'exchange')),
    fixed            TEXT    NOT NULL CHECK (fixed = '0' OR fixed >= '1' AND fixed < ':' AND length(fixed) <= 39 AND fixed NOT GLOB '*[^0-9]*'),
    minimum          TEXT    NOT NULL CHECK (minimum = '0' OR minimum >= '1' AND minimum < ':' AND length(minimum) <= 39 AND minimum NOT GLOB '*[^0-9]*'),
    maximum          TEXT    NOT NULL CHECK (maximum = '0' OR maximum >= '1' AND maximum < ':' AND length(maximum) <= 39 AND maximum NOT GLOB '*[^0-9]*'),
    carry            TEXT    NOT NULL CHECK (carry IN ('', 'flat', 'cost')),
    carry_amount     TEXT    NOT NULL CHECK (carry_amount = '0' OR carry_amount >= '1' AND carry_amount < ':' AND length(carry_amount) <= 39 AND carry_amount NOT GLOB '*[^0-9]*'),
    PRIMARY KEY (shard, merchant, currency, network, kind)
) STRICT, WITHOUT ROWID;
