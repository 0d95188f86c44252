package utxo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/signer"
)

// Prepare implements rail.Rail. The first attempt spends all coins of the slot for all
// payouts. A later one replaces it, where the network takes replacements: the same
// coins, the same payouts, less change. Where it does not, or where a later payout
// builds on the change, the later attempt is a child that spends the change and pays
// for both. No child helps a parent that the node has lost and no longer takes: then the
// same coins are spent again with more, whatever the network thinks of replacements.
func (r *Rail) Prepare(ctx context.Context, slot rail.Slot, payouts []rail.Payout, previous []rail.Attempt) (signer.Intent, error) {
	ctx = rail.InRound(ctx)
	p := plan{Rail: r, slot: slot, payouts: payouts}
	if err := p.read(previous); err != nil {
		return signer.Intent{}, err
	}
	if len(previous) == 0 {
		for _, o := range p.outs {
			if why := r.dusty(o); why != "" {
				return signer.Intent{}, &rail.Refusal{Reason: why}
			}
		}
	}
	w, err := r.enter(ctx, slot.Wallet)
	if err != nil {
		return signer.Intent{}, err
	}
	defer w.mu.Unlock()
	p.w = w
	w.learn(p.txs)
	if err := p.open(ctx); err != nil {
		return signer.Intent{}, err
	}
	if len(p.txs) == 0 {
		return p.first(ctx)
	}
	lost, err := p.lost(ctx)
	switch {
	case err != nil:
		return signer.Intent{}, err
	case lost || r.replace && w.unbuilt(p.txs):
		return p.again(ctx)
	default:
		return p.child(ctx)
	}
}

// lost tells whether the node has none of the slot's transactions and would not take the
// latest for its fee: after a restart, or when a full pool dropped what pays least.
func (p *plan) lost(ctx context.Context) (bool, error) {
	var latest *bitcoin.Tx // that spends the coins; children do not
	for _, tx := range p.txs {
		if !spendsAll(tx, p.at) {
			continue
		}
		latest = tx
		held, err := p.chain.pooled(ctx, tx.ID())
		if err != nil || held {
			return false, err
		}
	}
	err := p.chain.accepts(ctx, latest)
	var refused *node.Refusal
	switch {
	case err == nil:
		return false, nil // it only has to be sent again
	case !errors.As(err, &refused):
		return false, unavailable(err, "ask whether the node takes "+latest.ID().String())
	case node.Says(err, saysMissing...):
		return false, node.NotYet("a payment that this one builds on must be in the node's pool first")
	}
	return node.Says(err, saysTooLow...), nil
}

// plan is a slot while an intent is made for it.
type plan struct {
	*Rail
	w       *wallet
	slot    rail.Slot
	payouts []rail.Payout
	outs    []bitcoin.Out
	at      []bitcoin.Outpoint // the coins of the slot
	in      uint64             // what they hold
	txs     []*bitcoin.Tx      // earlier attempts
}

func (p *plan) read(previous []rail.Attempt) error {
	var err error
	if p.outs, p.at, p.in, err = p.parts(p.slot, p.payouts); err != nil {
		return err
	}
	if p.txs, err = decodeAll(previous); err != nil {
		return err
	}
	for n, tx := range p.txs {
		if spendsAll(tx, p.at) && !paysAll(tx, p.outs) || n == 0 && !spendsAll(tx, p.at) {
			return fault.New(fault.Internal, "attempt_differs", "the attempt %s does not pay this slot's payouts from its coins: it cannot be raised", tx.ID())
		}
	}
	return nil
}

// parts checks a slot and its payouts.
func (r *Rail) parts(slot rail.Slot, payouts []rail.Payout) (outs []bitcoin.Out, at []bitcoin.Outpoint, in uint64, err error) {
	if len(payouts) == 0 || len(slot.Coins) == 0 {
		return nil, nil, 0, fault.New(fault.Invalid, "slot_empty", "a slot on %s has payouts and coins", r.conf.Network)
	}
	for _, p := range payouts {
		o, err := r.checked(p)
		if err != nil {
			return nil, nil, 0, err
		}
		outs = append(outs, o)
	}
	for _, c := range slot.Coins {
		o, err := outpoint(c)
		if err != nil {
			return nil, nil, 0, err
		}
		v, err := strconv.ParseUint(c.Minor, 10, 63)
		if err != nil || v > bitcoin.MaxMoney {
			return nil, nil, 0, fault.New(fault.Internal, "slot_corrupt", "the coin %s of the slot is worth %q", key(o), c.Minor)
		}
		at, in = append(at, o), in+v
	}
	return outs, at, in, nil
}

func spendsAll(tx *bitcoin.Tx, at []bitcoin.Outpoint) bool {
	return len(tx.In) == len(at) && !slices.ContainsFunc(tx.In, func(in bitcoin.In) bool { return !slices.Contains(at, in.Prev) })
}

// paid says which of the outputs a transaction has. Two equal ones need two.
func paid(tx *bitcoin.Tx, outs []bitcoin.Out) []bool {
	used := make([]bool, len(tx.Out))
	got := make([]bool, len(outs))
	for n, want := range outs {
		for i, o := range tx.Out {
			if !used[i] && o.Value == want.Value && string(o.Script) == string(want.Script) {
				used[i], got[n] = true, true
				break
			}
		}
	}
	return got
}

func paysAll(tx *bitcoin.Tx, outs []bitcoin.Out) bool { return !slices.Contains(paid(tx, outs), false) }

// open makes sure that no block holds a use of the coins. Before anything was signed
// another slot will do; afterwards only Observe can say what happened.
func (p *plan) open(ctx context.Context) error {
	moved := rail.ErrLook
	if len(p.txs) == 0 {
		moved = rail.ErrSlotTaken
	}
	for n, at := range p.at {
		c, inBlock := p.w.coins[at]
		switch {
		case inBlock && c.spentAt != 0:
			return fmt.Errorf("%w: the coin %s is spent in block %d by %s", moved, key(at), c.spentAt, c.spentBy)
		case inBlock || p.w.own[at.TxID] != nil:
			continue
		}
		if _, dead := p.w.dead(p.slot.Coins[n].Needs); dead {
			return fmt.Errorf("%w: the coin %s will never exist", moved, key(at))
		}
		seen, err := p.chain.unspent(ctx, at)
		if err != nil {
			return err
		}
		if seen == nil {
			return node.NotYet("the coin %s is neither in the blocks that were read nor in the pool", key(at))
		}
	}
	return nil
}

// unbuilt tells whether nothing of ours builds on any of the transactions: replacing
// one would take its children with it.
func (w *wallet) unbuilt(txs []*bitcoin.Tx) bool {
	return !slices.ContainsFunc(txs, func(tx *bitcoin.Tx) bool { return w.users(tx.ID()) > 0 })
}

func (p *plan) order(price rate) order {
	o := order{script: p.w.script, dust: p.params.Dust(p.w.script), rate: price}
	for _, out := range p.outs {
		o.outputs, o.total = append(o.outputs, out.Script), o.total+out.Value
	}
	return o
}

func (p *plan) first(ctx context.Context) (signer.Intent, error) {
	price, err := p.rate(ctx, p.conf.Target)
	if err != nil {
		return signer.Intent{}, err
	}
	up := map[bitcoin.Hash]*bitcoin.Tx{}
	for _, at := range p.at {
		if tx := p.w.waiting(at.TxID); tx != nil {
			up[at.TxID] = tx
			p.w.ancestors(tx, up)
		}
	}
	o, extra := p.order(price), p.w.shortage(up, price)
	change, fee, ok := o.split(p.in, len(p.at), func(size uint64) uint64 { return price.fee(size) + extra })
	if !ok {
		// The price rose since the coins were picked: all that they leave is offered, if
		// that is enough to be passed on.
		bare := o.size(len(p.at), false)
		if p.in < o.total+rate(p.conf.RateMin).fee(bare) {
			return signer.Intent{}, node.NotYet("the coins of the payout do not cover the present fee: it waits until the price falls")
		}
		fee = p.in - o.total
	}
	return p.intent(ctx, change, fee)
}

// again is a replacement. It pays for its own way through the network on top of what
// the earlier ones offer (BIP 125), and at least a tenth more.
func (p *plan) again(ctx context.Context) (signer.Intent, error) {
	price, err := p.rate(ctx, 1)
	if err != nil {
		return signer.Intent{}, err
	}
	var before uint64
	for _, tx := range p.txs {
		if !spendsAll(tx, p.at) {
			continue // a child pays for itself out of the change
		}
		var out uint64
		for _, o := range tx.Out {
			out += o.Value
		}
		before = max(before, p.in-min(p.in, out))
	}
	o := p.order(price)
	step := rate(p.conf.RateMin)
	fee := func(size uint64) uint64 {
		return max(price.fee(size), before+max(step.fee(size), before/10))
	}
	change, cost, ok := o.split(p.in, len(p.at), fee)
	if !ok {
		cost = p.in - min(p.in, o.total)
		if size := o.size(len(p.at), false); cost < before+step.fee(size) {
			return signer.Intent{}, node.NotYet("the payout's coins have nothing left to raise the fee with: it waits with the fee that it has")
		}
	}
	return p.intent(ctx, change, cost)
}

// intent is the transaction of the slot with a change and a fee.
func (p *plan) intent(ctx context.Context, change, fee uint64) (signer.Intent, error) {
	o := p.order(0)
	size := o.size(len(p.at), change > 0)
	if err := p.capped(fee, size); err != nil {
		// Change that is too small to exist is no offer to miners: up to that it may exceed.
		if change > 0 || fee > o.dust+rate(p.conf.RateMax).fee(size) || p.conf.FeeMax > 0 && fee > p.conf.FeeMax {
			return signer.Intent{}, err
		}
	}
	in := signer.Intent{Family: Family, Network: p.conf.Network, Wallet: p.slot.Wallet}
	for n, c := range p.slot.Coins {
		amount, err := money.ParseMinor(c.Minor)
		if err != nil {
			return in, err
		}
		in.Inputs = append(in.Inputs, signer.Input{TxID: c.TxID, Index: p.at[n].Index, Amount: amount, Script: p.w.script})
	}
	for _, pay := range p.payouts {
		in.Outputs = append(in.Outputs, signer.Output{Ref: pay.Ref, Asset: pay.Asset, To: pay.To, Amount: pay.Amount, Approval: pay.Approval})
	}
	if change > 0 {
		in.Change = signer.Output{Asset: p.conf.FeeAsset, To: p.w.script, Amount: money.Of(change)}
	}
	return p.proved(ctx, in, p.at...)
}

// proved adds the transactions that made coins: the signer believes nobody what a coin holds.
func (p *plan) proved(ctx context.Context, in signer.Intent, at ...bitcoin.Outpoint) (signer.Intent, error) {
	seen := map[bitcoin.Hash]bool{}
	for _, o := range at {
		if seen[o.TxID] {
			continue
		}
		seen[o.TxID] = true
		tx, err := p.made(ctx, p.w, o)
		if err != nil {
			return in, err
		}
		in.Previous = append(in.Previous, tx.Bare())
	}
	return in, nil
}

// child spends the change of what waits, back to the wallet, and pays for all of it.
func (p *plan) child(ctx context.Context) (signer.Intent, error) {
	last := p.txs[len(p.txs)-1]
	at, value, ok := p.w.change(last)
	switch {
	case !ok:
		return signer.Intent{}, node.NotYet("the payout left no change, so nothing can pay for it: it waits with the fee that it has")
	case p.w.users(last.ID()) > 0:
		return signer.Intent{}, node.NotYet("a later payout spends the change of this one: raising that one lifts both")
	}
	price, err := p.rate(ctx, 1)
	if err != nil {
		return signer.Intent{}, err
	}
	up := map[bitcoin.Hash]*bitcoin.Tx{last.ID(): last}
	p.w.ancestors(last, up)
	var size, fees uint64
	for _, tx := range up {
		f, _ := p.w.fee(tx, nil)
		size, fees = size+tx.Size(), fees+f
	}
	// At least a half more than now: a child that changes nothing is money thrown away.
	price = max(price, of(fees, size)*3/2)
	own := bitcoin.Size([][]byte{p.w.script}, [][]byte{p.w.script})
	fee := price.fee(own+size) - min(price.fee(own+size), fees)
	fee = max(fee, rate(p.conf.RateMin).fee(own))
	if err := p.capped(fees+fee, own+size); err != nil {
		return signer.Intent{}, err
	}
	if p.conf.FeeMax > 0 && fee > p.conf.FeeMax || len(up) >= chainMax+1 {
		return signer.Intent{}, node.NotYet("no further child can be added to what waits")
	}
	if value < fee+p.params.Dust(p.w.script) {
		return signer.Intent{}, node.NotYet("the change of the payout, %s, is too small to pay %s for it", p.format(value), p.format(fee))
	}
	return p.proved(ctx, signer.Intent{
		Family: Family, Network: p.conf.Network, Wallet: p.slot.Wallet,
		Inputs: []signer.Input{{TxID: at.TxID.String(), Index: at.Index, Amount: money.Of(value), Script: p.w.script}},
		Change: signer.Output{Asset: p.conf.FeeAsset, To: p.w.script, Amount: money.Of(value - fee)},
	}, at)
}
