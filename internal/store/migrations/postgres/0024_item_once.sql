-- +goose Up

-- A dispatch pays a withdrawal once. Items that were decided before this rule was there
-- stay as they are.
CREATE UNIQUE INDEX IF NOT EXISTS dispatch_item_once ON dispatch_item (shard, dispatch, withdrawal_shard, withdrawal) WHERE outcome = '';
