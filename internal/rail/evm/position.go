package evm

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/money"
	"sluice/internal/rail"
)

var (
	_ rail.Booker    = (*Rail)(nil)
	_ rail.Estimator = (*Rail)(nil)
)

// Position implements rail.Booker. The block is named by its number, since nodes are
// asked for state by number; its hash is read before and after, so that a block that
// was replaced in between shows.
func (r *Rail) Position(ctx context.Context, wallet string) (rail.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return rail.Position{}, err
	}
	if err := r.synced(ctx); err != nil {
		return rail.Position{}, err
	}
	at, err := r.finalBlock(ctx)
	if err != nil {
		return rail.Position{}, err
	}
	before, err := r.node.HeaderByNumber(ctx, at)
	if err != nil {
		return rail.Position{}, unavailable(err, "read the final block")
	}
	p := rail.Position{Block: at.Uint64(), Hash: before.Hash().Hex(), Balances: map[string]money.Amount{}}
	if p.Nonce, err = r.node.NonceAt(ctx, who, at); err != nil {
		return rail.Position{}, unavailable(err, "read the nonce of "+wallet+" at the final block")
	}
	for asset := range r.scales() {
		if p.Balances[asset], err = r.holdings(ctx, asset, who, at); err != nil {
			return rail.Position{}, err
		}
	}
	after, err := r.node.HeaderByNumber(ctx, at)
	if err != nil {
		return rail.Position{}, unavailable(err, "read the final block again")
	}
	if after.Hash() != before.Hash() {
		return rail.Position{}, later(fmt.Sprintf("block %s was replaced while it was read", at))
	}
	return p, nil
}

// finalBlock is the number of the latest final block.
func (r *Rail) finalBlock(ctx context.Context) (*big.Int, error) {
	if depth := r.conf.Finality.Depth; r.conf.Finality.Tag == "" {
		h, err := r.head(ctx)
		if err != nil {
			return nil, err
		}
		if h.Number.Uint64()+1 < depth {
			return nil, later("the chain has no final block yet")
		}
		return new(big.Int).SetUint64(h.Number.Uint64() + 1 - depth), nil
	}
	tag := rpc.FinalizedBlockNumber
	if r.conf.Finality.Tag == "safe" {
		tag = rpc.SafeBlockNumber
	}
	h, err := r.node.HeaderByNumber(ctx, big.NewInt(tag.Int64()))
	switch {
	case err == nil:
		return h.Number, nil
	case errors.Is(err, ethereum.NotFound), says(err, "block not found"):
		return nil, later("the chain has no final block yet")
	}
	return nil, unavailable(err, "read the "+r.conf.Finality.Tag+" block")
}

// Estimate implements rail.Estimator: one transaction per payout. Likely is the
// estimate without the margin at the base fee of the next block; Ceiling is what
// Prepare would sign now.
func (r *Rail) Estimate(ctx context.Context, wallet string, payouts []rail.Payout) (rail.Estimate, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return rail.Estimate{}, err
	}
	head, err := r.head(ctx)
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
		gas, err := r.someGas(ctx, who, head.Number, p)
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
	var wait later
	for _, w := range r.ways(who, []rail.Payout{p}) {
		if gas, err = r.listGas(ctx, who, at, w, []rail.Payout{p}); !errors.As(err, &wait) {
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
