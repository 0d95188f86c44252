-- +goose Up

-- What a payout named in another currency means is the vendor's way for new credentials.
-- Those that are there keep the way they were made with, which was not stored: it was the default.
UPDATE credential SET options = jsonb_set((CASE options WHEN '' THEN '{}' ELSE options END)::jsonb, '{base}', '"exchange"')::text
    WHERE dialect = 'tylt' AND (options = '' OR options::jsonb -> 'base' IS NULL);
