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
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/contracts/artifacts"
	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail"
	"sluice/internal/rail/node"
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
	who, err := r.wallet(ctx, wallet)
	if err != nil {
		return "", false, err
	}
	if v, ok := r.vaults[who]; ok {
		return v.Hex(), true, nil // checkVaults has found it good
	}
	next, err := r.nonce(ctx, who, "latest")
	if err != nil {
		return "", false, err
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
	code, err := r.codeAt(ctx, at, nil)
	if err != nil || len(code) == 0 {
		return false, err
	}
	operator, err := r.readUint(ctx, at, selOperator[:], nil)
	if err != nil {
		if _, reverted := revertReason(err); reverted {
			return false, nil // another contract
		}
		return false, unavailable(err, "ask whom "+at.Hex()+" obeys")
	}
	done, err := r.readUint(ctx, at, append(selDone[:], make([]byte, word)...), nil)
	return err == nil && done.Sign() == 0 && common.BigToAddress(operator) == who, nil //nolint:nilerr // no such function: no vault
}

// PrepareVault says what to sign for a new vault of a wallet.
func (r *Rail) PrepareVault(ctx context.Context, wallet string) (Deployment, error) {
	ctx = rail.InRound(ctx)
	nonce, err := r.NextNonce(ctx, wallet)
	if err != nil {
		return Deployment{}, err
	}
	who, head, err := r.begin(ctx, wallet)
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
	gas, err := r.estimate(ctx, ethereum.CallMsg{From: who, Data: code}, head.at())
	if err != nil {
		return Deployment{}, unavailable(err, "estimate the gas of a vault")
	}
	gas += (gas*r.conf.GasMarginPercent + 99) / 100
	d := Deployment{Nonce: nonce, Gas: gas, Code: code, Vault: crypto.CreateAddress(who, nonce).Hex()}
	if d.FeeCap, d.TipCap, err = q.amounts(); err != nil {
		return d, err
	}
	have, err := r.balance(ctx, r.conf.FeeAsset, who, head.at())
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
	hash := common.HexToHash(txid)
	rec, err := r.receiptOf(ctx, hash)
	switch {
	case errors.Is(err, errNothing):
		return false, cost, nil
	case err != nil:
		return false, cost, err
	case rec.reverted():
		return false, cost, fault.New(fault.Refused, "reverted", "the transaction %s was reverted", txid)
	case !rec.succeeded() || rec.number == nil:
		return false, cost, node.Incomplete("eth_getTransactionReceipt", "status or blockNumber is missing")
	}
	found, err := r.transaction(ctx, hash)
	if err != nil {
		return false, cost, err
	}
	tx, _, err := found.signed(r.signer)
	if err != nil {
		return false, cost, err
	}
	b, err := (&look{Rail: r}).standing(ctx, rec)
	if err != nil || b == nil {
		return false, cost, err
	}
	cost, err = r.feeOf(ctx, rec, b, tx)
	return err == nil, cost, err
}
