package devnet

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"

	"sluice/contracts"
	"sluice/internal/money"
	"sluice/internal/rail/evm"
)

// Kind names a token contract.
type Kind string

// The tokens.
const (
	// Tether returns nothing from transfer, has 6 decimals and can freeze.
	Tether Kind = "Tether"
	// Moody is a plain ERC-20 with 18 decimals that can be made to misbehave.
	Moody Kind = "Moody"
	// Dollar costs what the most used stablecoin costs, has 6 decimals and may take a fee.
	Dollar Kind = "Dollar"
)

// Mode is how a Moody token behaves.
type Mode uint8

// The modes, in the order of the contract.
const (
	Plain        Mode = iota // moves, logs, returns true
	ReturnsFalse             // moves nothing, returns false, does not revert
	Silent                   // moves nothing, logs nothing, returns true
	CustomError              // reverts with an error of its own
	TakesCut                 // moves one unit less than asked
)

// Admin owns the money of the genesis block and every contract it deploys. It works
// on any chain that gave FaucetAddress its coins at genesis; Chain is one.
type Admin struct {
	client *ethclient.Client
	mine   func(blocks int) error
	key    *ecdsa.PrivateKey
	id     *big.Int
	signer types.Signer

	mu sync.Mutex // one transaction of the faucet at a time

	reading sync.Mutex
	blocks  []blockPayments // by number, as read so far
}

// NewAdmin makes an admin of a chain. mine is called after each transaction to put it
// into a block.
func NewAdmin(client *ethclient.Client, chainID uint64, mine func(blocks int) error) (*Admin, error) {
	key, err := faucetKey()
	if err != nil {
		return nil, err
	}
	id := new(big.Int).SetUint64(chainID)
	return &Admin{client: client, mine: mine, key: key, id: id, signer: types.LatestSignerForChainID(id)}, nil
}

// faucetKey is no secret: it is worth something on a chain made for tests only, and
// being the same every time makes contract addresses the same every time.
func faucetKey() (*ecdsa.PrivateKey, error) {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("sluice devnet faucet")))
	if err != nil {
		return nil, fmt.Errorf("make the faucet key: %w", err)
	}
	return key, nil
}

// FaucetAddress is the account that must own coins at genesis.
func FaucetAddress() (string, error) {
	key, err := faucetKey()
	if err != nil {
		return "", err
	}
	return crypto.PubkeyToAddress(key.PublicKey).Hex(), nil
}

// Client speaks to the chain.
func (c *Admin) Client() *ethclient.Client { return c.client }

// Fund gives an address native coin and makes the block that holds it.
func (c *Admin) Fund(ctx context.Context, address string, wei money.Amount) error {
	_, err := c.send(ctx, ptr(common.HexToAddress(address)), wei.Big(), nil)
	return err
}

// DeployToken creates a token, owned by the chain itself, and gives its address.
func (c *Admin) DeployToken(ctx context.Context, kind Kind, name, symbol string) (string, error) {
	return c.deploy(ctx, string(kind), name, symbol)
}

// DeployGate creates a recipient that refuses the native coin until OpenGate.
func (c *Admin) DeployGate(ctx context.Context) (string, error) { return c.deploy(ctx, "Gate") }

// OpenGate lets a gate take coins, or stop taking them.
func (c *Admin) OpenGate(ctx context.Context, gate string, open bool) error {
	return c.call(ctx, "Gate", gate, "setOpen", open)
}

// Mint makes new units of a token for an address.
func (c *Admin) Mint(ctx context.Context, token, to string, amount money.Amount) error {
	return c.call(ctx, string(Tether), token, "mint", common.HexToAddress(to), amount.Big())
}

// Freeze makes every transfer of a Tether from or to the account revert, or ends that.
func (c *Admin) Freeze(ctx context.Context, token, account string, on bool) error {
	return c.call(ctx, string(Tether), token, "freeze", common.HexToAddress(account), on)
}

// Pause makes every transfer of a Tether revert, or ends that.
func (c *Admin) Pause(ctx context.Context, token string, on bool) error {
	return c.call(ctx, string(Tether), token, "pause", on)
}

// SetMode changes how a Moody token behaves.
func (c *Admin) SetMode(ctx context.Context, token string, mode Mode) error {
	return c.call(ctx, string(Moody), token, "setMode", uint8(mode))
}

type artifact struct {
	ABI      abi.ABI
	Bytecode string
}

func load(contract string) (artifact, error) {
	raw, err := contracts.Artifacts.ReadFile("artifacts/" + contract + ".json")
	if err != nil {
		return artifact{}, fmt.Errorf("no contract %q: %w", contract, err)
	}
	var a artifact
	if err := json.Unmarshal(raw, &a); err != nil {
		return artifact{}, fmt.Errorf("contract %q: %w", contract, err)
	}
	return a, nil
}

func (c *Admin) deploy(ctx context.Context, contract string, args ...any) (string, error) {
	a, err := load(contract)
	if err != nil {
		return "", err
	}
	packed, err := a.ABI.Pack("", args...)
	if err != nil {
		return "", fmt.Errorf("contract %q: %w", contract, err)
	}
	receipt, err := c.send(ctx, nil, new(big.Int), append(common.FromHex(a.Bytecode), packed...))
	if err != nil {
		return "", err
	}
	return receipt.ContractAddress.Hex(), nil
}

func (c *Admin) call(ctx context.Context, contract, at, method string, args ...any) error {
	_, err := c.Call(ctx, contract, at, method, args...)
	return err
}

// send signs a transaction of the faucet and makes the block that holds it. The high
// tip puts it in front of whatever else waits, so that a freeze comes before the
// transfer that it is meant to stop.
func (c *Admin) send(ctx context.Context, to *common.Address, value *big.Int, data []byte) (*types.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := crypto.PubkeyToAddress(c.key.PublicKey)
	head, err := c.client.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, err
	}
	nonce, err := c.client.NonceAt(ctx, from, head.Number)
	if err != nil {
		return nil, err
	}
	gas, err := c.client.EstimateGas(ctx, ethereum.CallMsg{From: from, To: to, Value: value, Data: data})
	if err != nil {
		return nil, fmt.Errorf("faucet: %w", err)
	}
	tip := big.NewInt(50_000_000_000)
	tx, err := types.SignNewTx(c.key, c.signer, &types.DynamicFeeTx{
		ChainID: c.id, Nonce: nonce, To: to, Value: value, Data: data, Gas: gas + gas/5,
		GasTipCap: tip, GasFeeCap: new(big.Int).Add(tip, new(big.Int).Lsh(head.BaseFee, 1)),
	})
	if err != nil {
		return nil, fmt.Errorf("faucet: %w", err)
	}
	if err := c.client.SendTransaction(ctx, tx); err != nil {
		return nil, fmt.Errorf("faucet: %w", err)
	}
	if err := c.mine(1); err != nil {
		return nil, err
	}
	receipt, err := c.receipt(ctx, tx.Hash())
	if err != nil {
		return nil, fmt.Errorf("faucet: transaction %s: %w", tx.Hash(), err)
	}
	if receipt.Status != types.ReceiptStatusSuccessful {
		return nil, fmt.Errorf("faucet: transaction %s was reverted", tx.Hash())
	}
	return receipt, nil
}

// receipt waits for a chain that makes its blocks by itself: until it has the receipt,
// and until the block is the one that questions about now go to. One that makes blocks
// when told has both at once.
func (c *Admin) receipt(ctx context.Context, tx common.Hash) (*types.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		r, err := c.client.TransactionReceipt(ctx, tx)
		if err == nil {
			head, err := c.client.BlockNumber(ctx)
			if err != nil || head >= r.BlockNumber.Uint64() {
				return r, err
			}
		}
		if err != nil && !errors.Is(err, ethereum.NotFound) && !strings.Contains(err.Error(), "indexing is in progress") {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-again.C:
		}
	}
}

// BalanceOf reads a token balance at the latest block.
func (c *Admin) BalanceOf(ctx context.Context, token, account string) (money.Amount, error) {
	a, err := load(string(Tether))
	if err != nil {
		return money.Amount{}, err
	}
	data, err := a.ABI.Pack("balanceOf", common.HexToAddress(account))
	if err != nil {
		return money.Amount{}, err
	}
	out, err := c.client.CallContract(ctx, ethereum.CallMsg{To: ptr(common.HexToAddress(token)), Data: data}, nil)
	if err != nil {
		return money.Amount{}, err
	}
	return evm.Amount(new(big.Int).SetBytes(out))
}

func ptr[T any](v T) *T { return &v }
