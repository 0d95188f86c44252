package utxo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/utxo/bitcoin"
)

// Observe implements rail.Rail. What decides is the transaction in a block that spends
// a coin of the slot: it pays the payouts, or it proves that nothing of the slot ever
// will.
func (r *Rail) Observe(ctx context.Context, slot rail.Slot, payouts []rail.Payout, attempts []rail.Attempt) (rail.Observation, error) {
	ctx = rail.InRound(ctx)
	o := look{Rail: r, slot: slot}
	var err error
	if o.outs, o.at, _, err = r.parts(slot, payouts); err != nil {
		return rail.Observation{}, err
	}
	if o.txs, err = decodeAll(attempts); err != nil {
		return rail.Observation{}, err
	}
	for _, out := range o.outs {
		o.total += out.Value
	}
	if len(o.txs) == 0 {
		return rail.Observation{Stage: rail.StageUnknown, Note: "nothing was signed for this slot yet"}, nil
	}
	w, err := r.enter(ctx, slot.Wallet)
	if err != nil {
		return rail.Observation{}, err
	}
	defer w.mu.Unlock()
	o.w = w
	w.learn(o.txs)
	return o.once(ctx)
}

// look is one observation while it is made.
type look struct {
	*Rail
	w     *wallet
	slot  rail.Slot
	outs  []bitcoin.Out
	total uint64
	at    []bitcoin.Outpoint
	txs   []*bitcoin.Tx // the attempts; those that do not spend the coins are children
}

func (o *look) once(ctx context.Context) (rail.Observation, error) {
	use, known, err := o.use(ctx, o.at)
	switch {
	case err != nil:
		return rail.Observation{}, err
	case use != nil:
		return o.mined(ctx, *use)
	case !known:
		return o.unknown("the blocks before the start are looked through for the fate of the payout"), nil
	}
	for _, c := range o.slot.Coins {
		at, _ := outpoint(c) // read before
		if o.w.coins[at] != nil {
			continue
		}
		if by, dead := o.w.dead(c.Needs); dead {
			return o.never(by), nil
		}
	}
	return o.pooled(ctx)
}

// use finds the transaction in a block that spends one of the outputs, the deepest if
// there are several. known is false while not everything was looked at.
func (o *look) use(ctx context.Context, at []bitcoin.Outpoint) (*spent, bool, error) {
	var found *spent
	var missing []bitcoin.Outpoint
	for _, p := range at {
		c := o.w.coins[p]
		if c == nil {
			// Its transaction waits, or stands in a block before the first one that was read.
			if waits, err := o.waits(ctx, p.TxID); err != nil {
				return nil, false, err
			} else if !waits {
				missing = append(missing, p)
			}
			continue
		}
		if c.spentAt != 0 && (found == nil || c.spentAt < found.height) {
			found = &spent{c.spentBy, o.w.txs[c.spentBy].tx, c.spentAt}
		}
	}
	if found != nil || len(missing) == 0 {
		return found, true, nil
	}
	seen, done, err := o.w.earlier(ctx, o.Rail, missing)
	for _, p := range missing {
		if s, ok := seen[p]; ok && (found == nil || s.height < found.height) {
			found = &s
		}
	}
	return found, done || found != nil, err
}

// waits tells whether a transaction of ours is in no block.
func (o *look) waits(ctx context.Context, id bitcoin.Hash) (bool, error) {
	if o.w.waiting(id) == nil || o.w.base == 0 || o.conf.StartBlock >= 0 {
		return o.w.waiting(id) != nil, nil
	}
	return o.chain.pooled(ctx, id)
}

// dead tells whether a block holds another use of something that is needed, deep
// enough for any amount.
func (w *wallet) dead(needs map[string]string) (by spent, dead bool) {
	for at, c := range w.coins {
		want, needed := needs[key(at)]
		if needed && c.spentAt != 0 && c.spentBy.String() != want {
			return spent{c.spentBy, w.txs[c.spentBy].tx, c.spentAt}, true
		}
	}
	return by, false
}

func (o *look) depth(height uint64) uint64 { return o.w.height() - min(height, o.w.height()) + 1 }

// enough is how deep a block must be that decides the slot.
func (o *look) enough() uint64 {
	n := o.conf.Tiers[0].Depth
	for _, t := range o.conf.Tiers {
		if o.total >= t.From {
			n = max(n, t.Depth)
		}
	}
	return n
}

func (o *look) seen(s spent) rail.Observation {
	out := rail.Observation{Stage: rail.StageMined, TxID: s.by.String(), BlockNumber: s.height, Confirmations: o.depth(s.height)}
	if s.height >= o.w.base {
		out.Block = o.w.chain[s.height-o.w.base].String()
	} else {
		out.Block = strconv.FormatUint(s.height, 10)
	}
	fee, ok := o.w.fee(s.tx, o.values())
	if ok {
		out.Fee = money.Of(fee)
	}
	return out
}

// values are the coins of the slot by where they are.
func (o *look) values() map[bitcoin.Outpoint]uint64 {
	out := map[bitcoin.Outpoint]uint64{}
	for n, c := range o.slot.Coins {
		v, _ := strconv.ParseUint(c.Minor, 10, 64) // read before
		out[o.at[n]] = v
	}
	return out
}

// mined reports the use of a coin in a block.
func (o *look) mined(ctx context.Context, s spent) (rail.Observation, error) {
	out := o.seen(s)
	ours := slices.ContainsFunc(o.txs, func(tx *bitcoin.Tx) bool { return tx.ID() == s.by })
	final := out.Confirmations >= o.enough()
	if !ours && !final {
		return o.unknown("a block that is not deep enough yet spends a coin of the payout in a transaction we do not know"), nil
	}
	if !ours {
		out.Note = "the coins were spent by a transaction that is none of the stored attempts"
	}
	settled, err := o.children(ctx, s, &out)
	if err != nil || !final || !settled {
		return out, err
	}
	out.Stage, out.Paid = rail.StageFinal, paid(s.tx, o.outs)
	for _, ok := range out.Paid {
		reason := ""
		if !ok {
			reason = fmt.Sprintf("the coins for it were spent in block %d by transaction %s, which does not pay it", s.height, s.by)
		}
		out.Reasons = append(out.Reasons, reason)
	}
	return out, nil
}

// children adds what children cost that paid for the transaction, and tells whether
// each of them has met its end. One that got lost is sent again: its bytes are stored.
func (o *look) children(ctx context.Context, s spent, out *rail.Observation) (settled bool, err error) {
	alive := map[bitcoin.Hash]bool{s.by: true}
	settled = true
	for _, tx := range o.txs {
		if spendsAll(tx, o.at) || !alive[tx.In[0].Prev.TxID] {
			continue
		}
		use, known, err := o.use(ctx, []bitcoin.Outpoint{tx.In[0].Prev})
		switch {
		case err != nil:
			return false, err
		case use == nil && known:
			settled = false
			alive[tx.ID()] = true
			if held, err := o.chain.pooled(ctx, tx.ID()); err != nil || held {
				out.Note = "the child that pays for it waits"
				continue
			}
			var refused *node.Refusal
			if err := o.chain.send(ctx, tx); err != nil && !errors.As(err, &refused) { // a refusal proves nothing
				return false, unavailable(err, "send "+tx.ID().String())
			}
		case use == nil || o.depth(use.height) < o.enough():
			settled = false
		case use.by == tx.ID():
			alive[tx.ID()] = true
			value, _ := o.w.value(tx.In[0].Prev)
			fee, ok := o.w.fee(tx, map[bitcoin.Outpoint]uint64{tx.In[0].Prev: value})
			sum, err := out.Fee.Add(money.Of(fee))
			if !ok || err != nil {
				return false, err
			}
			out.Fee = sum
		}
	}
	return settled, nil
}

// never reports a slot whose coin can never come to be.
func (o *look) never(by spent) rail.Observation {
	why := fmt.Sprintf("a coin for it came from a payment that lost its own coins in block %d to transaction %s", by.height, by.by)
	// Whatever the amount: the deepest tier counts, since the other payment may be larger.
	if o.depth(by.height) < o.conf.Tiers[len(o.conf.Tiers)-1].Depth {
		return o.unknown(why + "; the block is not deep enough yet")
	}
	out := rail.Observation{
		Stage: rail.StageFinal, TxID: by.by.String(), BlockNumber: by.height, Confirmations: o.depth(by.height), Note: why,
		Paid: make([]bool, len(o.outs)), Block: o.w.chain[by.height-o.w.base].String(),
	}
	for range o.outs {
		out.Reasons = append(out.Reasons, why)
	}
	return out
}

// pooled reports a slot that no block has touched: whether the node's pool has one of
// the attempts.
func (o *look) pooled(ctx context.Context) (rail.Observation, error) {
	out := rail.Observation{Stage: rail.StageSent, TxID: o.latest(), Lost: true, Note: "the node does not hold the transaction: it must be sent again"}
	for _, tx := range slices.Backward(o.txs) {
		held, err := o.chain.pooled(ctx, tx.ID())
		if err != nil {
			return rail.Observation{}, err
		}
		if held {
			out.Lost, out.Note = false, ""
			if spendsAll(tx, o.at) {
				out.TxID = tx.ID().String()
			}
			break
		}
	}
	return out, nil
}

func (o *look) unknown(note string) rail.Observation {
	return rail.Observation{Stage: rail.StageUnknown, TxID: o.latest(), Note: note}
}

// latest is the newest attempt that pays; a child is not what a recipient looks for.
func (o *look) latest() string {
	for _, tx := range slices.Backward(o.txs) {
		if spendsAll(tx, o.at) {
			return tx.ID().String()
		}
	}
	return ""
}
