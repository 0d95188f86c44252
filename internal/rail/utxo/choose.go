package utxo

import (
	"cmp"
	"slices"

	"sluice/internal/rail/utxo/bitcoin"
)

// candidate is a coin that may be spent.
type candidate struct {
	at    bitcoin.Outpoint
	value uint64
	// fresh is set when no block holds it yet: such ones are taken last.
	fresh bool
}

// order is what coins are chosen for.
type order struct {
	script  []byte // of the coins, and of the change
	outputs [][]byte
	total   uint64 // what the outputs hold
	rate    rate
	dust    uint64 // the least a change may hold
	extra   int    // how many small coins to take along for tidiness
}

// size is the size of the transaction.
func (o order) size(inputs int, change bool) uint64 {
	in := make([][]byte, inputs)
	for i := range in {
		in[i] = o.script
	}
	out := slices.Clone(o.outputs)
	if change {
		out = append(out, o.script)
	}
	return bitcoin.Size(in, out)
}

// cost is what the outputs and the fee take without change.
func (o order) cost(inputs int) uint64 { return o.total + o.rate.fee(o.size(inputs, false)) }

// split says what is left for change beside a fee; 0 when a change would be dust or
// cost more than it holds: then all that is left is fee. ok is false when the coins
// do not cover the cost.
func (o order) split(sum uint64, inputs int, fee func(size uint64) uint64) (change, paid uint64, ok bool) {
	bare := fee(o.size(inputs, false))
	if sum < o.total+bare {
		return 0, 0, false
	}
	with := fee(o.size(inputs, true))
	if rest := sum - o.total; rest >= with+o.dust {
		return rest - with, with, true
	}
	return 0, sum - o.total, true
}

// inputsMax keeps a transaction far below the size that nodes pass on, also beside
// the largest batch.
const inputsMax = 400

// choose picks coins that cover an order, or nothing when they cannot. First a set is
// looked for that fits so well that no change is needed; else the largest are taken,
// which makes the smallest transaction. Coins that no block holds come last.
func choose(coins []candidate, o order) []candidate {
	sorted := slices.Clone(coins)
	slices.SortFunc(sorted, func(a, b candidate) int {
		return cmp.Or(boolInt(a.fresh)-boolInt(b.fresh), cmp.Compare(b.value, a.value), bytesCmp(a.at, b.at))
	})
	settled := sorted
	if i := slices.IndexFunc(sorted, func(c candidate) bool { return c.fresh }); i >= 0 {
		settled = sorted[:i]
	}
	if got := exact(settled, o); got != nil {
		return got
	}
	var got []candidate
	var sum uint64
	for _, c := range sorted {
		if len(got) == inputsMax {
			return nil
		}
		if sum >= o.cost(len(got)) && len(got) > 0 {
			break
		}
		got, sum = append(got, c), sum+c.value
	}
	if len(got) == 0 || sum < o.cost(len(got)) {
		return nil
	}
	return tidy(got, settled, o)
}

// tidy takes the smallest of the other coins along, when they are worth more than
// spending them costs.
func tidy(got, settled []candidate, o order) []candidate {
	each := o.rate.fee(bitcoin.InputWeight(o.script)/4 + 1)
	left := o.extra
	for _, c := range slices.Backward(settled) {
		if left == 0 || len(got) == inputsMax {
			break
		}
		if c.value > each && !slices.Contains(got, c) {
			got, left = append(got, c), left-1
		}
	}
	return got
}

// exactTries bounds the search for a set without change.
const exactTries = 5_000

// exact looks for a set whose sum is the cost, or above it by less than what a change
// costs to make and to spend later. Coins are sorted from large to small.
func exact(coins []candidate, o order) []candidate {
	if o.extra > 0 {
		return nil // tidying makes change anyway
	}
	slack := o.rate.fee(o.size(1, true) - o.size(1, false) + bitcoin.InputWeight(o.script)/4 + 1)
	tries := exactTries
	var best, path []candidate
	var look func(from int, sum uint64) bool
	look = func(from int, sum uint64) bool {
		if tries--; tries < 0 || len(path) > 10 {
			return false
		}
		if cost := o.cost(len(path)); len(path) > 0 && sum >= cost {
			if sum-cost <= slack {
				best = slices.Clone(path)
				return true
			}
			return false
		}
		for i := from; i < len(coins); i++ {
			if i > from && coins[i].value == coins[i-1].value {
				continue // the same sum again
			}
			path = append(path, coins[i])
			if look(i+1, sum+coins[i].value) {
				return true
			}
			path = path[:len(path)-1]
		}
		return false
	}
	look(0, 0)
	return best
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func bytesCmp(a, b bitcoin.Outpoint) int {
	return cmp.Or(slices.Compare(a.TxID[:], b.TxID[:]), cmp.Compare(a.Index, b.Index))
}
