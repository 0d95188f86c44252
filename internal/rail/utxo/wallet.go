package utxo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"sluice/internal/fault"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/utxo/bitcoin"
)

// wallet is what the blocks say about one script: its coins, and the transactions
// that make and spend them. It is made from blocks alone and can be made again at any
// time. Blocks are read in order; one that the chain leaves is taken back.
type wallet struct {
	mu     sync.Mutex
	script []byte

	base  uint64 // height of chain[0], the block from which on it is complete
	chain []bitcoin.Hash
	coins map[bitcoin.Outpoint]*coin
	txs   map[bitcoin.Hash]mined
	back  *lookBack

	// live is what is in flight, as Remember was told; own are its transactions.
	live []rail.Live
	own  map[bitcoin.Hash]*bitcoin.Tx
	sent map[bitcoin.Hash]bool // the node took it once
	// makers are transactions before the first block that was read, for coins of theirs
	// that were signed for.
	makers map[bitcoin.Hash]*bitcoin.Tx
}

// coin is an output under the script that some block made.
type coin struct {
	value    uint64
	height   uint64
	coinbase bool
	// spentAt is the height of the block that spends it, by spentBy; 0: unspent. The
	// first block of a chain spends nothing.
	spentAt uint64
	spentBy bitcoin.Hash
}

// mined is a transaction in a block that concerns the wallet.
type mined struct {
	tx     *bitcoin.Tx
	height uint64
}

func newWallet(script []byte) *wallet {
	w := &wallet{script: script, own: map[bitcoin.Hash]*bitcoin.Tx{}, sent: map[bitcoin.Hash]bool{}, makers: map[bitcoin.Hash]*bitcoin.Tx{}}
	w.forget()
	return w
}

// forget drops everything that came from blocks.
func (w *wallet) forget() {
	w.base, w.chain, w.back = 0, nil, nil
	w.coins, w.txs = map[bitcoin.Outpoint]*coin{}, map[bitcoin.Hash]mined{}
}

// height is that of the last block read.
func (w *wallet) height() uint64 { return w.base + uint64(len(w.chain)) - 1 }

// spend notes that a block spends an output that may be one of ours.
func (w *wallet) spend(o bitcoin.Outpoint, by bitcoin.Hash, height uint64) bool {
	c, ok := w.coins[o]
	if ok {
		c.spentAt, c.spentBy = height, by
	}
	return ok
}

// add reads the next block.
func (w *wallet) add(b *bitcoin.Block, height uint64) {
	for i := range b.Txs {
		tx, ours := &b.Txs[i], false
		for _, in := range tx.In {
			ours = w.spend(in.Prev, b.IDs[i], height) || ours
		}
		for n, out := range tx.Out {
			if bytes.Equal(out.Script, w.script) {
				ours = true
				w.coins[bitcoin.Outpoint{TxID: b.IDs[i], Index: uint32(n)}] = &coin{
					value: out.Value, height: height, coinbase: tx.Coinbase(),
				}
			}
		}
		if ours {
			w.txs[b.IDs[i]] = mined{tx, height}
		}
	}
	w.chain = append(w.chain, b.ID)
}

// drop takes the last block back.
func (w *wallet) drop() {
	height := w.height()
	for o, c := range w.coins {
		if c.height == height {
			delete(w.coins, o)
			continue
		}
		if c.spentAt == height {
			c.spentAt, c.spentBy = 0, bitcoin.Hash{}
		}
	}
	for id, m := range w.txs {
		if m.height == height {
			delete(w.txs, id)
		}
	}
	w.chain = w.chain[:len(w.chain)-1]
}

// sync reads what is new in the chain, and takes back what has left it. With much to
// read it stops when the time is up, and the next call goes on from there.
func (w *wallet) sync(ctx context.Context, r *Rail) error {
	if err := r.chain.ready(ctx); err != nil {
		return err
	}
	height, best, err := r.chain.tip(ctx)
	if err != nil {
		return err
	}
	if len(w.chain) == 0 {
		if err := w.begin(ctx, r, height); err != nil {
			return err
		}
	}
	if err := w.rewind(ctx, r, height); err != nil {
		return err
	}
	begin := time.Now()
	for h := w.height() + 1; h <= height; h++ {
		if ctx.Err() != nil || time.Since(begin) > r.conf.ReadFor {
			return node.Behind("the chain is being read for the wallet (block %d of %d)", h, height)
		}
		id, err := r.chain.at(ctx, h)
		if err != nil {
			return err
		}
		b, err := r.chain.block(ctx, id)
		if err != nil {
			return err
		}
		if b.Prev != w.chain[len(w.chain)-1] {
			return node.NotYet("the chain is being reorganised")
		}
		w.add(b, h)
	}
	if w.chain[len(w.chain)-1] != best {
		return node.NotYet("the chain has grown meanwhile")
	}
	return nil
}

// rewind drops blocks until the last one is in the node's chain.
func (w *wallet) rewind(ctx context.Context, r *Rail, height uint64) error {
	for len(w.chain) > 0 {
		if w.height() <= height {
			id, err := r.chain.at(ctx, w.height())
			if err != nil {
				return err
			}
			if id == w.chain[len(w.chain)-1] {
				return nil
			}
		}
		w.drop()
	}
	w.forget()
	return node.NotYet("the chain was reorganised below what was read: it is read again")
}

// begin finds where to start: at a configured block, or, on nodes that can search
// their set of coins, at the best block with what they find.
func (w *wallet) begin(ctx context.Context, r *Rail, height uint64) error {
	if r.conf.StartBlock >= 0 {
		start := uint64(r.conf.StartBlock)
		if start > height {
			return fault.New(fault.Invalid, "rail_config", "start_block of %s is %d, and the chain ends at %d", r.conf.Network, start, height)
		}
		id, err := r.chain.at(ctx, start)
		if err != nil {
			return err
		}
		b, err := r.chain.block(ctx, id)
		if err != nil {
			return err
		}
		w.base = start
		w.add(b, start)
		return nil
	}
	return w.search(ctx, r)
}

// search asks the node for all coins under the script (scantxoutset). That takes it
// minutes on a large chain, so that it gets the time.
func (w *wallet) search(ctx context.Context, r *Rail) error {
	var out struct {
		Success   bool
		Height    *uint64
		BestBlock string
		Unspents  *[]struct {
			TxID     string
			Vout     *uint32
			Amount   json.Number
			Height   *uint64
			Coinbase bool
		}
	}
	if err := r.chain.call(node.WithTimeout(context.WithoutCancel(ctx), r.conf.SearchTimeout), &out, "scantxoutset", "start", []string{fmt.Sprintf("raw(%x)", w.script)}); err != nil {
		return err
	}
	best, err := bitcoin.ParseHash(out.BestBlock)
	if err != nil || !out.Success || out.Height == nil || out.Unspents == nil {
		return node.Incomplete("scantxoutset", "the search did not end well, or height, bestblock or unspents is missing")
	}
	found := map[bitcoin.Outpoint]*coin{}
	for _, u := range *out.Unspents {
		id, err := bitcoin.ParseHash(u.TxID)
		value, bad := coins(u.Amount)
		if err != nil || bad != nil || u.Height == nil || u.Vout == nil {
			return node.Incomplete("scantxoutset", "a coin lacks txid, vout, amount or height")
		}
		found[bitcoin.Outpoint{TxID: id, Index: *u.Vout}] = &coin{value: value, height: *u.Height, coinbase: u.Coinbase}
	}
	w.base, w.chain, w.coins = *out.Height, []bitcoin.Hash{best}, found
	return nil
}

// made gives the transaction that made a coin: from the blocks that were read, from what of
// ours waits, from the coin's own block, or, for one that waits and is a stranger's, from
// the node. It is held against the coin's id. The wallet is locked.
func (r *Rail) made(ctx context.Context, w *wallet, at bitcoin.Outpoint) (*bitcoin.Tx, error) {
	if m, ok := w.txs[at.TxID]; ok {
		return m.tx, nil
	}
	if tx := w.own[at.TxID]; tx != nil {
		return tx, nil
	}
	if tx := w.makers[at.TxID]; tx != nil {
		return tx, nil
	}
	tx, err := r.chain.maker(ctx, at.TxID, w.coins[at])
	if err == nil {
		w.makers[at.TxID] = tx
	}
	return tx, err
}

// lookBack searches blocks before the first one that was read, downwards, for what
// spent given outputs. It is needed once after a start from a search, when something
// in flight went into a block while nobody looked.
type lookBack struct {
	next  uint64 // height to read next, going down
	floor uint64
	done  bool
	seen  map[bitcoin.Outpoint]spent
	want  map[bitcoin.Outpoint]bool
}

// spent is a use of an output in a block.
type spent struct {
	by     bitcoin.Hash
	tx     *bitcoin.Tx
	height uint64
}

// earlier looks before the base for the use of outputs. It reads as far as the time
// allows; the second result says that everything was read that is to be read.
func (w *wallet) earlier(ctx context.Context, r *Rail, want []bitcoin.Outpoint) (map[bitcoin.Outpoint]spent, bool, error) {
	if w.base == 0 || r.conf.StartBlock >= 0 {
		return nil, true, nil
	}
	fresh := w.back == nil
	for _, o := range want {
		fresh = fresh || !w.back.want[o]
	}
	if fresh {
		b := &lookBack{next: w.base, floor: w.base - min(w.base, r.conf.LookBack), seen: map[bitcoin.Outpoint]spent{}, want: map[bitcoin.Outpoint]bool{}}
		if w.back != nil {
			b.want = w.back.want
		}
		for _, o := range want {
			b.want[o] = true
		}
		for _, tx := range w.own { // in one go: looking back takes long
			for _, in := range tx.In {
				b.want[in.Prev] = true
			}
		}
		w.back = b
	}
	begin := time.Now()
	for b := w.back; !b.done && ctx.Err() == nil && time.Since(begin) < r.conf.ReadFor; {
		id, err := r.chain.at(ctx, b.next)
		if err != nil {
			return nil, false, err
		}
		block, err := r.chain.block(ctx, id)
		if err != nil {
			return nil, false, err
		}
		for i := range block.Txs {
			for _, in := range block.Txs[i].In {
				if b.want[in.Prev] {
					b.seen[in.Prev] = spent{block.IDs[i], &block.Txs[i], b.next}
				}
			}
		}
		b.done = b.next == b.floor
		b.next--
	}
	return w.back.seen, w.back.done, nil
}
