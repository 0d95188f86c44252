package utxo

import (
	"bytes"
	"context"
	"slices"

	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/utxo/bitcoin"
)

// Reach asks the node for everything that must hold before money leaves: its chain, its
// best block, and the price of block space. The error says what stands in the way, the
// warnings what works without, but worse.
func (r *Rail) Reach(ctx context.Context) (warnings []string, err error) {
	if err := r.chain.ready(ctx); err != nil {
		return nil, err
	}
	if _, _, err := r.chain.tip(ctx); err != nil {
		return nil, err
	}
	if _, err := r.rate(ctx, r.conf.Target); rail.Has(err, rail.CodeHighFee) {
		warnings = append(warnings, err.Error())
	} else if err != nil {
		return nil, err
	}
	return warnings, nil
}

// Balance implements rail.Rail: the coins that blocks hold.
func (r *Rail) Balance(ctx context.Context, address string) (map[string]money.Amount, error) {
	ctx = rail.InRound(ctx)
	w, err := r.enter(ctx, address)
	if err != nil {
		return nil, err
	}
	defer w.mu.Unlock()
	var sum uint64
	for _, c := range w.coins {
		if c.spentAt == 0 {
			sum += c.value
		}
	}
	return map[string]money.Amount{r.conf.FeeAsset: money.Of(sum)}, nil
}

// deepest is the number of confirmations after which nothing is questioned any more.
func (r *Rail) deepest() (n uint64) {
	for _, t := range r.conf.Tiers {
		n = max(n, t.Depth)
	}
	return n
}

// Position implements rail.Booker: everything comes from blocks that were read, so
// that it is of one moment. Final is what is deep enough for the largest amounts.
func (r *Rail) Position(ctx context.Context, address string) (rail.Position, error) {
	ctx = rail.InRound(ctx)
	w, err := r.enter(ctx, address)
	if err != nil {
		return rail.Position{}, err
	}
	defer w.mu.Unlock()
	tip, depth := w.height(), r.deepest()
	if tip+1 < depth {
		return rail.Position{}, node.NotYet("the chain has no final block yet")
	}
	final := tip + 1 - depth
	if final < w.base {
		// What was spent before the first block that was read is not known.
		return rail.Position{}, node.NotYet("the blocks are known from %d on, and the latest final one is %d: wait for %d more", w.base, final, w.base-final)
	}
	p := rail.Position{Block: final, Hash: w.chain[final-w.base].String(), Coins: []string{}}
	var sum uint64
	for at, c := range w.coins {
		switch {
		case c.height > final:
			p.Later = append(p.Later, key(at))
		case c.spentAt == 0 || c.spentAt > final:
			p.Coins, sum = append(p.Coins, key(at)), sum+c.value
		}
	}
	for id, tx := range w.own {
		if w.waiting(id) == nil {
			continue
		}
		for n, o := range tx.Out {
			if bytes.Equal(o.Script, w.script) {
				p.Later = append(p.Later, key(bitcoin.Outpoint{TxID: id, Index: uint32(n)}))
			}
		}
	}
	slices.Sort(p.Coins)
	slices.Sort(p.Later)
	p.Balances = map[string]money.Amount{r.conf.FeeAsset: money.Of(sum)}
	return p, nil
}

// Estimate implements rail.Estimator: the payouts together in one transaction of their
// own, with the coins that it would take now.
func (r *Rail) Estimate(ctx context.Context, address string, payouts []rail.Payout) (rail.Estimate, error) {
	ctx = rail.InRound(ctx)
	for _, p := range payouts {
		o, err := r.checked(p)
		if err != nil {
			return rail.Estimate{}, err
		}
		if why := r.dusty(o); why != "" {
			return rail.Estimate{}, &rail.Refusal{Reason: why}
		}
	}
	w, err := r.enter(ctx, address)
	if err != nil {
		return rail.Estimate{}, err
	}
	defer w.mu.Unlock()
	o, err := r.order(ctx, w, payouts)
	if err != nil {
		return rail.Estimate{}, err
	}
	free, err := r.free(ctx, w, nil)
	if err != nil {
		return rail.Estimate{}, err
	}
	inputs := max(1, len(choose(free, o)))
	fee := o.rate.fee(o.size(inputs, true))
	// A payment that leaves too little for change gives the rest to the miners.
	return rail.Estimate{Likely: money.Of(fee), Ceiling: money.Of(fee + o.dust)}, nil
}

// BlockAt implements rail.Stander.
func (r *Rail) BlockAt(ctx context.Context, number uint64) (string, error) {
	ctx = rail.InRound(ctx)
	if err := r.chain.ready(ctx); err != nil {
		return "", err
	}
	height, _, err := r.chain.tip(ctx)
	if err != nil {
		return "", err
	}
	if height < number {
		return "", node.Behind("the network's node does not have block %d yet", number)
	}
	at, err := r.chain.at(ctx, number)
	return at.String(), err
}
