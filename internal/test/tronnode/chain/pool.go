package chain

import (
	"slices"

	"sluice/internal/test/tronnode/wire"
)

// entry is a transaction in the pool.
type entry struct {
	tx      *wire.Transaction
	id      wire.TxID
	arrived int64 // clock, ms
	info    *Info // what it would do now
	// local says that no producer gets it: peers dropped it, or the node lied.
	local bool
}

// Broadcast takes a signed transaction as a node does, and returns nil when it is in the
// pool (java-tron: Wallet.broadcastTransaction, Manager.pushTransaction).
func (c *Chain) Broadcast(tx *wire.Transaction) *Refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broadcast(tx, false)
}

// BroadcastLocal is Broadcast by a node that keeps the transaction to itself: it is in the
// pool until the pool drops it, and never in a block.
func (c *Chain) BroadcastLocal(tx *wire.Transaction) *Refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broadcast(tx, true)
}

func (c *Chain) broadcast(tx *wire.Transaction, local bool) *Refusal {
	for _, sig := range tx.Signatures {
		if n := len(sig); n < wire.SignatureSize || n > wire.SignatureSize+padding {
			return unsigned("Signature size is " + itoa(int64(n)))
		}
	}
	if len(c.pool) > unsentTooMuch {
		return &Refusal{ServerBusy, "Server busy."}
	}
	if refusal := c.checkIDCache(tx.ID()); refusal != nil {
		return refusal
	}
	tx = tx.Clone()
	tx.Results = nil
	if len(tx.Raw.Contracts) == 0 {
		return invalid("No contract!")
	}
	if tx.Raw.Expiration < c.slotTime(1) {
		return expired()
	}
	if refusal := c.checkSignatures(tx); refusal != nil {
		return refusal
	}
	e := &entry{tx: tx, id: tx.ID(), arrived: c.clock, local: local || !tx.Raw.Contracts[0].Canonical()}
	return c.hold(e)
}

// hold executes an entry on the state of head and pool, and keeps it if it is valid.
func (c *Chain) hold(e *entry) *Refusal {
	mark := c.state.mark()
	info, refusal := c.process(e.tx, nil)
	if refusal != nil {
		c.state.revert(mark)
		return refusal
	}
	c.state.places.set(e.id, place{pending: true})
	e.info = info
	c.pool = append(c.pool, e)
	return nil
}

// checkIDCache knows every id of the last hour that was ever sent to this node, valid or
// not, when the cache is on (java-tron: trxCacheEnable; always on before that setting).
func (c *Chain) checkIDCache(id wire.TxID) *Refusal {
	if c.idCache == nil {
		return nil
	}
	if at, known := c.idCache[id]; known && c.clock-at < idCacheTimeout {
		return &Refusal{DupTransactionError, "Transaction already exists."}
	}
	c.idCache[id] = c.clock
	return nil
}

// unpool takes the pool out of the state and returns its entries.
func (c *Chain) unpool() []*entry {
	c.state.revert(0)
	entries := c.pool
	c.pool = nil
	return entries
}

// repool puts entries back that are not in a block, not too old and still valid, in their
// order (java-tron: PendingManager, Manager.rePush).
func (c *Chain) repool(entries []*entry) {
	for _, e := range entries {
		if c.clock-e.arrived < poolTimeout {
			_ = c.hold(e) // an entry that is no longer valid is dropped without a word
		}
	}
}

// Drop removes a transaction from the pool, as a node does that restarts.
func (c *Chain) Drop(id wire.TxID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries := slices.DeleteFunc(c.unpool(), func(e *entry) bool { return e.id == id })
	c.repool(entries)
}

// Keep makes an entry of the pool local: no block takes it any more.
func (c *Chain) Keep(id wire.TxID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.pool {
		if e.id == id {
			e.local = true
		}
	}
}
