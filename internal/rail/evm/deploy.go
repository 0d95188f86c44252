package evm

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/contracts/artifacts"
	"sluice/internal/fault"
	"sluice/internal/money"
)

// Deployment is what a wallet must sign to get a vault.
type Deployment struct {
	Nonce, Gas     uint64
	FeeCap, TipCap money.Amount
	Code           []byte
	Vault          string // where the contract will be
}

// deployLook is how many of the first and of the latest nonces are looked at for a
// vault that was deployed before.
const deployLook = 64

// FindVault looks for a vault that a wallet has: the configured one, else one that it
// deployed itself with one of its first or its latest transactions.
func (r *Rail) FindVault(ctx context.Context, wallet string) (vault string, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return "", false, err
	}
	if v, ok := r.vaults[who]; ok {
		return v.Hex(), true, nil // checkVaults has found it good
	}
	next, err := r.node.NonceAt(ctx, who, nil)
	if err != nil {
		return "", false, unavailable(err, "read the nonce of "+wallet)
	}
	for nonce := range next {
		if nonce >= deployLook && nonce+deployLook < next {
			continue
		}
		at := crypto.CreateAddress(who, nonce)
		is, err := r.isVaultOf(ctx, at, who)
		if err != nil || is {
			return at.Hex(), is, err
		}
	}
	return "", false, nil
}

func (r *Rail) isVaultOf(ctx context.Context, at, who common.Address) (bool, error) {
	code, err := r.node.CodeAt(ctx, at, nil)
	if err != nil || len(code) == 0 {
		return false, asUnavailable(err, "look for a contract at "+at.Hex())
	}
	operator, err := readUint(ctx, r.node, at, selOperator[:], nil)
	if err != nil {
		if _, reverted := revertReason(err); reverted {
			return false, nil // another contract
		}
		return false, unavailable(err, "ask whom "+at.Hex()+" obeys")
	}
	done, err := readUint(ctx, r.node, at, append(selDone[:], make([]byte, word)...), nil)
	return err == nil && done.Sign() == 0 && common.BigToAddress(operator) == who, nil //nolint:nilerr // no such function: no vault
}

// PrepareVault says what to sign for a new vault of a wallet.
func (r *Rail) PrepareVault(ctx context.Context, wallet string) (Deployment, error) {
	nonce, err := r.NextNonce(ctx, wallet)
	if err != nil {
		return Deployment{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.conf.Timeout)
	defer cancel()
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return Deployment{}, err
	}
	code, err := vaultCode(who)
	if err != nil {
		return Deployment{}, err
	}
	q, err := r.price(ctx)
	if err != nil {
		return Deployment{}, err
	}
	head, err := r.head(ctx)
	if err != nil {
		return Deployment{}, err
	}
	gas, err := r.node.EstimateGasAtBlock(ctx, ethereum.CallMsg{From: who, Data: code}, head.Number)
	if err != nil {
		return Deployment{}, unavailable(err, "estimate the gas of a vault")
	}
	gas += (gas*r.conf.GasMarginPercent + 99) / 100
	d := Deployment{Nonce: nonce, Gas: gas, Code: code, Vault: crypto.CreateAddress(who, nonce).Hex()}
	if d.FeeCap, d.TipCap, err = q.amounts(); err != nil {
		return d, err
	}
	have, err := r.balance(ctx, r.conf.FeeAsset, who, head.Number)
	if err != nil {
		return d, err
	}
	need, err := d.FeeCap.Mul(gas)
	if err == nil && have.Less(need) {
		return d, fault.New(fault.Refused, CodeOutOfGas, "the wallet %s has %s, a vault may cost %s: send it coins first", wallet, r.format(r.conf.FeeAsset, have), r.format(r.conf.FeeAsset, need))
	}
	return d, err
}

// vaultCode is what makes a vault that obeys a wallet.
func vaultCode(who common.Address) ([]byte, error) {
	var artifact struct{ Bytecode string }
	if err := json.Unmarshal(artifacts.Vault, &artifact); err != nil {
		return nil, fmt.Errorf("the vault's artifact: %w", err)
	}
	code, err := hex.DecodeString(strings.TrimPrefix(artifact.Bytecode, "0x"))
	if err != nil {
		return nil, fmt.Errorf("the vault's artifact: %w", err)
	}
	return append(code, common.LeftPadBytes(who[:], word)...), nil
}

// Mined tells whether a block holds a transaction, and what it has cost. A transaction
// that was reverted is an error.
func (r *Rail) Mined(ctx context.Context, txid string) (yes bool, cost money.Amount, err error) {
	receipt, err := r.node.TransactionReceipt(ctx, common.HexToHash(txid))
	switch {
	case errors.Is(err, ethereum.NotFound):
		return false, cost, nil
	case err != nil:
		return false, cost, unavailable(err, "look for "+txid)
	case receipt.Status != types.ReceiptStatusSuccessful:
		return false, cost, fault.New(fault.Refused, "reverted", "the transaction %s was reverted", txid)
	}
	cost, err = feeOf(receipt)
	return err == nil, cost, err
}
