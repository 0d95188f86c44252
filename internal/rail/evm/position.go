package evm

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

var (
	_ rail.Booker    = (*Rail)(nil)
	_ rail.Stander   = (*Rail)(nil)
	_ rail.Estimator = (*Rail)(nil)
)

// Position implements rail.Booker. The block is named by its number, since nodes are
// asked for state by number; its hash is read before and after, so that a block that
// was replaced in between shows.
func (r *Rail) Position(ctx context.Context, wallet string) (rail.Position, error) {
	ctx = rail.InRound(ctx)
	who, _, err := r.begin(ctx, wallet)
	if err != nil {
		return rail.Position{}, err
	}
	n, err := r.final(ctx)
	if err != nil {
		return rail.Position{}, err
	}
	before, err := r.standsAt(ctx, n)
	if err != nil {
		return rail.Position{}, err
	}
	p := rail.Position{Block: n, Hash: before.hash.Hex()}
	if p.Nonce, err = r.nonceAt(ctx, who, before.at()); err != nil {
		return rail.Position{}, err
	}
	if p.Balances, err = r.allHoldings(ctx, who, before.at()); err != nil {
		return rail.Position{}, err
	}
	after, err := r.standsAt(ctx, n)
	if err != nil {
		return rail.Position{}, err
	}
	if after.hash != before.hash {
		return rail.Position{}, node.NotYet("block %d was replaced while it was read", n)
	}
	return p, r.onChain(ctx)
}

// BlockAt implements rail.Stander.
func (r *Rail) BlockAt(ctx context.Context, number uint64) (string, error) {
	ctx = rail.InRound(ctx)
	var b *block
	err := together(
		func() error { return r.onChain(ctx) },
		func() error { return r.synced(ctx) },
		func() (err error) { b, err = r.number(ctx, number); return err },
	)
	if errors.Is(err, errNothing) {
		err = node.Behind("the network's node does not have block %d yet", number)
	}
	if err != nil {
		return "", err
	}
	return b.hash.Hex(), nil
}

// standsAt is the block at a height that the chain has.
func (r *Rail) standsAt(ctx context.Context, n uint64) (*block, error) {
	b, err := r.number(ctx, n)
	if errors.Is(err, errNothing) {
		err = node.Incomplete("eth_getBlockByNumber", fmt.Sprintf("block %d is final, and the node does not know it", n))
	}
	return b, err
}

// Estimate implements rail.Estimator: one transaction per payout. Likely is the
// estimate without the margin at the base fee of the next block; Ceiling is what
// Prepare would sign now.
func (r *Rail) Estimate(ctx context.Context, wallet string, payouts []rail.Payout) (rail.Estimate, error) {
	ctx = rail.InRound(ctx)
	who, head, err := r.begin(ctx, wallet)
	if err != nil {
		return rail.Estimate{}, err
	}
	q, err := r.price(ctx)
	if err != nil {
		return rail.Estimate{}, err
	}
	// The cap is twice the base fee and the tip: what is paid is the base fee and the tip.
	now := new(big.Int).Add(q.cap, q.tip)
	now.Add(now, big.NewInt(1)).Rsh(now, 1)
	now = smaller(larger(now, q.tip), q.cap)
	var likely, ceiling big.Int
	for _, p := range payouts {
		if err := r.checkPayout(p); err != nil {
			return rail.Estimate{}, err
		}
		gas, err := r.someGas(ctx, who, head.at(), p)
		if err != nil {
			return rail.Estimate{}, err
		}
		g := new(big.Int).SetUint64(gas)
		ceiling.Add(&ceiling, new(big.Int).Mul(g, q.cap))
		bare := new(big.Int).Mul(g, big.NewInt(100))
		bare.Div(bare, new(big.Int).SetUint64(100+r.conf.GasMarginPercent))
		likely.Add(&likely, bare.Mul(bare, now))
	}
	var out rail.Estimate
	if out.Likely, err = Amount(&likely); err != nil {
		return out, err
	}
	out.Ceiling, err = Amount(&ceiling)
	return out, err
}

// someGas is what a payout alone may use, by the first way that has the money for it.
func (r *Rail) someGas(ctx context.Context, who common.Address, at *big.Int, p rail.Payout) (gas uint64, err error) {
	for _, w := range r.ways(who, []rail.Payout{p}) {
		if gas, err = r.listGas(ctx, who, at, w, []rail.Payout{p}); !otherWay(err) {
			break
		}
	}
	return gas, err
}

func smaller(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
