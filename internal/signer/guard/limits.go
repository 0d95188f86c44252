package guard

import (
	"time"

	"sluice/internal/money"
)

// limit is one sum that must not be passed.
type limit struct {
	span, code string
	had        used
	most       *money.Amount // nil: no limit
	count      int           // of payouts, at most; 0: no limit
}

// withinLimits holds a new list of payouts against what was paid before.
func (s *state) withinLimits(a *ask, now time.Time) error {
	if a.network.Open {
		return nil
	}
	sums, counts := map[string]money.Amount{}, map[string]int{}
	for _, o := range a.in.Outputs {
		sum, err := sums[o.Asset].Add(o.Amount)
		if err != nil {
			return err
		}
		sums[o.Asset] = sum
		counts[o.Asset]++
	}
	for _, asset := range a.network.Assets {
		sum, ok := sums[asset.Code]
		if !ok {
			continue
		}
		hour, day := s.spent[spentKey(a.network.Name, asset.Code)].sums(now)
		for _, l := range []limit{
			{"hour", "sign_limit_hour", hour, asset.PerHour, asset.CountPerHour},
			{"day", "sign_limit_day", day, asset.PerDay, asset.CountPerDay},
		} {
			if after, err := l.had.sum.Add(sum); l.most != nil && (err != nil || l.most.Less(after)) {
				return refuse(l.code, "%s of %s on %s would be above the limit of %s per %s, of which %s are used (minor units)",
					sum, asset.Code, a.network.Name, l.most, l.span, l.had.sum)
			}
			if l.count > 0 && l.had.count+counts[asset.Code] > l.count {
				return refuse(l.code, "%d more payouts of %s on %s would be above the limit of %d per %s, of which %d are used",
					counts[asset.Code], asset.Code, a.network.Name, l.count, l.span, l.had.count)
			}
		}
	}
	return nil
}

// feesWithin holds what an ask adds to the fees against what may be offered before. Fees
// have limits of their own: a cancel and a dearer attempt pay nobody, and still cost.
func (s *state) feesWithin(n Network, more money.Amount, now time.Time) error {
	hour, day := s.spent[spentKey(n.Name, feeKey)].sums(now)
	for _, l := range []limit{{"hour", "sign_fee_hour", hour, n.FeePerHour, 0}, {"day", "sign_fee_day", day, n.FeePerDay, 0}} {
		if l.most == nil {
			continue
		}
		// Before a transaction is made, it is only known that there must be something left.
		if after, err := l.had.sum.Add(more); err != nil || l.most.Less(after) || more.IsZero() && l.most.Cmp(l.had.sum) <= 0 {
			return refuse(l.code, "fees of %s more on %s would be above the limit of %s per %s, of which %s are used (minor units, each transaction with the most that it may cost)",
				more, n.Name, l.most, l.span, l.had.sum)
		}
	}
	return nil
}

// feeKey stands for fees where assets have their codes.
const feeKey = ""

func spentKey(network, asset string) string { return network + "/" + asset }

// add remembers what was paid of an asset, or offered as fees.
func (s *state) add(network, asset string, at time.Time, amount money.Amount) error {
	key := spentKey(network, asset)
	if s.spent[key] == nil {
		s.spent[key] = &window{}
	}
	return s.spent[key].add(at, amount)
}

// feeOver is by how much the most that a slot may cost rises with a signature: only one
// of a slot's signatures is ever used. held is what holds the slot, nil for several
// holders or none.
func feeOver(held *binding, fee money.Amount) money.Amount {
	if held == nil {
		return fee
	}
	more, err := fee.Sub(held.fee)
	if err != nil {
		return money.Amount{} // not above what counts already
	}
	return more
}
