-- +goose Up

-- How bookings and statements are known again, and what else is kept of payments.
ALTER TABLE bank_payment ADD COLUMN account BYTEA NOT NULL DEFAULT '';
ALTER TABLE bank_payment ADD COLUMN payee TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_entry ADD COLUMN statement TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_entry ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_entry ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_statement ADD COLUMN ident TEXT NOT NULL DEFAULT '';

-- Balances at which statements of a wallet meet, and their numbers.
CREATE TABLE bank_link (
    shard   SMALLINT NOT NULL,
    name    TEXT COLLATE "C" NOT NULL,
    ends    BYTEA NOT NULL,
    starts  BYTEA NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (shard, name)
) WITH (fillfactor = 70);

-- Movements that one message tells of as a whole and another one in its details.
CREATE TABLE bank_lump (
    shard   SMALLINT NOT NULL,
    name    TEXT COLLATE "C" NOT NULL,
    parts   BYTEA NOT NULL,
    entry   TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (shard, name)
) WITH (fillfactor = 70);

-- What is here already: the numbers of statements, and the last balance of each wallet.
INSERT INTO bank_link (shard, name, ends, starts, version)
SELECT shard, wallet || '|number|' || year || '|' || sequence, '', convert_to(json_agg(json_build_object('key', key))::text, 'UTF8'), 1
FROM bank_statement WHERE sequence > 0 GROUP BY shard, wallet, year, sequence;

INSERT INTO bank_link (shard, name, ends, starts, version)
SELECT DISTINCT shard, wallet || '|any', ''::bytea, ''::bytea, 1 FROM bank_statement WHERE state <> 'open' AND opening_side <> '' AND closing_side <> '';

INSERT INTO bank_link (shard, name, ends, starts, version)
SELECT shard, wallet || '|balance|' || CASE WHEN closing_side = 'DBIT' AND closing <> 0 THEN '-' ELSE '' END || closing, convert_to(json_build_array(json_build_object('day', day, 'key', key))::text, 'UTF8'), '', 1
FROM (
    SELECT *, row_number() OVER (PARTITION BY shard, wallet ORDER BY day DESC, sequence DESC, seq DESC) AS place
    FROM bank_statement WHERE state <> 'open' AND closing_side <> ''
) AS last WHERE place = 1;
