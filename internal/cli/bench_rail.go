package cli

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"github.com/ethereum/go-ethereum/ethclient"

	"sluice/internal/bench"
	"sluice/internal/fault"
)

type benchRailCmd struct {
	EVM     benchRailEVMCmd     `cmd:"" name:"evm" help:"Gas per payout of a token, alone and in batches of 50, 100 and 200, and payouts per second from queued to final, on geth --dev or anvil with the rules of the Osaka fork. Exit code 1: a target is missed."`
	Latency benchRailLatencyCmd `cmd:"" help:"How long sixty payouts of one transaction each take when every answer of the node takes so long. Exit code 1: a target is missed."`
	Bitcoin benchRailBitcoinCmd `cmd:"" help:"Virtual bytes per payout of signed Bitcoin and Litecoin transactions. Exit code 1: a target is missed."`
	Signer  benchRailSignerCmd  `cmd:"" help:"Signatures per second through the signer's socket, each bound on disk before it is given."`
}

// measured is a report that can be printed.
type measured interface{ WriteText(w io.Writer) error }

func (e *env) measured(r measured, ok bool, missed string) error {
	var err error
	if e.root.JSON {
		err = json.NewEncoder(e.Stdout).Encode(r)
	} else {
		err = r.WriteText(e.Stdout)
	}
	if err == nil && !ok {
		return fault.New(fault.Refused, "target_missed", "%s", missed)
	}
	return err
}

type benchRailEVMCmd struct {
	URL  string `name:"url" default:"http://127.0.0.1:8545" help:"JSON-RPC of the node. It must be on chain 1337 or 31337 and sign for an account of its own."`
	Geth string `name:"geth" placeholder:"PATH" help:"Start this geth in developer mode, in a temporary folder, instead of asking --url."`
}

// Run implements the command.
func (c benchRailEVMCmd) Run(e *env) error {
	if c.Geth != "" {
		return bench.WithGeth(e.ctx, c.Geth, func(ctx context.Context, url string) error { return c.measure(ctx, e, url) })
	}
	return c.measure(e.ctx, e, c.URL)
}

func (c benchRailEVMCmd) measure(ctx context.Context, e *env, url string) error {
	client, err := ethclient.DialContext(ctx, url)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "no_node", "the node %s cannot be dialled", url)
	}
	defer client.Close()
	faucet, err := bench.DevFaucet(ctx, client)
	if err != nil {
		return err
	}
	report, err := bench.RailEVM(ctx, client, faucet, nil)
	if err != nil {
		return err
	}
	return e.measured(report, report.OK, "payouts cost more gas than they may")
}

type benchRailLatencyCmd struct {
	Geth    string          `name:"geth" required:"" placeholder:"PATH" help:"Start this geth in developer mode, in a temporary folder."`
	Latency []time.Duration `default:"100ms,500ms" help:"How long the node takes for an answer, one measurement for each."`
}

// Run implements the command.
func (c benchRailLatencyCmd) Run(e *env) error {
	return bench.WithGeth(e.ctx, c.Geth, func(ctx context.Context, url string) error {
		client, err := ethclient.DialContext(ctx, url)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "no_node", "the node %s cannot be dialled", url)
		}
		defer client.Close()
		faucet, err := bench.DevFaucet(ctx, client)
		if err != nil {
			return err
		}
		report, err := bench.RailLate(ctx, client, faucet, nil, bench.LatePayouts, c.Latency...)
		if err != nil {
			return err
		}
		return e.measured(report, report.OK, "payouts take longer than they may")
	}, "--dev.period", "1")
}

type benchRailBitcoinCmd struct{}

// Run implements the command.
func (benchRailBitcoinCmd) Run(e *env) error {
	report, err := bench.RailBitcoin(e.ctx)
	if err != nil {
		return err
	}
	return e.measured(report, report.OK, "payouts take more virtual bytes than they may")
}

type benchRailSignerCmd struct {
	Callers  []int         `default:"1,16,64" help:"How many callers ask at a time, one measurement for each number."`
	Duration time.Duration `default:"3s" help:"How long each measurement takes."`
}

// Run implements the command.
func (c benchRailSignerCmd) Run(e *env) error {
	report, err := bench.RailSigner(e.ctx, c.Callers, c.Duration)
	if err != nil {
		return err
	}
	return e.measured(report, true, "")
}
