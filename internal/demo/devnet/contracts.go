package devnet

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

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

// faucet owns all money of the genesis block and every contract.
type faucet struct {
	key     *ecdsa.PrivateKey
	address common.Address
	signer  types.Signer
}

func newFaucet(id *big.Int) (faucet, error) {
	// The key is no secret: it is worth something in this process only, and being
	// the same every time makes contract addresses the same every time.
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("sluice devnet faucet")))
	if err != nil {
		return faucet{}, fmt.Errorf("make the faucet key: %w", err)
	}
	return faucet{key: key, address: crypto.PubkeyToAddress(key.PublicKey), signer: types.LatestSignerForChainID(id)}, nil
}

// Fund gives an address native coin and makes the block that holds it.
func (c *Chain) Fund(ctx context.Context, address string, wei money.Amount) error {
	_, err := c.send(ctx, ptr(common.HexToAddress(address)), evm.Big(wei), nil)
	return err
}

// DeployToken creates a token, owned by the chain itself, and gives its address.
func (c *Chain) DeployToken(ctx context.Context, kind Kind, name, symbol string) (string, error) {
	return c.deploy(ctx, string(kind), name, symbol)
}

// DeployGate creates a recipient that refuses the native coin until OpenGate.
func (c *Chain) DeployGate(ctx context.Context) (string, error) { return c.deploy(ctx, "Gate") }

// OpenGate lets a gate take coins, or stop taking them.
func (c *Chain) OpenGate(ctx context.Context, gate string, open bool) error {
	return c.call(ctx, "Gate", gate, "setOpen", open)
}

// Mint makes new units of a token for an address.
func (c *Chain) Mint(ctx context.Context, token, to string, amount money.Amount) error {
	return c.call(ctx, string(Tether), token, "mint", common.HexToAddress(to), evm.Big(amount))
}

// Freeze makes every transfer of a Tether from or to the account revert, or ends that.
func (c *Chain) Freeze(ctx context.Context, token, account string, on bool) error {
	return c.call(ctx, string(Tether), token, "freeze", common.HexToAddress(account), on)
}

// Pause makes every transfer of a Tether revert, or ends that.
func (c *Chain) Pause(ctx context.Context, token string, on bool) error {
	return c.call(ctx, string(Tether), token, "pause", on)
}

// SetMode changes how a Moody token behaves.
func (c *Chain) SetMode(ctx context.Context, token string, mode Mode) error {
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

func (c *Chain) deploy(ctx context.Context, contract string, args ...any) (string, error) {
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

func (c *Chain) call(ctx context.Context, contract, at, method string, args ...any) error {
	a, err := load(contract)
	if err != nil {
		return err
	}
	data, err := a.ABI.Pack(method, args...)
	if err != nil {
		return fmt.Errorf("%s.%s: %w", contract, method, err)
	}
	_, err = c.send(ctx, ptr(common.HexToAddress(at)), new(big.Int), data)
	return err
}

// send signs a transaction of the faucet and makes the block that holds it. The high
// tip puts it in front of whatever else waits, so that a freeze comes before the
// transfer that it is meant to stop.
func (c *Chain) send(ctx context.Context, to *common.Address, value *big.Int, data []byte) (*types.Receipt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	head, err := c.client.HeaderByNumber(ctx, nil)
	if err != nil {
		return nil, err
	}
	nonce, err := c.client.NonceAt(ctx, c.faucet.address, head.Number)
	if err != nil {
		return nil, err
	}
	gas, err := c.client.EstimateGas(ctx, ethereum.CallMsg{From: c.faucet.address, To: to, Value: value, Data: data})
	if err != nil {
		return nil, fmt.Errorf("faucet: %w", err)
	}
	tip := big.NewInt(50_000_000_000)
	tx, err := types.SignNewTx(c.faucet.key, c.faucet.signer, &types.DynamicFeeTx{
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
	receipt, err := c.client.TransactionReceipt(ctx, tx.Hash())
	if err != nil {
		return nil, fmt.Errorf("faucet: transaction %s: %w", tx.Hash(), err)
	}
	if receipt.Status != types.ReceiptStatusSuccessful {
		return nil, fmt.Errorf("faucet: transaction %s was reverted", tx.Hash())
	}
	return receipt, nil
}

// Payment is value that arrived at an address, read from the blocks themselves.
type Payment struct {
	TxHash string
	Block  uint64
	Token  string // the token's contract, "" for the native coin
	From   string // the zero address for minted tokens
	Amount money.Amount
}

// Payments lists what the chain paid to an address since genesis, oldest first:
// plain transfers of the native coin and Transfer logs of any contract. It is the
// truth against which tests count.
func (c *Chain) Payments(address string) ([]Payment, error) {
	to := common.HexToAddress(address)
	chain := c.eth.BlockChain()
	var found []Payment
	for n := uint64(1); n <= c.Height(); n++ {
		block := chain.GetBlockByNumber(n)
		if block == nil {
			break // the chain was cut while we read
		}
		receipts := chain.GetReceiptsByHash(block.Hash())
		for i, tx := range block.Transactions() {
			p, err := c.paid(tx, receipts[i], to)
			if err != nil {
				return nil, err
			}
			found = append(found, p...)
		}
	}
	return found, nil
}

func (c *Chain) paid(tx *types.Transaction, receipt *types.Receipt, to common.Address) ([]Payment, error) {
	if receipt.Status != types.ReceiptStatusSuccessful {
		return nil, nil
	}
	base := Payment{TxHash: tx.Hash().Hex(), Block: receipt.BlockNumber.Uint64()}
	var found []Payment
	if tx.To() != nil && *tx.To() == to && tx.Value().Sign() > 0 {
		from, err := types.Sender(c.faucet.signer, tx)
		if err != nil {
			return nil, err
		}
		amount, err := evm.Amount(tx.Value())
		if err != nil {
			return nil, err
		}
		p := base
		p.From, p.Amount = from.Hex(), amount
		found = append(found, p)
	}
	transfer := crypto.Keccak256([]byte("Transfer(address,address,uint256)"))
	for _, l := range receipt.Logs {
		if len(l.Topics) != 3 || !bytes.Equal(l.Topics[0][:], transfer) || common.BytesToAddress(l.Topics[2][:]) != to {
			continue
		}
		amount, err := evm.Amount(new(big.Int).SetBytes(l.Data))
		if err != nil {
			return nil, err
		}
		p := base
		p.Token, p.From, p.Amount = l.Address.Hex(), common.BytesToAddress(l.Topics[1][:]).Hex(), amount
		found = append(found, p)
	}
	return found, nil
}

// BalanceOf reads a token balance at the latest block.
func (c *Chain) BalanceOf(ctx context.Context, token, account string) (money.Amount, error) {
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
