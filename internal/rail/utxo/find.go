package utxo

import (
	"context"
	"fmt"
	"strconv"

	"sluice/internal/money"
	"sluice/internal/rail"
)

var _ rail.Finder = (*Rail)(nil)

// Find implements rail.Finder.
func (r *Rail) Find(ctx context.Context, slot rail.Slot) (rail.Slot, *rail.Attempt, error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	w, err := r.enter(ctx, slot.Wallet)
	if err != nil {
		return slot, nil, err
	}
	defer w.mu.Unlock()
	o := look{Rail: r, slot: slot, w: w}
	var in uint64
	coins := make([]rail.Coin, 0, len(slot.Coins))
	for _, c := range slot.Coins {
		at, err := outpoint(c)
		if err != nil {
			return slot, nil, err
		}
		o.at = append(o.at, at)
		value, err := strconv.ParseUint(c.Minor, 10, 64)
		if err != nil { // nobody remembers what it held
			made, err := r.made(ctx, w, at)
			if err != nil {
				return slot, nil, err
			}
			if int(at.Index) >= len(made.Out) {
				return slot, nil, notYet(fmt.Sprintf("the coin %s is not there", key(at)))
			}
			value = made.Out[at.Index].Value
		}
		c.Minor, c.Script = strconv.FormatUint(value, 10), w.script
		coins = append(coins, c)
		in += value
	}
	slot.Coins = coins
	use, known, err := o.use(ctx, o.at)
	switch {
	case err != nil:
		return slot, nil, err
	case use == nil && !known:
		return slot, nil, notYet("the blocks before the start are looked through for what has spent the coins")
	case use == nil:
		return slot, nil, nil
	}
	for _, out := range use.tx.Out {
		in -= min(in, out.Value)
	}
	return slot, &rail.Attempt{TxID: use.by.String(), Raw: use.tx.Bytes(), Fee: money.Of(in)}, nil
}

func notYet(text string) error { return &rail.Wait{Code: rail.CodeLookAgain, Text: text} }
