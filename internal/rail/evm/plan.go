package evm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
)

// Codes of Feasibility.
const (
	CodeOutOfFunds  = "wallet_out_of_funds"
	CodeOutOfGas    = "wallet_out_of_gas"
	CodeFeeTooHigh  = "fee_too_high"
	CodeUnavailable = "node_unavailable"
)

// Feasible implements rail.Rail. The wallet's balances at the latest block must cover
// what is in flight and in no block yet, the new payouts, and the fees of both at
// their worst.
func (r *Rail) Feasible(ctx context.Context, wallet string, inFlight []rail.InFlight, payouts []rail.Payout) (rail.Feasibility, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	f, err := r.feasible(ctx, wallet, inFlight, payouts)
	var high feeTooHigh
	switch {
	case errors.As(err, &high):
		return rail.Feasibility{Code: CodeFeeTooHigh, Reason: "the payout waits: " + err.Error()}, nil
	case errors.Is(err, rail.ErrUnavailable):
		return rail.Feasibility{Code: CodeUnavailable, Reason: "the payout waits: " + err.Error()}, nil
	}
	return f, err
}

func (r *Rail) feasible(ctx context.Context, wallet string, inFlight []rail.InFlight, payouts []rail.Payout) (rail.Feasibility, error) {
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return rail.Feasibility{}, err
	}
	if err := r.synced(ctx); err != nil {
		return rail.Feasibility{}, err
	}
	head, err := r.head(ctx)
	if err != nil {
		return rail.Feasibility{}, err
	}
	used, err := r.node.NonceAt(ctx, who, head.Number)
	if err != nil {
		return rail.Feasibility{}, unavailable(err, "read the nonce of "+wallet)
	}
	n := needs{coins: map[string]money.Amount{}}
	for _, f := range inFlight {
		if f.Slot.Nonce < used {
			continue // a block holds it: the balance is without it already
		}
		if err := n.claim(f); err != nil {
			return rail.Feasibility{}, err
		}
	}
	for _, p := range payouts {
		if err := n.add(p.Asset, p.Amount); err != nil {
			return rail.Feasibility{}, err
		}
	}
	have, short, err := r.funds(ctx, who, head.Number, n.coins)
	if err != nil || short != nil {
		return deref(short), err
	}
	fees, err := r.worstFees(ctx, who, head.Number, &n, payouts)
	if err != nil {
		return rail.Feasibility{}, err
	}
	left, err := have.Sub(n.coins[r.conf.FeeAsset])
	if err != nil {
		return rail.Feasibility{}, err
	}
	if missing, err := fees.Sub(left); err == nil && !missing.IsZero() {
		return rail.Feasibility{Code: CodeOutOfGas, Reason: fmt.Sprintf("the wallet lacks %s for transaction fees: send at least that to %s on %s, and the payout goes on by itself",
			r.format(r.conf.FeeAsset, missing), who.Hex(), r.conf.Network)}, nil
	}
	return rail.Feasibility{OK: true}, nil
}

// needs adds up what a wallet must be able to give.
type needs struct {
	coins    map[string]money.Amount
	fees     money.Amount
	unsigned []rail.Payout // in flight without an attempt, so without a known fee
}

func (n *needs) add(asset string, amount money.Amount) (err error) {
	n.coins[asset], err = n.coins[asset].Add(amount)
	return err
}

func (n *needs) claim(f rail.InFlight) (err error) {
	for _, p := range f.Payouts {
		if err := n.add(p.Asset, p.Amount); err != nil {
			return err
		}
	}
	if f.MaxFee.IsZero() {
		n.unsigned = append(n.unsigned, f.Payouts...)
		return nil
	}
	n.fees, err = n.fees.Add(f.MaxFee)
	return err
}

// funds compares balances with what is needed of each asset. It gives the balance of
// the native coin, and the first shortage if there is one.
func (r *Rail) funds(ctx context.Context, who common.Address, at *big.Int, need map[string]money.Amount) (money.Amount, *rail.Feasibility, error) {
	native, err := r.balance(ctx, r.conf.FeeAsset, who, at)
	if err != nil {
		return native, nil, err
	}
	for _, asset := range slices.Sorted(maps.Keys(need)) {
		have := native
		if asset != r.conf.FeeAsset {
			if have, err = r.balance(ctx, asset, who, at); err != nil {
				return native, nil, err
			}
		}
		if missing, err := need[asset].Sub(have); err == nil && !missing.IsZero() {
			return native, &rail.Feasibility{Code: CodeOutOfFunds, Reason: fmt.Sprintf("the wallet lacks %s (it has %s): send at least that to %s on %s, and the payout goes on by itself",
				r.format(asset, missing), r.format(asset, have), who.Hex(), r.conf.Network)}, nil
		}
	}
	return native, nil, nil
}

// worstFees is what all transactions that are in no block yet can cost together.
func (r *Rail) worstFees(ctx context.Context, who common.Address, at *big.Int, n *needs, payouts []rail.Payout) (money.Amount, error) {
	q, err := r.price(ctx)
	if err != nil {
		return money.Amount{}, err
	}
	feeCap, _, err := q.amounts()
	if err != nil {
		return money.Amount{}, err
	}
	total := n.fees
	for _, p := range append(slices.Clone(n.unsigned), payouts...) {
		gas, err := r.gas(ctx, who, at, p)
		var refused *rail.Refusal
		switch {
		case errors.As(err, &refused):
			gas = 0 // Prepare refuses it, so it will never cost anything
		case err != nil:
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
