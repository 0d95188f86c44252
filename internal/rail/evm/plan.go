package evm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// Codes of Feasibility.
const (
	CodeOutOfFunds = rail.CodeNoFunds
	CodeOutOfGas   = rail.CodeNoGas
	CodeFeeTooHigh = rail.CodeHighFee
)

// Feasible implements rail.Rail. The wallet's balances at the latest block must cover
// what is in flight and in no block yet, the new payouts, and the fees of both at
// their worst.
func (r *Rail) Feasible(ctx context.Context, wallet string, inFlight []rail.InFlight, payouts []rail.Payout) (rail.Feasibility, error) {
	ctx = rail.InRound(ctx)
	f, err := r.feasible(ctx, wallet, inFlight, payouts)
	return rail.NotNow(f, err)
}

func (r *Rail) feasible(ctx context.Context, wallet string, inFlight []rail.InFlight, payouts []rail.Payout) (rail.Feasibility, error) {
	if err := r.checkList(wallet, payouts); err != nil {
		return rail.Feasibility{}, err
	}
	who, head, err := r.begin(ctx, wallet, func() { _, _ = r.final(ctx) }, func() { _, _ = r.feeHistory(ctx) })
	if err != nil {
		return rail.Feasibility{}, err
	}
	if err := r.provable(ctx, head); err != nil {
		return rail.Feasibility{}, err
	}
	var used uint64
	if err := together(
		func() (err error) { used, err = r.nonceAt(ctx, who, head.at()); return err },
		func() error { r.askAhead(ctx, who, head.at(), payouts); return nil },
	); err != nil {
		return rail.Feasibility{}, err
	}
	n := needs{Rail: r, who: who, at: head.at(), coins: map[claim]money.Amount{}}
	for _, f := range inFlight {
		if f.Slot.Nonce < used {
			continue // a block holds it: the balance is without it already
		}
		if err := n.hold(f); err != nil {
			return rail.Feasibility{}, err
		}
	}
	var first rail.Feasibility
	for i, w := range r.ways(who, payouts) {
		f, err := n.by(ctx, w, payouts)
		if err != nil {
			return f, err
		}
		if f.OK {
			if len(payouts) == 1 {
				r.chosen.Put(memoryKey(who, payouts[0]), w, time.Time{})
			}
			return f, nil
		}
		if i == 0 {
			first = f
		}
	}
	return first, nil
}

// askAhead asks side by side what by and its helpers will ask one after the other.
func (r *Rail) askAhead(ctx context.Context, who common.Address, at *big.Int, payouts []rail.Payout) {
	ways := r.ways(who, payouts)
	asks := []func() error{func() error { _, err := r.balance(ctx, r.conf.FeeAsset, who, at); return err }}
	for _, w := range ways {
		asks = append(asks, func() error { _, err := r.balance(ctx, payouts[0].Asset, r.payer(who, w), at); return err })
	}
	if len(payouts) == 1 { // a batch's simulations build on each other
		asks = append(asks, func() error { _, err := r.gas(ctx, who, at, payouts[0]); return err })
	}
	_ = together(asks...) // what goes wrong is met again
}

// claim is an asset in the hands of one address: the wallet or its vault.
type claim struct {
	holder common.Address
	asset  string
}

// needs adds up what a wallet and its vault must be able to give.
type needs struct {
	*Rail
	who      common.Address
	at       *big.Int
	coins    map[claim]money.Amount
	fees     money.Amount
	unsigned []unsigned // in flight without an attempt, so without a known fee
}

type unsigned struct {
	way     way
	payouts []rail.Payout
}

func (n *needs) add(w way, payouts []rail.Payout) (err error) {
	for _, p := range payouts {
		c := claim{n.payer(n.who, w), p.Asset}
		if n.coins[c], err = n.coins[c].Add(p.Amount); err != nil {
			return err
		}
	}
	return nil
}

// hold counts what is in flight. Where it cannot be told whose money it takes, both
// the wallet's and the vault's are held.
func (n *needs) hold(f rail.InFlight) (err error) {
	ways := n.ways(n.who, f.Payouts)
	if h, err := n.past(f.Slot, f.Payouts, f.Attempts); err == nil && h.pays {
		ways = []way{h.way}
	} else if len(f.Payouts) == 1 {
		if w, ok := n.chosen.Get(memoryKey(n.who, f.Payouts[0]), time.Time{}); ok {
			ways = []way{w}
		}
	}
	for _, w := range ways {
		if err := n.add(w, f.Payouts); err != nil {
			return err
		}
	}
	if f.MaxFee.IsZero() {
		n.unsigned = append(n.unsigned, unsigned{ways[0], f.Payouts})
		return nil
	}
	n.fees, err = n.fees.Add(f.MaxFee)
	return err
}

// by tells whether a list can be paid by a way, beside what is in flight.
func (n needs) by(ctx context.Context, w way, payouts []rail.Payout) (rail.Feasibility, error) {
	n.coins = maps.Clone(n.coins)
	if err := n.add(w, payouts); err != nil {
		return rail.Feasibility{}, err
	}
	native := claim{n.who, n.conf.FeeAsset}
	have, short, err := n.funds(ctx, claim{n.payer(n.who, w), payouts[0].Asset})
	if err != nil || short != nil {
		return deref(short), err
	}
	if native.holder != n.payer(n.who, w) || native.asset != payouts[0].Asset {
		if have, err = n.balance(ctx, n.conf.FeeAsset, n.who, n.at); err != nil {
			return rail.Feasibility{}, err
		}
	}
	fees, err := n.worstFees(ctx, w, payouts)
	if err != nil {
		return rail.Feasibility{}, err
	}
	need, err := fees.Add(n.coins[native])
	if err != nil {
		return rail.Feasibility{}, err
	}
	if missing, err := need.Sub(have); err == nil && !missing.IsZero() {
		return rail.Feasibility{Code: CodeOutOfGas, Reason: fmt.Sprintf("the wallet lacks %s for transaction fees: send at least that to %s on %s, and the payout goes on by itself",
			n.format(n.conf.FeeAsset, missing), n.who.Hex(), n.conf.Network)}, nil
	}
	return rail.Feasibility{OK: true}, nil
}

// funds compares one balance with what is needed of it. It gives the balance, and the
// shortage if there is one.
func (n needs) funds(ctx context.Context, c claim) (money.Amount, *rail.Feasibility, error) {
	have, err := n.balance(ctx, c.asset, c.holder, n.at)
	if err != nil {
		return have, nil, err
	}
	missing, err := n.coins[c].Sub(have)
	if err != nil || missing.IsZero() {
		return have, nil, nil //nolint:nilerr // below zero: nothing is missing
	}
	holder := "the wallet"
	if c.holder != n.who {
		holder = "the vault of the wallet " + n.who.Hex()
	}
	return have, &rail.Feasibility{Code: CodeOutOfFunds, Reason: fmt.Sprintf("%s lacks %s (it has %s): send at least that to %s on %s, and the payout goes on by itself",
		holder, n.format(c.asset, missing), n.format(c.asset, have), c.holder.Hex(), n.conf.Network)}, nil
}

// worstFees is what all transactions that are in no block yet can cost together.
func (n needs) worstFees(ctx context.Context, w way, payouts []rail.Payout) (money.Amount, error) {
	q, err := n.price(ctx)
	if err != nil {
		return money.Amount{}, err
	}
	total := n.fees
	for _, u := range append(slices.Clone(n.unsigned), unsigned{w, payouts}) {
		gas, err := n.listGas(ctx, n.who, n.at, u.way, u.payouts)
		var refused *rail.Refusal
		switch {
		case errors.As(err, &refused):
			gas = 0 // Prepare refuses it, so it will never cost anything
		case err != nil:
			return money.Amount{}, err
		}
		o, err := n.offer(draft{price: q}, gas)
		if err != nil {
			return money.Amount{}, err
		}
		feeCap, err := Amount(o.cap)
		if err != nil {
			return money.Amount{}, err
		}
		fee, err := feeCap.Mul(gas)
		if err != nil {
			return money.Amount{}, err
		}
		if total, err = total.Add(fee); err != nil {
			return money.Amount{}, err
		}
	}
	return total, nil
}

// format writes an amount with its asset, for a person.
func (r *Rail) format(asset string, a money.Amount) string {
	return money.Asset{Code: asset, Scale: r.scales()[asset]}.Format(a) + " " + asset
}

// checkPayout refuses what can only be a mistake of the caller.
func (r *Rail) checkPayout(p rail.Payout) error {
	if _, ok := r.scales()[p.Asset]; !ok {
		return r.unknownAsset(p.Asset)
	}
	if len(p.To) != common.AddressLength || common.BytesToAddress(p.To) == (common.Address{}) {
		return fault.New(fault.Invalid, "payout_recipient", "payout %s: the recipient is not a 20-byte address above zero", p.Ref)
	}
	if p.Amount.IsZero() {
		return fault.New(fault.Invalid, "payout_amount", "payout %s: the amount is zero", p.Ref)
	}
	return nil
}

func deref(f *rail.Feasibility) rail.Feasibility {
	if f == nil {
		return rail.Feasibility{}
	}
	return *f
}
