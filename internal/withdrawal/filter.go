package withdrawal

import (
	"time"

	"sluice/internal/id"
)

// Filter picks withdrawals of one shard for a list, newest first. The zero value of
// each field but Shard and Limit means all.
type Filter struct {
	Shard       id.Shard
	Merchant    id.Seq
	Account     id.Seq
	State       State
	Currency    string
	CreatedFrom time.Time // made at or after
	CreatedTo   time.Time // made before
	Before      id.Seq    // only rows with a smaller Seq: where the page before ended
	Limit       int       // at most so many
}
