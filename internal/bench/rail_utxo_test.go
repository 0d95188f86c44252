package bench_test

import (
	"testing"

	"sluice/internal/bench"
)

// TestCoinSizes holds the sizes of payments against what they may be at the most, in
// thousandths of a virtual byte per payout. No network does better than 31,000.
func TestCoinSizes(t *testing.T) {
	most := map[int]uint64{1: 141_500, 10: 42_200, 50: 33_300, 100: 32_200, 200: 31_600}
	sizes, err := bench.MeasureCoins(t.Context(), 1, 10, 50, 100, 200)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sizes {
		if got := s.PerPayout(); got > most[s.Outputs] || got < 31_000 {
			t.Errorf("%d outputs: %s virtual bytes per payout, want at most %d thousandths", s.Outputs, s, most[s.Outputs])
		}
		t.Logf("%d outputs: %d virtual bytes, %s per payout", s.Outputs, s.VirtualBytes, s)
	}
}
