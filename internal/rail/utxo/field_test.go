package utxo_test

import (
	"testing"

	"sluice/internal/rail"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/rail/utxo/utxotest"
)

// TestF16_payout_lost_from_the_pool has litecoind, which takes no replacements, forget a
// payout and ask for more than it offers. No child helps a parent that no pool takes: the
// same coins are spent again with more.
func TestF16_payout_lost_from_the_pool(t *testing.T) {
	f := newWorld(t, utxotest.StartLitecoind(t)).fly(t, 50_000_000)
	l := f.pay(1_000_000)
	f.Restart(t, "-minrelaytxfee=0.0005")
	f.rail = f.open(t, f.Node)
	f.remember()
	if o := f.look(l); o.Stage != rail.StageSent || !o.Lost {
		t.Errorf("after the restart: %+v", o)
	}
	if err := f.rail.Submit(t.Context(), l.Attempts[0]); !rail.Has(err, rail.CodeLowFee) {
		t.Errorf("the same bytes again: %v, want %s", err, rail.CodeLowFee)
	}
	f.raise(l)
	first, err := bitcoin.ParseTx(l.Attempts[0].Raw)
	must(t, err)
	second, err := bitcoin.ParseTx(l.Attempts[1].Raw)
	must(t, err)
	if len(second.In) != len(first.In) || second.In[0].Prev != first.In[0].Prev {
		t.Errorf("the second attempt spends %+v, the first one %+v", second.In, first.In)
	}
	if waiting := f.Waiting(t); len(waiting) != 1 || waiting[0] != l.Attempts[1].TxID {
		t.Errorf("the pool has %v", waiting)
	}
	f.Mine(t, 6)
	if o := f.look(l); o.Stage != rail.StageFinal || !o.Paid[0] || o.TxID != l.Attempts[1].TxID {
		t.Errorf("at the end: %+v", o)
	}
}
