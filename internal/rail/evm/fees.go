package evm

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/money"
)

// quote is an EIP-1559 price: wei per gas.
type quote struct {
	cap, tip *big.Int
	base     *big.Int // fee of the next block
}

// feeBlocks is how many recent blocks the tip is taken from.
const feeBlocks = 20

// price asks what a payout should offer now. The cap leaves room for the base fee to
// double, which takes six full blocks, but never goes above the ceiling.
func (r *Rail) price(ctx context.Context) (quote, error) {
	h, err := r.node.FeeHistory(ctx, feeBlocks, nil, []float64{float64(r.conf.TipPercentile)})
	if err != nil {
		return quote{}, unavailable(err, "read the fees of recent blocks")
	}
	if len(h.BaseFee) == 0 || h.BaseFee[len(h.BaseFee)-1] == nil {
		return quote{}, unavailable(errors.New("no base fee in the answer"), "read the fees of recent blocks")
	}
	base := h.BaseFee[len(h.BaseFee)-1] // of the block that comes next
	tip := Big(r.conf.TipMin)
	if m := median(h.Reward); m != nil && m.Cmp(tip) > 0 {
		tip = m
	}
	ceiling := Big(r.conf.FeeCapMax)
	if need := new(big.Int).Add(base, tip); need.Cmp(ceiling) > 0 {
		return quote{}, feeTooHigh{later(fmt.Sprintf("%s asks for %s wei per gas now, the ceiling is %s", r.conf.Network, need, ceiling))}
	}
	feeCap := new(big.Int).Add(new(big.Int).Lsh(base, 1), tip)
	if feeCap.Cmp(ceiling) > 0 {
		feeCap = ceiling
	}
	return quote{cap: feeCap, tip: tip, base: base}, nil
}

// limit is the most wei per gas that a transaction of so much gas may offer: by the
// ceiling, and by the budget for the whole transaction.
func (r *Rail) limit(gas uint64) *big.Int {
	most := Big(r.conf.FeeCapMax)
	byBudget := new(big.Int).Div(Big(r.conf.FeeBudget), new(big.Int).SetUint64(max(gas, 1)))
	if byBudget.Cmp(most) < 0 {
		return byBudget
	}
	return most
}

// offer is the price of the next attempt of a slot. The first follows the market. Later
// ones are at least a tenth dearer than all before, and with a deadline they rise in a
// straight line, so that the whole budget is offered when the deadline has come.
func (r *Rail) offer(d draft, gas uint64) (quote, error) {
	q, most := d.price, r.limit(gas) // no gas: it is refused, and costs nothing
	if need := new(big.Int).Add(q.base, q.tip); need.Cmp(most) > 0 {
		return quote{}, feeTooHigh{later(fmt.Sprintf("%s asks for %s wei per gas now; for a transaction of %d gas the most is %s", r.conf.Network, need, gas, most))}
	}
	if q.cap.Cmp(most) > 0 {
		q.cap = most
	}
	if len(d.txs) == 0 {
		return q, nil
	}
	if wait := r.conf.FeeDeadline; wait > 0 && !d.start.IsZero() {
		passed := min(max(time.Since(d.start), 0), wait)
		q.cap = between(q.cap, most, passed, wait)
		q.tip = between(q.tip, new(big.Int).Sub(most, q.base), passed, wait)
	}
	return r.replace(q, d.txs, most)
}

// between is the point of the line from low to high at which passed stands in whole.
func between(low, high *big.Int, passed, whole time.Duration) *big.Int {
	if high.Cmp(low) <= 0 {
		return low
	}
	rise := new(big.Int).Sub(high, low)
	rise.Mul(rise, big.NewInt(int64(passed))).Div(rise, big.NewInt(int64(whole)))
	return rise.Add(rise, low)
}

// median of the first percentile of each block; nil without blocks. One block whose
// maker was paid on the side does not move it.
func median(rewards [][]*big.Int) *big.Int {
	var tips []*big.Int
	for _, block := range rewards {
		if len(block) > 0 && block[0] != nil {
			tips = append(tips, block[0])
		}
	}
	if len(tips) == 0 {
		return nil
	}
	slices.SortFunc(tips, func(a, b *big.Int) int { return a.Cmp(b) })
	return tips[len(tips)/2]
}

// replace raises a price so that the network takes it in place of earlier
// transactions of the slot: both numbers at least a tenth above the highest.
func (r *Rail) replace(q quote, earlier []*types.Transaction, most *big.Int) (quote, error) {
	for _, tx := range earlier {
		q.cap = larger(q.cap, raised(tx.GasFeeCap()))
		q.tip = larger(q.tip, raised(tx.GasTipCap()))
	}
	q.cap = larger(q.cap, q.tip)
	if q.cap.Cmp(most) > 0 {
		return quote{}, feeTooHigh{later(fmt.Sprintf("to replace the earlier transaction takes %s wei per gas, the most is %s", q.cap, most))}
	}
	return q, nil
}

// raised is v + 10 %, rounded up.
func raised(v *big.Int) *big.Int {
	n := new(big.Int).Mul(v, big.NewInt(11))
	return n.Add(n, big.NewInt(9)).Div(n, big.NewInt(10))
}

func larger(a, b *big.Int) *big.Int {
	if a.Cmp(b) >= 0 {
		return a
	}
	return b
}

// amounts gives the price in the form of intents.
func (q quote) amounts() (feeCap, tip money.Amount, err error) {
	if feeCap, err = Amount(q.cap); err != nil {
		return feeCap, tip, err
	}
	tip, err = Amount(q.tip)
	return feeCap, tip, err
}
