package signer_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"sluice/internal/money"
	"sluice/internal/signer"
)

// TestBatchID holds the id of a list to what it has been since the first vault: another one
// would let a vault pay a list twice that was signed before an upgrade.
func TestBatchID(t *testing.T) {
	list := []signer.Output{
		{Ref: "wd_1", Asset: "USDT", To: bytes.Repeat([]byte{1}, 20), Amount: money.Of(7)},
		{Ref: "wd_2", Asset: "USDT", To: bytes.Repeat([]byte{2}, 20), Amount: money.Of(1 << 62)},
	}
	id := signer.BatchID(137, bytes.Repeat([]byte{9}, 20), list)
	if got := hex.EncodeToString(id[:]); got != "95893c21685efe383e0deeb014e3b5bcb26c2427f612021b29c57b29193de21b" {
		t.Errorf("got %s", got)
	}
}
