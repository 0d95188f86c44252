package utxo

import (
	"bytes"
	"fmt"
	"slices"

	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/rail/utxo/bitcoin"
)

// This file knows what of ours waits for a block, and how it hangs together.

// Remember implements rail.Rememberer.
func (r *Rail) Remember(address string, live []rail.Live) {
	w, err := r.wallet(address)
	if err != nil {
		return // every other method says so
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = live
	before := w.own
	w.own = map[bitcoin.Hash]*bitcoin.Tx{}
	for _, l := range live {
		for _, a := range l.Attempts {
			id, err := bitcoin.ParseHash(a.TxID)
			if err != nil {
				continue
			}
			if tx := before[id]; tx != nil {
				w.own[id] = tx
			} else if tx, err := decode(a); err == nil {
				w.own[id] = tx
			}
		}
	}
}

// learn adds the attempts of one slot to what is ours.
func (w *wallet) learn(txs []*bitcoin.Tx) {
	for _, tx := range txs {
		w.own[tx.ID()] = tx
	}
}

// decode reads stored bytes and makes sure that they are the attempt they claim to be.
func decode(a rail.Attempt) (*bitcoin.Tx, error) {
	tx, err := bitcoin.ParseTx(a.Raw)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "attempt_corrupt", "the stored bytes of %s are not a transaction", a.TxID)
	}
	if id := tx.ID().String(); id != a.TxID {
		return nil, fault.New(fault.Internal, "attempt_corrupt", "the stored bytes of %s are the transaction %s", a.TxID, id)
	}
	return tx, nil
}

func decodeAll(attempts []rail.Attempt) ([]*bitcoin.Tx, error) {
	txs := make([]*bitcoin.Tx, 0, len(attempts))
	for _, a := range attempts {
		tx, err := decode(a)
		if err != nil {
			return nil, err
		}
		txs = append(txs, tx)
	}
	return txs, nil
}

// outpoint reads where a coin is.
func outpoint(c rail.Coin) (bitcoin.Outpoint, error) {
	id, err := bitcoin.ParseHash(c.TxID)
	if err != nil {
		return bitcoin.Outpoint{}, fault.New(fault.Internal, "slot_corrupt", "the slot has a coin that is none: %s", c.TxID)
	}
	return bitcoin.Outpoint{TxID: id, Index: c.Index}, nil
}

func key(o bitcoin.Outpoint) string { return fmt.Sprintf("%s:%d", o.TxID, o.Index) }

// waiting tells whether a transaction is ours and in no block.
func (w *wallet) waiting(id bitcoin.Hash) *bitcoin.Tx {
	if _, in := w.txs[id]; in {
		return nil
	}
	return w.own[id]
}

// users are those of ours that wait and spend an output of a transaction, and slots
// that hold one without anything signed.
func (w *wallet) users(id bitcoin.Hash) int {
	n := 0
	for other, tx := range w.own {
		if w.waiting(other) != nil && slices.ContainsFunc(tx.In, func(in bitcoin.In) bool { return in.Prev.TxID == id }) {
			n++
		}
	}
	for _, l := range w.live {
		if len(l.Attempts) == 0 && slices.ContainsFunc(l.Slot.Coins, func(c rail.Coin) bool { return c.TxID == id.String() }) {
			n++
		}
	}
	return n
}

// used tells whether something of ours that waits spends an output.
func (w *wallet) used(o bitcoin.Outpoint) bool {
	for id, tx := range w.own {
		if w.waiting(id) != nil && slices.ContainsFunc(tx.In, func(in bitcoin.In) bool { return in.Prev == o }) {
			return true
		}
	}
	return false
}

// ancestors adds those of ours that wait and that a transaction builds on.
func (w *wallet) ancestors(tx *bitcoin.Tx, into map[bitcoin.Hash]*bitcoin.Tx) {
	for _, in := range tx.In {
		id := in.Prev.TxID
		if parent := w.waiting(id); parent != nil && into[id] == nil {
			into[id] = parent
			w.ancestors(parent, into)
		}
	}
}

// descendants counts those of ours that wait and build on a transaction.
func (w *wallet) descendants(id bitcoin.Hash) (n int) {
	for other, tx := range w.own {
		if other == id || w.waiting(other) == nil {
			continue
		}
		up := map[bitcoin.Hash]*bitcoin.Tx{}
		if w.ancestors(tx, up); up[id] != nil {
			n++
		}
	}
	return n
}

// needs are the coins that must be spent as planned for a transaction that waits to
// go into a block.
func (w *wallet) needs(tx *bitcoin.Tx) map[string]string {
	up := map[bitcoin.Hash]*bitcoin.Tx{tx.ID(): tx}
	w.ancestors(tx, up)
	out := map[string]string{}
	for id, t := range up {
		for _, in := range t.In {
			out[key(in.Prev)] = id.String()
		}
	}
	return out
}

// value is what an output of ours holds, in a block or not.
func (w *wallet) value(o bitcoin.Outpoint) (uint64, bool) {
	if c, ok := w.coins[o]; ok {
		return c.value, true
	}
	tx := w.own[o.TxID]
	if tx == nil || uint64(o.Index) >= uint64(len(tx.Out)) || !bytes.Equal(tx.Out[o.Index].Script, w.script) {
		return 0, false
	}
	return tx.Out[o.Index].Value, true
}

// fee is what a transaction costs, when all it spends is ours. extra are coins that
// are known from elsewhere.
func (w *wallet) fee(tx *bitcoin.Tx, extra map[bitcoin.Outpoint]uint64) (uint64, bool) {
	var in, out uint64
	for _, i := range tx.In {
		v, ok := w.value(i.Prev)
		if !ok {
			if v, ok = extra[i.Prev]; !ok {
				return 0, false
			}
		}
		in += v
	}
	for _, o := range tx.Out {
		out += o.Value
	}
	return in - min(in, out), in >= out
}

// back is where a transaction gives change to the wallet; false without any.
func (w *wallet) change(tx *bitcoin.Tx) (bitcoin.Outpoint, uint64, bool) {
	for n, o := range slices.Backward(tx.Out) {
		if bytes.Equal(o.Script, w.script) {
			return bitcoin.Outpoint{TxID: tx.ID(), Index: uint32(n)}, o.Value, true //nolint:gosec // outputs of one transaction
		}
	}
	return bitcoin.Outpoint{}, 0, false
}

// shortage is what those that wait below a transaction pay less than a price; a child
// pays it for them, since miners look at both together.
func (w *wallet) shortage(up map[bitcoin.Hash]*bitcoin.Tx, price rate) uint64 {
	var fees, size uint64
	for _, tx := range up {
		f, ok := w.fee(tx, nil)
		if !ok {
			continue
		}
		fees, size = fees+f, size+tx.Size()
	}
	want := price.fee(size)
	return want - min(want, fees)
}
