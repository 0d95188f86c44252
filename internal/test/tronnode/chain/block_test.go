package chain_test

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"sluice/internal/test/tronnode/chain"
	"sluice/internal/test/tronnode/wire"
)

// TestBlocks: each block is what its id says, and follows the one before.
func TestBlocks(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.send(w.transfer(w.payee, trx))
	w.Produce(30)
	w.Read(chain.View{}, func(r chain.Reader) {
		for n := int64(1); n <= r.Head().Number(); n++ {
			b, parent := r.Block(n), r.Block(n-1)
			h := b.Header
			if b.ID != h.ID() || b.ID.Number() != n || h.ParentHash != [32]byte(parent.ID) {
				t.Errorf("block %d: id %s, parent %x", n, b.ID, h.ParentHash)
			}
			if h.Timestamp != parent.Time()+3000 || h.TxTrieRoot != wire.MerkleRoot(b.Transactions) {
				t.Errorf("block %d: time %d, root %x", n, h.Timestamp, h.TxTrieRoot)
			}
			if who, err := wire.Recover(h.Hash(), b.WitnessSignature()); err != nil || who != h.Witness {
				t.Errorf("block %d of %s is signed by %s, %v", n, h.Witness, who, err)
			}
			if n > 27 && h.Witness != r.Block(n-27).Header.Witness {
				t.Errorf("block %d: the turn of %s", n, h.Witness)
			}
			if n > 1 && h.Witness == parent.Header.Witness {
				t.Errorf("block %d: twice %s", n, h.Witness)
			}
		}
	})
}

// TestNames: another name is another network, on which no reference of the first exists.
func TestNames(t *testing.T) {
	a, b := newWorld(t, chain.Config{Name: "a"}), newWorld(t, chain.Config{Name: "b"})
	if a.ChainID() == b.ChainID() {
		t.Error("two networks with one chain id")
	}
	if refusal := b.Broadcast(a.signed(a.transfer(a.payee, 1))); refusal == nil || refusal.Code != chain.TaposError {
		t.Errorf("a transaction of another network: %v", refusal)
	}
	// The id of block 0 of the main network.
	var id wire.BlockID
	_, err := hex.Decode(id[:], []byte("00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc"))
	a.must(err)
	if got := newWorld(t, chain.Config{GenesisID: id}).ChainID(); got != 728126428 {
		t.Errorf("chain id %d", got)
	}
}

// TestMissedSlots: slots that nobody fills, and times that stay on the grid.
func TestMissedSlots(t *testing.T) {
	w := newWorld(t, chain.Config{})
	gap := func(what string, want time.Duration) {
		t.Helper()
		before := w.head().Time()
		w.Produce(1)
		if got := time.Duration(w.head().Time()-before) * time.Millisecond; got != want {
			t.Errorf("%s: %v after the block before, want %v", what, got, want)
		}
	}
	gap("the next slot", 3*time.Second)
	w.Miss(2)
	gap("two missed", 9*time.Second)
	gap("the next slot again", 3*time.Second)
	w.Advance(10 * time.Second)
	gap("ten seconds later", 12*time.Second)
	w.Offline(int(w.head().Time()/3000+1)%27, int(w.head().Time()/3000+2)%27)
	w.Offline(turn(w, 1), turn(w, 2))
	gap("two producers offline", 9*time.Second)
	w.Offline()
	gap("all online", 3*time.Second)
}

// turn is whose turn the nth slot after the head is.
func turn(w *world, n int64) (producer int) {
	w.Read(chain.View{}, func(r chain.Reader) {
		producer = int(((r.Head().Time()-r.Block(0).Time())/3000 + n) % 27)
	})
	return producer
}

// TestMaintenance: every six hours, and two slots are left out after it.
func TestMaintenance(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.Advance(6*time.Hour - 20*time.Second)
	for range 20 {
		before := w.head().Time()
		w.Produce(1)
		maintenance := before%21_600_000 < 3000 // the block before was the first of a cycle
		if gap := w.head().Time() - before; maintenance != (gap == 9000) && gap < 20_000 {
			t.Errorf("block at %v: %d ms after the one before", time.UnixMilli(w.head().Time()).UTC(), gap)
		}
	}
}

// TestSolid: what 19 of 27 have built on is solid, and stays so.
func TestSolid(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.Produce(60)
	if lag := w.head().Number() - w.solid(); lag != 18 {
		t.Errorf("%d blocks below the head, want 18", lag)
	}
	w.Offline(0, 1, 2, 3, 4, 5, 6, 7)
	w.Produce(100)
	if lag := w.head().Number() - w.solid(); lag < 18 || lag > 19 {
		t.Errorf("eight offline: %d blocks below the head", lag)
	}
	w.Offline(0, 1, 2, 3, 4, 5, 6, 7, 8)
	last := w.head().Number() // that any of the nine can have made
	w.Produce(200)
	if w.solid() > last {
		t.Errorf("nine offline since block %d: %d is solid", last, w.solid())
	}
	w.Offline()
	w.Produce(27)
	if lag := w.head().Number() - w.solid(); lag > 19 {
		t.Errorf("all online: %d blocks below the head", lag)
	}
}

// TestExpiry: the time that counts is that of the block before, so the block that takes a
// transaction may be later than its expiration. Parameter 88 changes that.
func TestExpiry(t *testing.T) {
	cases := []struct {
		name     string
		life     int64 // ms after the head
		wait     func(w *world)
		strict   bool
		included bool
		late     bool // in a block after its expiration
	}{
		{"in time", 3_000, func(*world) {}, false, true, false},
		{"the next block is late", 3_000, func(w *world) { w.Miss(5) }, false, true, true},
		{"a block at the very time of expiration came before", 3_000, func(w *world) { w.ProduceEmpty(1) }, false, false, false},
		{"a block before the expiration came before", 6_000, func(w *world) { w.ProduceEmpty(1) }, false, true, false},
		{"a late block came before", 30_000, func(w *world) { w.Miss(20); w.ProduceEmpty(1) }, false, false, false},
		{"88: in time", 3_000, func(*world) {}, true, true, false},
		// The next slot is judged by the block before, not by when the block is made.
		{"88: the next block is late", 3_000, func(w *world) { w.Miss(5) }, true, true, true},
		{"88: expires between the block before and the next slot", 5_000, func(w *world) { w.ProduceEmpty(1) }, true, false, false},
		{"expires between the block before and the next slot", 5_000, func(w *world) { w.ProduceEmpty(1) }, false, true, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, chain.Config{})
			if c.strict {
				w.must(w.SetParameter(chain.ConsensusLogic, 1))
			}
			raw := w.transfer(w.payee, trx)
			raw.Expiration = w.head().Time() + c.life
			id := w.send(raw)
			c.wait(w)
			w.Produce(1)
			info := w.info(id)
			if (info != nil) != c.included {
				t.Fatalf("included %v, want %v", info != nil, c.included)
			}
			if info != nil && (info.BlockTime > raw.Expiration) != c.late {
				t.Errorf("in a block at %d, expiration %d", info.BlockTime, raw.Expiration)
			}
			w.Produce(5)
			if !c.included && (w.mined(chain.View{}, id) || w.pooled(id)) {
				t.Error("an expired transaction came back")
			}
		})
	}
}

// TestReferences: 65,536 blocks by the low 16 bits of the height, and not one more.
func TestReferences(t *testing.T) {
	w := newWorld(t, chain.Config{})
	old := w.transfer(w.payee, trx)
	first := w.head().Number()
	w.Produce(65_535)
	fresh := func(raw wire.Raw) wire.Raw {
		raw.Expiration = w.head().Time() + 60_000
		return raw
	}
	if refusal := w.Broadcast(w.signed(fresh(old))); refusal != nil {
		t.Errorf("a reference %d blocks back: %v", w.head().Number()-first, refusal)
	}
	w.Produce(1)
	old.Timestamp++
	if refusal := w.Broadcast(w.signed(fresh(old))); refusal == nil || refusal.Code != chain.TaposError {
		t.Errorf("a reference %d blocks back: %v", w.head().Number()-first, refusal)
	}
}

// TestPool: what a node forgets.
func TestPool(t *testing.T) {
	t.Run("after 60 seconds", func(t *testing.T) {
		w := newWorld(t, chain.Config{})
		tx := w.signed(w.transfer(w.payee, trx))
		w.must(refused(w.Broadcast(tx)))
		w.ProduceEmpty(19)
		if !w.pooled(tx.ID()) {
			t.Error("gone after 57 seconds")
		}
		w.ProduceEmpty(1)
		if w.pooled(tx.ID()) {
			t.Error("still there after 60 seconds")
		}
		w.must(refused(w.Broadcast(tx))) // the same bytes again
		w.Produce(1)
		if !w.mined(chain.View{}, tx.ID()) {
			t.Error("sent again, and not in a block")
		}
	})
	t.Run("when it is no longer valid", func(t *testing.T) {
		w := newWorld(t, chain.Config{})
		id := w.send(w.transfer(w.payee, 900*trx))
		w.must(w.Fund(w.payer, -950*trx))
		if w.pooled(id) {
			t.Error("it is in the pool, and cannot be paid")
		}
	})
	t.Run("two that cannot both be paid", func(t *testing.T) {
		w := newWorld(t, chain.Config{})
		w.send(w.transfer(w.payee, 600*trx))
		second := w.transfer(w.payee, 600*trx)
		second.Timestamp++
		if refusal := w.Broadcast(w.signed(second)); refusal == nil || refusal.Code != chain.ContractValidateError {
			t.Errorf("the second: %v", refusal)
		}
	})
}

// TestEqualPayments is what V6 and V7 of the vectors did.
func TestEqualPayments(t *testing.T) {
	t.Run("two a millisecond apart both pay", func(t *testing.T) {
		w := newWorld(t, chain.Config{})
		raw := w.transfer(w.payee, 5*trx)
		w.send(raw)
		raw.Timestamp++
		w.send(raw)
		w.Produce(1)
		if got := w.balance(w.payee); got != 10*trx+1 {
			t.Errorf("the payee has %d", got)
		}
	})
	t.Run("in the same millisecond they are one", func(t *testing.T) {
		w := newWorld(t, chain.Config{})
		raw := w.transfer(w.payee, 5*trx)
		w.send(raw)
		if refusal := w.Broadcast(w.signed(raw)); refusal == nil || refusal.Code != chain.DupTransactionError {
			t.Errorf("the second: %v", refusal)
		}
		w.Produce(1)
		if refusal := w.Broadcast(w.signed(raw)); refusal == nil || refusal.Code != chain.DupTransactionError {
			t.Errorf("when it is in a block: %v", refusal)
		}
		if got := w.balance(w.payee); got != 5*trx+1 {
			t.Errorf("the payee has %d", got)
		}
	})
}

// TestBusy: more than 2,000 in the pool are too many.
func TestBusy(t *testing.T) {
	w := newWorld(t, chain.Config{})
	w.must(w.SetParameter(chain.FreeNetLimit, 1<<30))
	raw := w.transfer(w.payee, 1)
	for n := range 2002 {
		raw.Timestamp++
		refusal := w.Broadcast(w.signed(raw))
		if busy := refusal != nil && refusal.Code == chain.ServerBusy; busy != (n > 2000) {
			t.Fatalf("transaction %d: %v", n, refusal)
		}
	}
}

// TestIDCache: with the cache a node says DUP to what it refused before, and to what it
// forgot.
func TestIDCache(t *testing.T) {
	w := newWorld(t, chain.Config{IDCache: true})
	tx := w.signed(w.transfer(w.payee, trx), stranger)
	for n, want := range []chain.Code{chain.SigError, chain.DupTransactionError} {
		if refusal := w.Broadcast(tx); refusal == nil || refusal.Code != want {
			t.Errorf("%d: %v, want %s", n, refusal, want)
		}
	}
	good := w.signed(w.transfer(w.payee, 2*trx))
	w.must(refused(w.Broadcast(good)))
	w.Drop(good.ID())
	if refusal := w.Broadcast(good); refusal == nil || refusal.Code != chain.DupTransactionError || w.pooled(good.ID()) {
		t.Errorf("forgotten and sent again: %v", refusal)
	}
	w.Advance(time.Hour)
	w.Produce(1)
	if refusal := w.Broadcast(good); refusal == nil || refusal.Code != chain.ExpirationError {
		t.Errorf("an hour later: %v", refusal)
	}
}

// TestAltered: a third party changes a signature on its way; the txid stays.
func TestAltered(t *testing.T) {
	for name, alter := range map[string]func(sig []byte) []byte{
		"padded": func(sig []byte) []byte { return append(sig, 7, 7, 7) },
		"v":      func(sig []byte) []byte { sig[64] -= 27; return sig },
	} {
		w := newWorld(t, chain.Config{})
		w.AlterSignatures(alter)
		sent := w.signed(w.transfer(w.payee, trx))
		w.must(refused(w.Broadcast(sent)))
		w.Produce(1)
		w.Read(chain.View{}, func(r chain.Reader) {
			got := r.Transaction(sent.ID())
			if got == nil || bytes.Equal(got.Signatures[0], sent.Signatures[0]) || got.ID() != sent.ID() {
				t.Errorf("%s: on the chain is %+v", name, got)
			}
		})
	}
}

// refused turns a refusal into an error that is nil without one.
func refused(r *chain.Refusal) error {
	if r == nil {
		return nil
	}
	return r
}
