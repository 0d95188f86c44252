package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/ethclient"

	"sluice/internal/rail/evm"
)

// LatePayouts is how many payouts of single transactions are carried over a slow line.
const LatePayouts = 60

// What the payouts may take over a line whose every answer takes so long.
var lateTargets = map[time.Duration]time.Duration{100 * time.Millisecond: 15 * time.Second, 500 * time.Millisecond: time.Minute}

// LateRow is one line.
type LateRow struct {
	Latency   string  `json:"latency"` // of every answer
	Payouts   int     `json:"payouts"`
	Seconds   float64 `json:"seconds"`
	Questions float64 `json:"questions_per_payout"`
	Target    string  `json:"target,omitempty"`
	OK        bool    `json:"ok"`
}

// LateReport is the outcome of RailLate.
type LateReport struct {
	Benchmark string    `json:"benchmark"` // "rail_late"
	Rows      []LateRow `json:"rows"`
	OK        bool      `json:"ok"` // every target is met
}

// WriteText writes the report for people.
func (r LateReport) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "payouts of one transaction each, from queued to final, with a block a second\n%8s %8s %8s %20s %8s\n",
		"latency", "payouts", "seconds", "questions per payout", "target"); err != nil {
		return err
	}
	for _, row := range r.Rows {
		if _, err := fmt.Fprintf(w, "%8s %8d %8.1f %20.1f %8s\n", row.Latency, row.Payouts, row.Seconds, row.Questions, row.Target); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "met: %v\n", r.OK)
	return err
}

// late is a node that takes its time for every answer.
type late struct {
	evm.Node
	wait  time.Duration
	asked *atomic.Int64
}

// CallContext implements evm.Node.
func (l late) CallContext(ctx context.Context, result any, method string, params ...any) error {
	l.asked.Add(1)
	select {
	case <-time.After(l.wait):
	case <-ctx.Done():
		return ctx.Err()
	}
	return l.Node.CallContext(ctx, result, method, params...)
}

// RailLate measures payouts of one transaction each, without a vault, on a chain of one's
// own whose node takes its time for every answer: through store, dispatch and signer.
func RailLate(ctx context.Context, client *ethclient.Client, faucet Faucet, mine func() error, payouts int, lines ...time.Duration) (out LateReport, err error) {
	b, closing, err := newEVMBench(ctx, client, faucet, mine)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, closing()) }()
	out = LateReport{Benchmark: "rail_late", OK: true}
	for n, wait := range lines {
		conf, asked := b.conf, new(atomic.Int64)
		conf.Vaults, conf.Poll, conf.Finality = nil, time.Second, evm.Finality{Depth: 2}
		slow, err := evm.New(conf, late{b.client.Client(), wait, asked})
		if err != nil {
			return out, err
		}
		paid, err := b.paid(ctx, fmt.Sprintf("late%d", n), slow, payouts, time.Second)
		if err != nil {
			return out, err
		}
		row := LateRow{Latency: wait.String(), Payouts: payouts, Seconds: paid.Seconds, Questions: round(float64(asked.Load())/float64(payouts), 1), OK: true}
		if target, ok := lateTargets[wait]; ok && payouts == LatePayouts {
			row.Target, row.OK = target.String(), paid.Seconds <= target.Seconds()
		}
		out.Rows, out.OK = append(out.Rows, row), out.OK && row.OK
	}
	return out, nil
}
