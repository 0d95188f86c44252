-- +goose Up

-- What a payout named in another currency means is the vendor's way for new credentials.
-- Those that are there keep the way they were made with, which was not stored: it was the default.
UPDATE credential SET options = json_set(CASE options WHEN '' THEN '{}' ELSE options END, '$.base', 'exchange')
    WHERE dialect = 'tylt' AND (options = '' OR json_extract(options, '$.base') IS NULL);
