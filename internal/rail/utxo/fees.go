package utxo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// rate is a price of block space in minor units per 1,000 virtual bytes.
type rate uint64

// fee is what size virtual bytes cost, rounded up.
func (r rate) fee(size uint64) uint64 { return (uint64(r)*size + 999) / 1000 }

// of is the price that a fee pays for a size, rounded down.
func of(fee, size uint64) rate { return rate(fee * 1000 / max(size, 1)) }

// String writes it per virtual byte, for a person.
func (r rate) String() string { return fmt.Sprintf("%d.%03d", r/1000, r%1000) }

// rate is what the network asks for now, to be mined within target blocks. A network
// that asks for more than the ceiling gives feeTooHigh.
func (r *Rail) rate(ctx context.Context, target int) (rate, error) {
	out, err := rail.Once(ctx, r.chain.key(fmt.Sprintf("price %d", target)), func() (rate, error) { return r.estimate(ctx, target) })
	if err != nil {
		return 0, err
	}
	out = max(out, rate(r.conf.RateMin))
	if out > rate(r.conf.RateMax) {
		return 0, node.TooDear("the network asks for %s per virtual byte, the ceiling is %s; it goes on when the price falls, or raise fee_ceiling", out, rate(r.conf.RateMax))
	}
	return out, nil
}

// estimate asks the node. One that has seen too little to say gives 0: the floor
// counts then, and what waits too long is raised.
func (r *Rail) estimate(ctx context.Context, target int) (rate, error) {
	if !r.conf.Dialect.core() {
		var n json.Number
		err := r.chain.node.Call(ctx, &n, "estimatefee", target)
		return perKilo(n, err)
	}
	var out struct{ FeeRate json.Number }
	err := r.chain.node.Call(ctx, &out, "estimatesmartfee", max(target, 1))
	got, err := perKilo(out.FeeRate, err)
	if err != nil {
		return 0, err
	}
	// A full pool takes nothing below its own minimum.
	var pool struct{ MempoolMinFee json.Number }
	err = r.chain.node.Call(ctx, &pool, "getmempoolinfo")
	floor, err := perKilo(pool.MempoolMinFee, err)
	return max(got, floor), err
}

// perKilo reads a price in coins per 1,000 virtual bytes; what is no number, or
// negative, is no estimate.
func perKilo(n json.Number, err error) (rate, error) {
	var refused *RPCError
	switch {
	case errors.As(err, &refused):
		return 0, nil
	case err != nil:
		return 0, unavailable(err, "ask for the price of block space")
	}
	v, ok := new(big.Rat).SetString(n.String())
	if !ok || len(n) > 40 || v.Sign() <= 0 {
		return 0, nil
	}
	v.Mul(v, big.NewRat(100_000_000, 1))
	up := new(big.Int).Add(v.Num(), new(big.Int).Sub(v.Denom(), big.NewInt(1)))
	up.Quo(up, v.Denom())
	if !up.IsUint64() || up.Uint64() > 1<<40 {
		return 0, node.Incomplete("a question for the price of block space", "no price is so high")
	}
	return rate(up.Uint64()), nil
}

// capped refuses a fee above the limits.
func (r *Rail) capped(fee, size uint64) error {
	if r.conf.FeeMax > 0 && fee > r.conf.FeeMax {
		return node.TooDear("the transaction would cost %s, and max_fee allows %s", r.format(fee), r.format(r.conf.FeeMax))
	}
	if got := of(fee, size); got > rate(r.conf.RateMax) {
		return node.TooDear("it would take %s per virtual byte, the ceiling is %s", got, rate(r.conf.RateMax))
	}
	return nil
}
