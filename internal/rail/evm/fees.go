package evm

import (
	"context"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
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
	base, market, err := r.market(ctx)
	if err != nil {
		return quote{}, err
	}
	tip := larger(r.conf.TipMin.Big(), r.floor.now())
	if market != nil {
		tip = larger(tip, market)
	}
	ceiling := r.conf.FeeCapMax.Big()
	if need := new(big.Int).Add(base, tip); need.Cmp(ceiling) > 0 {
		return quote{}, node.TooDear("%s asks for %s wei per gas now, the ceiling is %s", r.conf.Network, need, ceiling)
	}
	feeCap := new(big.Int).Add(new(big.Int).Lsh(base, 1), tip)
	if feeCap.Cmp(ceiling) > 0 {
		feeCap = ceiling
	}
	return quote{cap: feeCap, tip: tip, base: base}, nil
}

// prices are what blocks asked for lately: the fee of the next one, and the middle of the
// tips of those before; nil: nobody paid one.
type prices struct{ base, tip *big.Int }

// market asks what blocks ask for. A chain whose blocks name no fee has other
// transactions than those that are made here, and nothing is paid there.
func (r *Rail) market(ctx context.Context) (base, tip *big.Int, err error) {
	p, err := rail.Once(ctx, r.key("market"), func() (prices, error) {
		head, err := r.head(ctx)
		if err != nil {
			return prices{}, err
		}
		if head.base == nil {
			return prices{}, &rail.Wait{Code: rail.CodeFeeModel, Text: "the network's blocks name no fee per gas (EIP-1559), so nothing can be paid there; an operator must look"}
		}
		// By the rules of EIP-1559 the next block's fee is at least seven eighths of this one's.
		out := prices{base: new(big.Int).Sub(head.base, new(big.Int).Rsh(head.base, 3))}
		h, err := r.feeHistory(ctx)
		if rail.Has(err, rail.CodeRefuses) { // not every node has the method
			out.base = new(big.Int).Add(head.base, new(big.Int).Rsh(head.base, 3))
			return out, nil
		}
		if n := len(h.BaseFeePerGas); err == nil && n > 0 {
			out.base = larger(out.base, h.BaseFeePerGas[n-1].v)
		} else if err == nil {
			out.base = head.base
		}
		out.tip = median(h.Reward)
		return out, err
	})
	return p.base, p.tip, err
}

// feeHistory is what recent blocks took: the fee of each and of the next one, and tips.
type feeHistory struct {
	BaseFeePerGas []quantity
	Reward        [][]quantity
}

func (r *Rail) feeHistory(ctx context.Context) (feeHistory, error) {
	return rail.Once(ctx, r.key("fees"), func() (h feeHistory, err error) {
		err = r.must(ctx, &h, "read the fees of recent blocks", "eth_feeHistory", fmt.Sprintf("0x%x", feeBlocks), "latest", []float64{float64(r.conf.TipPercentile)})
		return h, err
	})
}

// floor is the least tip that the node was seen to want. It halves every ten minutes, since
// some nodes want more only while they are full.
type floor struct {
	mu  sync.Mutex
	tip *big.Int
	at  time.Time
}

const floorHalves = 10 * time.Minute

func (f *floor) now() *big.Int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tip == nil {
		return new(big.Int)
	}
	return new(big.Int).Rsh(f.tip, uint(time.Since(f.at)/floorHalves)) //nolint:gosec // not negative: the clock is monotonic
}

// learn notes that a tip was refused as too low, and what the node said about it: the
// least number of its words that is above the tip, or else twice the tip.
func (f *floor) learn(refused *big.Int, words string) *big.Int {
	least := new(big.Int).Lsh(refused, 1)
	found := false
	for _, digits := range numbers.FindAllString(words, -1) {
		if n, ok := new(big.Int).SetString(digits, 10); ok && n.Cmp(refused) > 0 && (!found || n.Cmp(least) < 0) {
			least, found = n, true
		}
	}
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if least.Cmp(now) > 0 {
		f.tip, f.at = least, time.Now()
	}
	return least
}

var numbers = regexp.MustCompile(`\d+`)

// limit is the most wei per gas that a transaction of so much gas may offer: by the
// ceiling, and by the budget for the whole transaction.
func (r *Rail) limit(gas uint64) *big.Int {
	most := r.conf.FeeCapMax.Big()
	byBudget := new(big.Int).Div(r.conf.FeeBudget.Big(), new(big.Int).SetUint64(max(gas, 1)))
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
		return quote{}, node.TooDear("%s asks for %s wei per gas now; for a transaction of %d gas the most is %s", r.conf.Network, need, gas, most)
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
func median(rewards [][]quantity) *big.Int {
	var tips []*big.Int
	for _, block := range rewards {
		if len(block) > 0 && block[0].v != nil {
			tips = append(tips, block[0].v)
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
		return quote{}, node.TooDear("to replace the earlier transaction takes %s wei per gas, the most is %s", q.cap, most)
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
