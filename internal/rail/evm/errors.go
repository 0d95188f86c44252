package evm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"sluice/internal/rail"
	"sluice/internal/rail/node"
)

// unavailable is node.Failed with the words of Ethereum's nodes.
func unavailable(err error, doing string) error { return node.Failed(err, doing, named) }

// refusals name what nodes mean, by their words. The first that fits counts. Texts are for
// merchants; operators also get the node's own words.
var refusals = []struct {
	code, text string
	words      []string
}{
	{
		rail.CodePruned, node.TextPruned,
		[]string{"missing trie node", "historical state", "state not available", "state is not available", "pruned", "state unavailable", "no state"},
	},
	{
		rail.CodeGasLimit, "the transaction wants more gas than a block of the network has. An operator lowers batch_max and uses `sluice dispatch cancel`",
		[]string{"exceeds block gas limit", "block gas limit", "exceeds the limit allowed for the block", "gas limit too high", "gas limit is too high", "exceeds maximum per-transaction gas limit", "tx gas limit"},
	},
	{
		rail.CodeFeeCap, "the network's node takes no transaction whose fee can be so high; an operator lowers fee_budget or raises the node's limit",
		[]string{"exceeds the configured cap", "fee cap exceeded"},
	},
	{
		rail.CodeNoGas, "the wallet has not enough coins for the transaction and its fee; it goes on when it is topped up",
		[]string{"insufficient funds", "insufficient balance", "not enough funds", "insufficientfunds"},
	},
	{
		rail.CodePoolFull, "the network's pool is full; the same transaction is sent again",
		[]string{"pool is full", "txpool is full", "mempool is full", "limit reached", "account limit exceeded", "queue is full", "accounttxpool"},
	},
	{
		rail.CodeFeeModel, "the network's node does not know this kind of transaction; an operator must look",
		[]string{"transaction type not supported", "type not supported", "unsupported transaction type", "1559 not"},
	},
}

func named(refused *node.Refusal) (code, text string) {
	for _, r := range refusals {
		if node.Says(refused, r.words...) {
			return r.code, r.text
		}
	}
	return rail.CodeRefuses, node.TextRefuses
}

// poor is a reason to wait that money ends.
func poor(format string, args ...any) *rail.Wait {
	return &rail.Wait{Code: rail.CodeNoFunds, Text: fmt.Sprintf(format, args...)}
}

// halts are what nodes call the end of code that failed for good, in the words of all
// clients that are known. A recipient whose code ends so refuses, like one that reverts.
var halts = []string{
	"execution reverted", "vm execution error", "vm exception", "invalid opcode", "invalidfeopcode", "opcode not found", "unknown opcode", "bad instruction",
	"invalid instruction", "undefined instruction", "invalid jump", "bad jump", "stack underflow", "stack overflow", "stack limit reached", "stack error",
	"write protection", "static call", "staticcall", "illegal state change", "return data out of bounds", "returndata out of bounds", "out of offset",
	"access violation", "invalid code", "precompile", "max call depth", "invalid operand",
}

// outOfGas are words for code that wanted more gas than it was given.
var outOfGas = []string{"out of gas", "outofgas", "gas required exceeds allowance", "gas uint64 overflow", "not enough gas"}

// revertReason tells whether the error is the answer of executed code, and why the code
// gave up. Everything else is trouble with the node and says nothing.
func revertReason(err error) (string, bool) {
	var refused *node.Refusal
	if !errors.As(err, &refused) || refused.Code <= -32600 && refused.Code >= -32602 || refused.Code == -32700 {
		return "", false // a connection, a time-out, a proxy, a question that was not read: no node has executed anything
	}
	halt := node.Which(refused, halts...)
	if refused.Code != 3 && halt == "" {
		return "", false
	}
	if raw, err := hex.DecodeString(strings.TrimPrefix(refused.Data, "0x")); err == nil && len(raw) >= 4 {
		return decodeRevert(raw), true
	}
	if refused.Code == 3 || node.Says(refused, "revert") {
		return "no reason given", true
	}
	return "the recipient's code fails: " + halt, true
}

// knownErrors are custom errors that many tokens share (ERC-6093 and the usual
// library of contracts), by selector.
var knownErrors = map[string]string{
	"e450d38c": "ERC20InsufficientBalance: the sender's balance is too low",
	"96c6fd1e": "ERC20InvalidSender: the token does not accept the sender",
	"ec442f05": "ERC20InvalidReceiver: the token does not accept the recipient",
	"7c214f04": "the vault does not obey this wallet",
	"1454e6c7": "the vault has paid this batch before",
	"4a48966d": "the batch had too little gas",
	"d93c0665": "EnforcedPause: the token is paused",
}

// decodeRevert reads what a contract said when it gave up.
func decodeRevert(data []byte) string {
	selector, args := hex.EncodeToString(data[:4]), data[4:]
	switch selector {
	case "08c379a0": // Error(string)
		if s, ok := abiString(args); ok {
			return printable(s)
		}
	case "4e487b71": // Panic(uint256)
		if len(args) == 32 {
			return fmt.Sprintf("the contract failed an internal check (panic 0x%x)", new(big.Int).SetBytes(args))
		}
	}
	if text, ok := knownErrors[selector]; ok {
		return text
	}
	return "the contract's own error 0x" + selector
}

// abiString reads the single string argument of Error(string).
func abiString(args []byte) (string, bool) {
	if len(args) < 64 {
		return "", false
	}
	offset, length := new(big.Int).SetBytes(args[:32]), new(big.Int).SetBytes(args[32:64])
	text := args[64:]
	if offset.Cmp(big.NewInt(32)) != 0 || length.Cmp(big.NewInt(int64(len(text)))) > 0 {
		return "", false
	}
	return string(text[:length.Int64()]), true
}

// printable makes text of a stranger's contract fit to be shown: no control
// characters, no length without end.
func printable(s string) string {
	if s = node.Printable(s); s == "" {
		return "no reason given"
	}
	return s
}
