-- +goose Up

-- How bookings and statements are known again, and what else is kept of payments.
ALTER TABLE bank_payment ADD COLUMN account BLOB NOT NULL DEFAULT x'';
ALTER TABLE bank_payment ADD COLUMN payee TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_entry ADD COLUMN statement TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_entry ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_entry ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE bank_statement ADD COLUMN ident TEXT NOT NULL DEFAULT '';

-- Balances at which statements of a wallet meet, and their numbers.
CREATE TABLE bank_link (
    shard   INTEGER NOT NULL,
    name    TEXT NOT NULL,
    ends    BLOB NOT NULL,
    starts  BLOB NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (shard, name)
) STRICT, WITHOUT ROWID;

-- Movements that one message tells of as a whole and another one in its details.
CREATE TABLE bank_lump (
    shard   INTEGER NOT NULL,
    name    TEXT NOT NULL,
    parts   BLOB NOT NULL,
    entry   TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (shard, name)
) STRICT, WITHOUT ROWID;

-- What is here already: the numbers of statements, and the last balance of each wallet.
INSERT INTO bank_link (shard, name, ends, starts, version)
SELECT shard, wallet || '|number|' || year || '|' || sequence, x'', CAST(json_group_array(json_object('key', key)) AS BLOB), 1
FROM bank_statement WHERE sequence > 0 GROUP BY shard, wallet, year, sequence;

INSERT INTO bank_link (shard, name, ends, starts, version)
SELECT DISTINCT shard, wallet || '|any', x'', x'', 1 FROM bank_statement WHERE state <> 'open' AND opening_side <> '' AND closing_side <> '';

INSERT INTO bank_link (shard, name, ends, starts, version)
SELECT shard, wallet || '|balance|' || CASE WHEN closing_side = 'DBIT' AND closing <> '0' THEN '-' ELSE '' END || closing, CAST(json_array(json_object('day', day, 'key', key)) AS BLOB), x'', 1
FROM (
    SELECT *, row_number() OVER (PARTITION BY shard, wallet ORDER BY day DESC, sequence DESC, seq DESC) AS place
    FROM bank_statement WHERE state <> 'open' AND closing_side <> ''
) WHERE place = 1;
