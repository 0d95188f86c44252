package payout_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/money"
	"sluice/internal/payout"
)

// What a batch cost is borne by the payouts that it paid, to the last unit, and no
// two of them bear amounts that differ by more than one.
func TestSharesAreTheWholeFee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := payout.Work{Dispatch: payout.Dispatch{Fee: money.Of(rapid.Uint64().Draw(t, "fee"))}}
		outcomes := rapid.SliceOfN(rapid.SampledFrom([]payout.Outcome{payout.OutcomePaid, payout.OutcomePaid, payout.OutcomeUnpaid, payout.OutcomeDropped}), 1, 200).Draw(t, "outcomes")
		paid := 0
		for n, o := range outcomes {
			w.Items = append(w.Items, payout.Item{ItemKey: payout.ItemKey{Place: int64(n)}, Outcome: o})
			if o == payout.OutcomePaid {
				paid++
			}
		}
		shares, err := payout.Shares(w)
		if err != nil || len(shares) != paid {
			t.Fatalf("%d shares of %d paid: %v", len(shares), paid, err)
		}
		if paid == 0 {
			return
		}
		sum, least := new(big.Int), w.Dispatch.Fee.Big()
		most := new(big.Int)
		for place, s := range shares {
			if outcomes[place] != payout.OutcomePaid {
				t.Fatalf("payout %d was not paid and bears %s", place, s)
			}
			v := s.Big()
			sum.Add(sum, v)
			if v.Cmp(least) < 0 {
				least = v
			}
			if v.Cmp(most) > 0 {
				most = v
			}
		}
		if sum.Cmp(w.Dispatch.Fee.Big()) != 0 || new(big.Int).Sub(most, least).Cmp(big.NewInt(1)) > 0 {
			t.Fatalf("the shares of %s come to %s, from %s to %s", w.Dispatch.Fee, sum, least, most)
		}
	})
}
