package devnet

import (
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// HostileMode is how a hostile recipient behaves, in the order of the contract.
type HostileMode uint8

// The modes.
const (
	Takes    HostileMode = iota // behaves
	Reverts                     // refuses
	Burns                       // uses all gas it is given
	Reenters                    // calls the vault back, then takes the coin
	Bombs                       // refuses with very much data
)

// DeployVault creates a vault that obeys the given account.
func (c *Admin) DeployVault(ctx context.Context, operator string) (string, error) {
	return c.deploy(ctx, "Vault", common.HexToAddress(operator))
}

// DeployHostile creates a recipient of the native coin that misbehaves.
func (c *Admin) DeployHostile(ctx context.Context, mode HostileMode) (string, error) {
	return c.deploy(ctx, "Hostile", uint8(mode))
}

// Call sends a transaction of the faucet to a method of a contract and makes the block
// that holds it. A transaction that is reverted is an error.
func (c *Admin) Call(ctx context.Context, contract, at, method string, args ...any) (*types.Receipt, error) {
	a, err := load(contract)
	if err != nil {
		return nil, err
	}
	data, err := a.ABI.Pack(method, args...)
	if err != nil {
		return nil, fmt.Errorf("%s.%s: %w", contract, method, err)
	}
	return c.send(ctx, ptr(common.HexToAddress(at)), new(big.Int), data)
}

// Send has a transaction of the faucet put into a block; to is nil for a new contract.
func (c *Admin) Send(ctx context.Context, to *common.Address, value *big.Int, data []byte) (*types.Receipt, error) {
	return c.send(ctx, to, value, data)
}
