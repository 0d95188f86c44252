package withdrawal

import (
	"sluice/internal/money"
	"sluice/internal/pricing/fx"
)

// NetworkFlat is the NetworkRate of a withdrawal that pays NetworkHold for the
// network, whatever that takes.
const NetworkFlat = "flat"

// charge is the part of what the network took that is passed on, rounded up and never
// above hold. fee is in minor units of the network's fee asset.
func charge(rate string, hold, fee money.Amount) (money.Amount, error) {
	switch rate {
	case "":
		return money.Amount{}, nil
	case NetworkFlat:
		return hold, nil
	}
	r, err := fx.ParseFraction(rate)
	if err != nil {
		return money.Amount{}, err
	}
	// Both sides are whole minor units: the rate is between those.
	cost, err := r.Convert(money.Asset{}, money.Asset{}, fee, fx.Up)
	if err != nil || hold.Less(cost) {
		return hold, nil //nolint:nilerr // a cost that fits no amount is above every hold
	}
	return cost, nil
}

func (c Create) charge(fee money.Amount) (money.Amount, error) {
	return charge(c.NetworkRate, c.NetworkHold, fee)
}
