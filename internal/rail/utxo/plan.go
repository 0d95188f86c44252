package utxo

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/utxo/bitcoin"
)

// Codes of Feasibility.
const (
	CodeOutOfFunds = rail.CodeNoFunds
	CodeFeeTooHigh = rail.CodeHighFee
)

// minor is an amount in the smallest unit of a coin, which fits 64 bits.
func minor(a money.Amount) (uint64, error) {
	if money.Of(bitcoin.MaxMoney).Less(a) {
		return 0, fault.New(fault.Invalid, "payout_amount", "%s is more than there are coins", a)
	}
	return strconv.ParseUint(a.Minor(), 10, 64)
}

// checked is a payout as an output.
func (r *Rail) checked(p rail.Payout) (bitcoin.Out, error) {
	if p.Asset != r.conf.FeeAsset {
		return bitcoin.Out{}, r.unknownAsset(p.Asset)
	}
	if bitcoin.KindOf(p.To) == bitcoin.Other {
		return bitcoin.Out{}, fault.New(fault.Invalid, "payout_recipient", "payout %s: the recipient is not a script that an address stands for", p.Ref)
	}
	value, err := minor(p.Amount)
	return bitcoin.Out{Value: value, Script: p.To}, err
}

// dusty says why an output is too small to be passed on; "" when it is not.
func (r *Rail) dusty(o bitcoin.Out) string {
	least := r.params.Dust(o.Script)
	if o.Value >= least {
		return ""
	}
	return fmt.Sprintf("%s is less than the network passes on to such an address: the least is %s", r.format(o.Value), r.format(least))
}

// Group implements rail.Grouper: as many together as fit a batch. What cannot be paid goes
// alone, so that its refusal is nobody else's.
func (r *Rail) Group(_ context.Context, _ string, payouts []rail.Payout) ([][]int, error) {
	var out [][]int
	var batch []int
	for n, p := range payouts {
		if o, err := r.checked(p); err != nil || r.dusty(o) != "" {
			out = append(out, []int{n})
			continue
		}
		if batch = append(batch, n); len(batch) == r.conf.BatchMax {
			out, batch = append(out, batch), nil
		}
	}
	if len(batch) > 0 {
		out = append(out, batch)
	}
	return out, nil
}

// Feasible implements rail.Rail. The coins that nothing in flight holds must cover the
// payouts and their fee at the present price.
func (r *Rail) Feasible(ctx context.Context, address string, inFlight []rail.InFlight, payouts []rail.Payout) (rail.Feasibility, error) {
	f, err := r.feasible(rail.InRound(ctx), address, inFlight, payouts)
	return rail.NotNow(f, err)
}

func (r *Rail) feasible(ctx context.Context, address string, inFlight []rail.InFlight, payouts []rail.Payout) (rail.Feasibility, error) {
	if len(payouts) == 1 {
		if o, err := r.checked(payouts[0]); err == nil && r.dusty(o) != "" {
			return rail.Feasibility{OK: true}, nil // Prepare refuses it, and says why
		}
	}
	w, err := r.enter(ctx, address)
	if err != nil {
		return rail.Feasibility{}, err
	}
	defer w.mu.Unlock()
	held, all := map[string]bool{}, payouts
	for _, f := range inFlight {
		if len(f.Slot.Coins) == 0 {
			all = append(all[:len(all):len(all)], f.Payouts...) // planned: its coins are still to be picked
		}
		for _, c := range f.Slot.Coins {
			held[c.Key()] = true
		}
	}
	o, err := r.order(ctx, w, all)
	if err != nil {
		return rail.Feasibility{}, err
	}
	free, err := r.free(ctx, w, held)
	if err != nil {
		return rail.Feasibility{}, err
	}
	if choose(free, o) != nil {
		return rail.Feasibility{OK: true}, nil
	}
	var have, under uint64
	for _, c := range free {
		have += c.value
	}
	for _, c := range w.coins {
		if c.spentAt == 0 {
			under += c.value
		}
	}
	missing := o.cost(max(len(free), 1))
	missing -= min(missing, have)
	text := fmt.Sprintf("the wallet lacks %s (it has %s that it can spend now): send at least that to %s on %s, and the payout goes on by itself",
		r.format(max(missing, 1)), r.format(have), address, r.conf.Network)
	if under > have {
		text += fmt.Sprintf("; %s more is bound to payments under way, and what they leave comes back with the next blocks", r.format(under-have))
	}
	return rail.Feasibility{Code: CodeOutOfFunds, Reason: text}, nil
}

// order is what the payouts ask for at the present price.
func (r *Rail) order(ctx context.Context, w *wallet, payouts []rail.Payout) (order, error) {
	o := order{script: w.script, dust: r.params.Dust(w.script)}
	for _, p := range payouts {
		out, err := r.checked(p)
		if err != nil {
			return o, err
		}
		o.outputs, o.total = append(o.outputs, out.Script), o.total+out.Value
	}
	var err error
	o.rate, err = r.rate(ctx, r.conf.Target)
	return o, err
}

// A chain of transactions that wait is passed on up to 25 long and 101,000 virtual
// bytes (Core before 31); one place is left for a child that pays for its parents.
const (
	chainMax     = 24
	chainSizeMax = 95_000
)

// coinbaseDepth is how deep a block must be before its new coins can be spent.
const coinbaseDepth = 100

// free lists the coins that nothing holds: those in blocks, and our own change that
// waits, unless its chain is too long.
func (r *Rail) free(ctx context.Context, w *wallet, held map[string]bool) ([]candidate, error) {
	var out []candidate
	next := w.height() + 1
	for at, c := range w.coins {
		if c.spentAt != 0 || held[key(at)] || w.used(at) || c.coinbase && next-c.height < coinbaseDepth {
			continue
		}
		out = append(out, candidate{at: at, value: c.value})
	}
	for id := range w.own {
		tx := w.waiting(id)
		if tx == nil || !w.extends(tx) {
			continue
		}
		at, value, ok := w.change(tx)
		if !ok || held[key(at)] || w.used(at) {
			continue
		}
		// The node must have it: of several attempts only one can come to be.
		seen, err := r.chain.unspent(ctx, at)
		if err != nil {
			return nil, err
		}
		if seen != nil && seen.depth == 0 {
			out = append(out, candidate{at: at, value: value, fresh: true})
		}
	}
	return out, nil
}

// extends tells whether another transaction may build on one that waits.
func (w *wallet) extends(tx *bitcoin.Tx) bool {
	up := map[bitcoin.Hash]*bitcoin.Tx{tx.ID(): tx}
	w.ancestors(tx, up)
	var size uint64
	for id, t := range up {
		size += t.Size()
		if w.descendants(id)+2 > chainMax {
			return false
		}
	}
	return len(up) < chainMax && size < chainSizeMax
}

// Pick implements rail.SlotPicker.
func (r *Rail) Pick(ctx context.Context, address, ref string, payouts []rail.Payout, held map[string]bool) (rail.Slot, []string, error) {
	ctx = rail.InRound(ctx)
	w, err := r.enter(ctx, address)
	if err != nil {
		return rail.Slot{}, nil, err
	}
	defer w.mu.Unlock()
	o, err := r.order(ctx, w, payouts)
	if err != nil {
		return rail.Slot{}, nil, err
	}
	free, err := r.free(ctx, w, held)
	if err != nil {
		return rail.Slot{}, nil, err
	}
	// What stands in a block may be spent by a stranger who waits: such coins are
	// found out one by one, and left alone.
	if o.rate <= rate(r.conf.ConsolidateBelow) {
		o.extra = min(max(len(free)-r.conf.CoinsWanted, 0), tidyMax)
	}
	for range 10 {
		got := choose(free, o)
		if got == nil {
			return rail.Slot{}, nil, &rail.Wait{Code: rail.CodeNoFunds, Text: "the wallet " + address + " has no coins that cover the payouts and their fee"}
		}
		bad, err := r.verify(ctx, w, got)
		if err != nil {
			return rail.Slot{}, nil, err
		}
		if len(bad) == 0 {
			return w.slot(address, ref, got)
		}
		free = without(free, bad)
	}
	return rail.Slot{}, nil, node.NotYet("the node does not confirm the coins of the wallet %s", address)
}

// tidyMax is how many small coins a payout takes along at low prices.
const tidyMax = 10

// verify asks the node for each coin, and gives those that cannot be spent.
func (r *Rail) verify(ctx context.Context, w *wallet, coins []candidate) (bad []candidate, err error) {
	for _, c := range coins {
		seen, err := r.chain.unspent(ctx, c.at)
		if err != nil {
			return nil, err
		}
		if seen == nil || seen.coinbase && seen.depth < coinbaseDepth {
			bad = append(bad, c)
			continue
		}
		if seen.value != c.value || !bytes.Equal(seen.script, w.script) {
			return nil, node.Incomplete("gettxout", "it contradicts the blocks about the coin "+key(c.at)+": do not trust the node")
		}
	}
	return bad, nil
}

func without(all, gone []candidate) []candidate {
	var out []candidate
	for _, c := range all {
		keep := true
		for _, g := range gone {
			keep = keep && g.at != c.at
		}
		if keep {
			out = append(out, c)
		}
	}
	return out
}

// slot binds coins.
func (w *wallet) slot(address, ref string, got []candidate) (rail.Slot, []string, error) {
	s := rail.Slot{Wallet: address, Ref: ref}
	var keys []string
	for _, c := range got {
		coin := rail.Coin{TxID: c.at.TxID.String(), Index: c.at.Index, Minor: strconv.FormatUint(c.value, 10), Script: w.script}
		if c.fresh {
			coin.Needs = w.needs(w.own[c.at.TxID])
		}
		s.Coins, keys = append(s.Coins, coin), append(keys, coin.Key())
	}
	return s, keys, nil
}
