package dispatch_test

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/dispatch"
	"sluice/internal/money"
)

// What a batch cost is borne by the payouts that it paid, to the last unit, and no
// two of them bear amounts that differ by more than one.
func TestSharesAreTheWholeFee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := dispatch.Work{Dispatch: dispatch.Dispatch{Fee: money.Of(rapid.Uint64().Draw(t, "fee"))}}
		outcomes := rapid.SliceOfN(rapid.SampledFrom([]dispatch.Outcome{dispatch.OutcomePaid, dispatch.OutcomePaid, dispatch.OutcomeUnpaid, dispatch.OutcomeDropped}), 1, 200).Draw(t, "outcomes")
		paid := 0
		for n, o := range outcomes {
			w.Items = append(w.Items, dispatch.Item{ItemKey: dispatch.ItemKey{Place: int64(n)}, Outcome: o})
			if o == dispatch.OutcomePaid {
				paid++
			}
		}
		shares, err := dispatch.Shares(w)
		if err != nil || len(shares) != paid {
			t.Fatalf("%d shares of %d paid: %v", len(shares), paid, err)
		}
		if paid == 0 {
			return
		}
		sum, least := new(big.Int), w.Dispatch.Fee.Big()
		most := new(big.Int)
		for place, s := range shares {
			if outcomes[place] != dispatch.OutcomePaid {
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
