package bench_test

import (
	"os"
	"testing"
	"time"

	"sluice/internal/bench"
	"sluice/internal/demo/devnet"
)

// TestA12_RailLate carries payouts of one transaction each over a node that takes its time.
// How long that takes is for the benchmark to say; here it counts how much is asked.
func TestA12_RailLate(t *testing.T) {
	chain, err := devnet.New(devnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	report, err := bench.RailLate(t.Context(), chain.Client(), chain, func() error { return chain.Mine(1) }, 32, 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Rows) != 1 || report.Rows[0].Questions > 25 {
		t.Errorf("%+v: 10 or so questions for each payout will do", report)
	}
	if testing.Verbose() {
		_ = report.WriteText(os.Stdout) // for people
	}
}

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
