package bench_test

import (
	"os"
	"testing"

	"sluice/internal/bench"
	"sluice/internal/demo/devnet"
)

// TestRailEVM holds the gas of payouts against the targets, on the rules of the main
// network.
func TestRailEVM(t *testing.T) {
	chain, err := devnet.New(devnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	report, err := bench.RailEVM(t.Context(), chain.Client(), chain, func() error { return chain.Mine(1) })
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK {
		t.Error("the targets are missed")
	}
	if len(report.Rows) != 4 || report.Rows[3].Existing < bench.GasFloor || report.Rows[0].Existing < 2*report.Rows[3].Existing {
		t.Errorf("rows %+v", report.Rows)
	}
	if p := report.Paid; p.Payouts != bench.PaidPayouts || p.Transactions < 10 || p.Transactions > 100 || p.PerSecond <= 0 || p.FloorPerSecond <= 0 {
		t.Errorf("paid through the product: %+v", p)
	}
	if testing.Verbose() {
		_ = report.WriteText(os.Stdout) // for people
	}
}
