package evm_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
	"sluice/internal/rail/railtest"
)

// wires is how the suite gets between the rail and its node.
func (n *network) wires() *railtest.Wires {
	return &railtest.Wires{
		Open: func(t *testing.T, f railtest.Tamper) rail.Rail {
			t.Helper()
			conf := n.conf
			conf.Patience = time.Second
			return tampered(t, conf, n.url, f)
		},
		OtherChain: on("eth_chainId", always(`"0x7a69ff"`, nil)),
		Pruned:     forgetful,
		Send:       "eth_sendRawTransaction",
		Scalars:    []string{"eth_getBalance", "eth_call", "eth_getTransactionCount"},
		Refusals: []railtest.Said{
			{Words: "already known", Code: ""},
			{Words: "ALREADY_EXISTS: already known", Code: ""},
			{Words: "nonce too low: next nonce 7, tx nonce 3", Code: "look"},
			{Words: "replacement transaction underpriced", Code: "look"},
			{Words: "nonce too high", Code: "look"},
			{Words: "transaction underpriced: tip needed 25000000000, tip permitted 100000000", Code: rail.CodeLowFee},
			{Words: "transaction gas price below minimum: gas tip cap 1, minimum needed 25000000000", Code: rail.CodeLowFee},
			{Words: "FeeTooLow, MaxFeePerGas too low", Code: rail.CodeLowFee},
			{Words: "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 7", Code: rail.CodeLowFee},
			{Words: "exceeds block gas limit", Code: rail.CodeGasLimit},
			{Words: "txpool is full", Code: rail.CodePoolFull},
			{Words: "insufficient funds for gas * price + value: balance 0, tx cost 1", Code: rail.CodeNoGas},
			{Words: "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)", Code: rail.CodeFeeCap},
			{Words: "transaction type not supported", Code: rail.CodeFeeModel},
		},
	}
}

// forgetful answers as a node that has no state but the latest.
func forgetful(_ context.Context, r request, ask answer) (raw, error) {
	switch r.Method {
	case "eth_getBalance", "eth_getTransactionCount", "eth_getCode", "eth_call":
		if len(r.Params) > 1 && strings.HasPrefix(string(r.Params[1]), `"0x`) {
			return nil, &node.Refusal{Code: -32000, Message: "missing trie node 0x01 (path ) state 0x02 is not available"}
		}
	}
	return ask()
}
