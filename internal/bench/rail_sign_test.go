package bench_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sluice/internal/bench"
	"sluice/internal/fault"
)

// TestRailReports holds what the commands print, without a node.
func TestRailReports(t *testing.T) {
	coins, err := bench.RailBitcoin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !coins.OK || len(coins.Rows) != 5 || coins.Rows[4].PerPayout != "31.550" {
		t.Errorf("sizes %+v", coins)
	}
	signing, err := bench.RailSigner(t.Context(), []int{1, 4}, 100*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if len(signing.Rows) != 2 || signing.Rows[1].Callers != 4 || signing.FloorFsync <= 0 || signing.FloorSign <= 0 {
		t.Errorf("signing %+v", signing)
	}
	var text bytes.Buffer
	if err := coins.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if err := signing.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "met true") || !strings.Contains(text.String(), "floors:") {
		t.Errorf("printed\n%s", text.String())
	}
	if _, err := bench.RailSigner(t.Context(), []int{0}, time.Second); fault.CodeOf(err) != "invalid_callers" {
		t.Errorf("no callers: %v", err)
	}
}
