package evm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/rail"
)

// unavailable marks an error of the node as what it is: no answer.
func unavailable(err error, doing string) error {
	return fmt.Errorf("%w: %s: %w", rail.ErrUnavailable, doing, err)
}

// later is a reason to wait that is not the node's fault.
type later string

func (l later) Error() string { return string(l) }

// Is makes callers treat it like a node that does not answer: nothing is decided.
func (l later) Is(target error) bool { return target == rail.ErrUnavailable }

// feeTooHigh is a later for the price of gas.
type feeTooHigh struct{ later }

// says tells whether the node's error text has one of the phrases. Error codes of
// nodes agree on very little, their words on a bit more.
func says(err error, phrases ...string) bool {
	text := strings.ToLower(err.Error())
	for _, p := range phrases {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// revertReason tells whether the error is the answer of executed code, and why the
// code gave up. Everything else is trouble with the node and says nothing.
func revertReason(err error) (string, bool) {
	var coded rpc.Error
	if !errors.As(err, &coded) {
		return "", false // a connection, a time-out, a proxy: no node has executed anything
	}
	if coded.ErrorCode() != 3 && !says(err, "execution reverted", "vm execution error") {
		return "", false
	}
	var data rpc.DataError
	if errors.As(err, &data) {
		if text, ok := data.ErrorData().(string); ok {
			if raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x")); err == nil && len(raw) >= 4 {
				return decodeRevert(raw), true
			}
		}
	}
	return "no reason given", true
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
	const most = 200
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most]) + "..."
	}
	if s == "" {
		return "no reason given"
	}
	return s
}
