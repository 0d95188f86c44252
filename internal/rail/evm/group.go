package evm

import (
	"context"
	"errors"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/money"
	"sluice/internal/rail"
)

// GroupMax implements rail.Grouper.
func (r *Rail) GroupMax() int {
	if len(r.vaults) == 0 {
		return 1
	}
	return r.conf.BatchMax
}

// groupsMax is how many batches one call of Group makes: more do not go out at once.
const groupsMax = 16

// Group implements rail.Grouper. Tokens are batched from two on; the native coin where
// that is estimated to be cheaper, and never for accounts that do not exist yet, which
// cost more in a batch, nor for those with code, which may do anything. What the vault
// cannot pay, what is too large for it, and what would be refused goes alone.
func (r *Rail) Group(ctx context.Context, wallet string, payouts []rail.Payout) ([][]int, error) {
	ctx = rail.InRound(ctx)
	var lists [][]int
	who := common.HexToAddress(wallet)
	vault, has := r.vaults[who]
	byAsset := map[string][]int{}
	for n, p := range payouts {
		if has && fits(p.Amount) {
			byAsset[p.Asset] = append(byAsset[p.Asset], n)
		} else {
			lists = append(lists, []int{n})
		}
	}
	if len(byAsset) > 0 {
		g := grouping{Rail: r, who: who, vault: vault, payouts: payouts}
		for asset, places := range byAsset {
			some, err := g.asset(ctx, asset, places)
			if err != nil {
				return nil, err
			}
			lists = append(lists, some...)
		}
	}
	// The oldest payout of a list says when its turn is.
	slices.SortFunc(lists, func(a, b []int) int { return a[0] - b[0] })
	return lists, nil
}

// grouping is one call of Group.
type grouping struct {
	*Rail
	who, vault common.Address
	payouts    []rail.Payout
	at         *big.Int
}

func (g *grouping) asset(ctx context.Context, asset string, places []int) (lists [][]int, err error) {
	alone := func(ns ...int) {
		for _, n := range ns {
			lists = append(lists, []int{n})
		}
	}
	if len(places) < 2 {
		alone(places...)
		return lists, nil
	}
	if _, err := g.wallet(ctx, g.who.Hex()); err != nil {
		return nil, err
	}
	head, err := g.head(ctx)
	if err != nil {
		return nil, err
	}
	g.at = head.at()
	together, rest, err := g.affordable(ctx, asset, places)
	if err != nil {
		return nil, err
	}
	alone(rest...)
	if asset == g.conf.FeeAsset {
		if together, rest, err = g.plainAccounts(ctx, together); err != nil {
			return nil, err
		}
		alone(rest...)
	}
	for batches := 0; len(together) > 0 && batches < groupsMax; {
		size := min(len(together), g.conf.BatchMax)
		list, refused, err := g.list(ctx, asset, together[:size])
		if otherWay(err) {
			alone(together...) // the wallet may be able to pay what the vault does not
			break
		}
		if err != nil {
			return nil, err
		}
		together = together[len(list)+len(refused):]
		alone(refused...)
		if len(list) < 2 {
			alone(list...)
			continue
		}
		lists, batches = append(lists, list), batches+1
	}
	return lists, nil
}

// affordable splits off what the vault has not the money for. What is in flight is not
// known here; Feasible takes it into account.
func (g *grouping) affordable(ctx context.Context, asset string, places []int) (together, rest []int, err error) {
	have, err := g.balance(ctx, asset, g.vault, g.at)
	if err != nil {
		return nil, nil, err
	}
	var sum money.Amount
	for _, n := range places {
		next, err := sum.Add(g.payouts[n].Amount)
		if err != nil || have.Less(next) {
			rest = append(rest, n)
			continue
		}
		sum, together = next, append(together, n)
	}
	return together, rest, nil
}

// askers is how many questions about accounts are asked at once.
const askers = 16

// plainAccounts splits off those recipients that do not exist yet or have code.
func (g *grouping) plainAccounts(ctx context.Context, places []int) (plain, rest []int, err error) {
	// More than go out at once are not worth asking for.
	places, rest = places[:min(len(places), 2*g.conf.BatchMax)], places[min(len(places), 2*g.conf.BatchMax):]
	is := make([]bool, len(places))
	if err := rail.Side(len(places), askers, func(i int) (err error) {
		is[i], err = g.plainAccount(ctx, common.BytesToAddress(g.payouts[places[i]].To))
		return err
	}); err != nil {
		return nil, nil, err
	}
	for i, n := range places {
		if is[i] {
			plain = append(plain, n)
		} else {
			rest = append(rest, n)
		}
	}
	return plain, rest, nil
}

func (r *Rail) plainAccount(ctx context.Context, who common.Address) (bool, error) {
	code, err := r.codeAt(ctx, who, nil)
	if err != nil || len(code) > 0 {
		return false, err
	}
	have, err := r.coins(ctx, who, nil)
	if err != nil || have.Sign() > 0 {
		return err == nil, err
	}
	nonce, err := r.nonceAt(ctx, who, nil)
	return nonce > 0, err
}

// list makes one batch of the payouts at places, of as many from the front as one
// transaction can carry. Those that would be refused now are split off: alone they are
// refused with their own reason, before anything is signed. A batch that is no cheaper
// than its payouts one by one comes back as refused, too.
func (g *grouping) list(ctx context.Context, asset string, places []int) (list, refused []int, err error) {
	for {
		bad, err := g.simulate(ctx, g.who, g.at, g.vault, g.pick(places))
		var big tooBig
		if errors.As(err, &big) && len(places) > 1 {
			places = places[:len(places)/2]
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		list, refused = nil, nil
		for i, n := range places {
			if slices.Contains(bad, i) {
				refused = append(refused, n)
			} else {
				list = append(list, n)
			}
		}
		if len(list) < 2 {
			return list, refused, nil
		}
		most, err := g.gasLimit(ctx, g.conf.BatchGasMax)
		if err != nil {
			return nil, nil, err
		}
		gas, err := g.estimate(ctx, g.batchMessage(g.who, g.vault, g.pick(list), most), g.at)
		if err != nil {
			err = g.noBatch(err, g.pick(list), most)
		}
		fits := err == nil && gas+gas*g.conf.GasMarginPercent/100+g.conf.BatchGasEach <= g.affordableGas(ctx, most)
		switch {
		case (fits || len(places) <= 2) && err == nil:
			if asset == g.conf.FeeAsset && g.uses(gas, len(list)) >= plainGas*uint64(len(list)) {
				return nil, append(list, refused...), nil
			}
			return list, refused, nil
		case err == nil || errors.As(err, &big):
			places = places[:(len(places)+1)/2]
		default:
			return nil, nil, err
		}
	}
}

// uses is about what a batch of so many payouts uses, by the least limit with which it
// works: that holds what the vault wants to see left before the last one.
func (g *grouping) uses(limit uint64, payouts int) uint64 {
	left := g.conf.BatchGasEach + g.conf.BatchGasEach/16
	if limit <= left || payouts < 2 {
		return limit
	}
	return (limit - left) / uint64(payouts-1) * uint64(payouts)
}

// affordableGas is the most gas that a batch may have by what the budget pays for at the
// present price, at most the given one.
func (g *grouping) affordableGas(ctx context.Context, most uint64) uint64 {
	if q, err := g.price(ctx); err == nil {
		need := new(big.Int).Add(q.base, q.tip)
		if n := new(big.Int).Div(g.conf.FeeBudget.Big(), larger(need, big.NewInt(1))); n.IsUint64() {
			most = min(most, n.Uint64())
		}
	}
	return most
}

func (g *grouping) pick(places []int) []rail.Payout {
	out := make([]rail.Payout, 0, len(places))
	for _, n := range places {
		out = append(out, g.payouts[n])
	}
	return out
}
