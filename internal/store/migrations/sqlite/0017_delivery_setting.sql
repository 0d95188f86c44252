-- +goose Up

-- What the body of a message depends on beside its event, as it was when the delivery was
-- made: every attempt sends the same bytes.
ALTER TABLE webhook_delivery ADD COLUMN setting TEXT NOT NULL DEFAULT '';
