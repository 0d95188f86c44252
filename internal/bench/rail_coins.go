package bench

import (
	"context"
	"fmt"
	"io"
)

// The most that a payout may take, in thousandths of a virtual byte, by how many a
// transaction pays; and what an output takes by itself, which nothing goes below.
const (
	SizeTarget100 = 32_200
	SizeTarget200 = 31_600
	SizeFloor     = 31_000
)

// CoinRow is one measured size.
type CoinRow struct {
	Payouts      int    `json:"payouts"`
	VirtualBytes uint64 `json:"virtual_bytes"`
	PerPayout    string `json:"per_payout"`
}

// CoinReport is the outcome of RailBitcoin.
type CoinReport struct {
	Benchmark string    `json:"benchmark"` // "rail_bitcoin"
	Rows      []CoinRow `json:"rows"`
	Floor     string    `json:"floor"`
	Target100 string    `json:"target_100"`
	Target200 string    `json:"target_200"`
	OK        bool      `json:"ok"` // both targets are met
}

// RailBitcoin holds the sizes of payments from one P2WPKH coin to P2WPKH addresses, with
// change, against their targets. They are the same on every machine.
func RailBitcoin(ctx context.Context) (CoinReport, error) {
	out := CoinReport{Benchmark: "rail_bitcoin", Floor: "31.000", Target100: "32.200", Target200: "31.600", OK: true}
	sizes, err := MeasureCoins(ctx, 1, 10, 50, 100, 200)
	if err != nil {
		return out, err
	}
	most := map[int]uint64{100: SizeTarget100, 200: SizeTarget200}
	for _, s := range sizes {
		out.Rows = append(out.Rows, CoinRow{s.Outputs, s.VirtualBytes, s.String()})
		if target, ok := most[s.Outputs]; ok && s.PerPayout() > target {
			out.OK = false
		}
	}
	return out, nil
}

// WriteText writes the report for people.
func (r CoinReport) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "virtual bytes per payout, one P2WPKH coin to P2WPKH addresses with change\n%8s %8s %10s\n", "payouts", "all", "each"); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if _, err := fmt.Fprintf(w, "%8d %8d %10s\n", row.Payouts, row.VirtualBytes, row.PerPayout); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "targets: %s at 100, %s at 200 (floor %s): met %v\n", r.Target100, r.Target200, r.Floor, r.OK)
	return err
}
