package cli

import (
	"encoding/json"

	"github.com/ethereum/go-ethereum/ethclient"

	"sluice/internal/bench"
	"sluice/internal/fault"
)

type benchRailCmd struct {
	EVM benchRailEVMCmd `cmd:"" name:"evm" help:"Gas per payout of a token, alone and in batches of 50, 100 and 200, on geth --dev or anvil with the rules of the Osaka fork. Exit code 1: a target is missed."`
}

type benchRailEVMCmd struct {
	URL string `name:"url" default:"http://127.0.0.1:8545" help:"JSON-RPC of the node. It must be on chain 1337 or 31337 and sign for an account of its own."`
}

// Run implements the command.
func (c benchRailEVMCmd) Run(e *env) error {
	client, err := ethclient.DialContext(e.ctx, c.URL)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "no_node", "the node %s cannot be dialled", c.URL)
	}
	defer client.Close()
	faucet, err := bench.DevFaucet(e.ctx, client)
	if err != nil {
		return err
	}
	report, err := bench.RailEVM(e.ctx, client, faucet, nil)
	if err != nil {
		return err
	}
	if e.root.JSON {
		err = json.NewEncoder(e.Stdout).Encode(report)
	} else {
		err = report.WriteText(e.Stdout)
	}
	if err == nil && !report.OK {
		return fault.New(fault.Refused, "target_missed", "payouts cost more gas than they may")
	}
	return err
}
