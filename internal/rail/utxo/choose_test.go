package utxo_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sluice/internal/rail/utxo"
)

// TestChoose holds every choice against what must always be so: no coin twice, the
// sum covers all, nothing gets lost, change is never dust, coins that wait come last,
// and nothing is chosen only when even all coins do not do.
func TestChoose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Uint64Range(300, 5_000_000), 0, 40).Draw(t, "coins")
		fresh := rapid.IntRange(0, len(values)).Draw(t, "fresh")
		outputs := rapid.Uint64Range(1, 30).Draw(t, "outputs")
		total := rapid.Uint64Range(294*outputs, 20_000_000).Draw(t, "total")
		price := rapid.Uint64Range(1_000, 100_000).Draw(t, "price")
		extra := rapid.IntRange(0, 5).Draw(t, "extra")
		const dust = 294
		got := utxo.Choose(values, fresh, outputs, total, price, dust, extra)
		if len(got.Picked) == 0 {
			var sum uint64
			for n, v := range slices.Backward(slices.Sorted(slices.Values(values))) {
				sum += v
				if k := len(values) - n; sum >= utxo.Cost(k, outputs, total, price) {
					t.Fatalf("the %d largest coins hold %d, which is enough, and nothing was chosen", k, sum)
				}
			}
			return
		}
		seen := map[int]bool{}
		for _, n := range got.Picked {
			if seen[n] {
				t.Fatalf("coin %d twice in %v", n, got.Picked)
			}
			seen[n] = true
		}
		if !got.Covered || got.Sum != total+got.Fee+got.Change {
			t.Fatalf("%+v does not add up to %d", got, total)
		}
		if got.Change > 0 && got.Change < dust {
			t.Fatalf("a change of %d", got.Change)
		}
		if got.Fee < utxo.Cost(len(got.Picked), outputs, total, price)-total {
			t.Fatalf("a fee of %d is below the price", got.Fee)
		}
		if got.FreshSet {
			for n := range fresh {
				if !seen[n] && extra == 0 {
					t.Fatalf("a coin that waits was taken before coin %d, which does not", n)
				}
			}
		}
	})
}

// TestChooseWithoutChange finds the set that needs no change.
func TestChooseWithoutChange(t *testing.T) {
	cost := utxo.Cost(2, 3, 700_000, 10_000)
	got := utxo.Choose([]uint64{5_000_000, 400_000, cost - 400_000, 90_000}, 4, 3, 700_000, 10_000, 294, 0)
	slices.Sort(got.Picked)
	if !slices.Equal(got.Picked, []int{1, 2}) || got.Change != 0 {
		t.Errorf("got %+v, want the two coins that fit", got)
	}
}
