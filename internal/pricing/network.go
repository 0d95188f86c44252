package pricing

import (
	"context"
	"errors"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/pricing/fee"
	"sluice/internal/pricing/fx"
	"sluice/internal/rail"
)

// Costs tells what networks may take.
type Costs interface {
	// Ceiling is the most that one payment of an amount of an asset to a target may take
	// of the network now, in the network's fee asset. A *rail.Refusal says that the network
	// would refuse the payment; any other error that nobody knows now. A number may be some
	// minutes old: it bounds what a merchant is charged, and decides about no balance.
	Ceiling(ctx context.Context, to rail.Target, asset string, amount money.Amount) (money.Amount, error)
}

// NetworkTerms say what the merchant bears of the network's own fee, in From.
type NetworkTerms struct {
	Carry fee.Carry
	Hold  money.Amount // Flat: what is charged; Cost: the most that can be charged, held until the end
	// Rate is how many minor units of From one minor unit of the network's fee asset
	// costs; only for Cost.
	Rate fx.Rate
}

// network says what the merchant bears of the network's fee, for paying out receive.
func (b *Book) network(ctx context.Context, a Ask, s fee.Schedule, receive money.Amount) (NetworkTerms, error) {
	n := NetworkTerms{Carry: s.Carry, Hold: s.CarryAmount}
	if s.Carry != fee.Cost || a.Network == "" {
		return n, nil
	}
	asset, ok := b.FeeAssets[a.Network]
	if !ok { // a way out that takes no fee of its own
		return NetworkTerms{}, nil
	}
	price := fx.MustRate("1")
	if asset.Code != a.From.Code {
		if b.Markets == nil {
			return n, fault.New(fault.Unavailable, "rate_unavailable", "there is no price of %s in %s, which the fee of the network needs; nothing was done", asset.Code, a.From.Code)
		}
		// The house buys what the network takes: it pays the ask.
		m, err := b.Markets.Market(asset.Code, a.From.Code)
		if err != nil {
			return n, err
		}
		price = m.Ask
	}
	n.Rate = price.PerMinor(asset, a.From)
	if a.Target == nil {
		return n, nil
	}
	var err error
	n.Hold, err = b.hold(ctx, a, n, receive)
	return n, err
}

// hold is what is held for a network's fee at cost: what the rail says that it may take,
// at the price of the moment, rounded up, and never above the schedule's amount. Where
// nobody knows what it may take, that amount alone is the bound; without one nothing
// is accepted, because nobody would know how much to hold.
func (b *Book) hold(ctx context.Context, a Ask, n NetworkTerms, receive money.Amount) (money.Amount, error) {
	most, known, err := b.ceiling(ctx, a, receive)
	if err != nil {
		return money.Amount{}, err
	}
	bound := n.Hold
	if !known {
		if bound.IsZero() {
			return bound, fault.New(fault.Unavailable, "network_fee_unknown",
				"it is not known now what %s takes for a payout, which is passed on to you; nothing was done. Repeat the request after a moment", a.Network)
		}
		return bound, nil
	}
	// Both sides are whole minor units: the rate is between those.
	held, err := n.Rate.Convert(money.Asset{}, money.Asset{}, most, fx.Up)
	switch {
	case bound.IsZero():
		return held, err
	case err != nil || bound.Less(held):
		return bound, nil //nolint:nilerr // what fits no amount is above every bound
	}
	return held, nil
}

// ceiling asks what the payout may take; false when nobody knows.
func (b *Book) ceiling(ctx context.Context, a Ask, receive money.Amount) (most money.Amount, known bool, err error) {
	if b.Costs == nil {
		return most, false, nil
	}
	to, err := a.Target(ctx)
	if err != nil {
		return most, false, err
	}
	if len(to.Decoded) == 0 {
		return most, false, nil // the command says what is wrong with it
	}
	most, err = b.Costs.Ceiling(ctx, to, a.To.Code, receive)
	if refused := (*rail.Refusal)(nil); errors.As(err, &refused) {
		return most, false, fault.New(fault.Refused, "network_refuses", "%s would refuse this payout: %s; nothing was done", a.Network, refused.Reason)
	}
	return most, err == nil, nil
}
