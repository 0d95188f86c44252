package utxo

import "sluice/internal/rail/utxo/bitcoin"

// Chosen is the result of Choose.
type Chosen struct {
	Picked            []int
	Sum, Fee, Change  uint64
	Covered, FreshSet bool
}

// Choose picks among coins of some values; those at fresh and after are in no block.
func Choose(values []uint64, fresh int, outputs, total, price, dust uint64, extra int) Chosen {
	script := bitcoin.WitnessScript(0, make([]byte, 20))
	o := order{script: script, total: total, rate: rate(price), dust: dust, extra: extra}
	for range outputs {
		o.outputs = append(o.outputs, script)
	}
	var coins []candidate
	for n, v := range values {
		coins = append(coins, candidate{at: bitcoin.Outpoint{Index: uint32(n)}, value: v, fresh: n >= fresh})
	}
	var out Chosen
	got := choose(coins, o)
	for _, c := range got {
		out.Picked, out.Sum = append(out.Picked, int(c.at.Index)), out.Sum+c.value
		out.FreshSet = out.FreshSet || c.fresh
	}
	if got != nil {
		out.Change, out.Fee, out.Covered = o.split(out.Sum, len(got), o.rate.fee)
	}
	return out
}

// Cost is what the outputs and the fee take with a number of inputs, without change.
func Cost(inputs int, outputs, total, price uint64) uint64 {
	script := bitcoin.WitnessScript(0, make([]byte, 20))
	o := order{script: script, total: total, rate: rate(price)}
	for range outputs {
		o.outputs = append(o.outputs, script)
	}
	return o.cost(inputs)
}
