package devnet

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"

	"sluice/internal/money"
	"sluice/internal/rail/evm"
)

// Payment is value that arrived at an address, read from the blocks themselves.
type Payment struct {
	TxHash string
	Block  uint64
	Token  string // the token's contract, "" for the native coin
	From   string // the zero address for minted tokens
	To     string
	Amount money.Amount
}

// blockPayments is what one block paid.
type blockPayments struct {
	hash     common.Hash
	payments []Payment
}

// Payments lists what the chain paid to an address since genesis, oldest first:
// plain transfers of the native coin and Transfer logs of any contract. It is the
// truth against which tests count.
func (c *Admin) Payments(ctx context.Context, address string) ([]Payment, error) {
	all, err := c.AllPayments(ctx)
	if err != nil {
		return nil, err
	}
	to := common.HexToAddress(address).Hex()
	var found []Payment
	for _, p := range all {
		if p.To == to {
			found = append(found, p)
		}
	}
	return found, nil
}

// AllPayments lists what the chain paid to anybody, oldest first.
func (c *Admin) AllPayments(ctx context.Context) ([]Payment, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	height, err := c.client.BlockNumber(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.forgetDropped(ctx); err != nil {
		return nil, err
	}
	for n := uint64(len(c.blocks)); n <= height; n++ {
		b, err := c.readBlock(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", n, err)
		}
		c.blocks = append(c.blocks, b)
	}
	var all []Payment
	for _, b := range c.blocks {
		all = append(all, b.payments...)
	}
	return all, nil
}

// forgetDropped cuts what was read of blocks that are no longer in the chain. A block
// that still is has all its ancestors with it.
func (c *Admin) forgetDropped(ctx context.Context) error {
	for len(c.blocks) > 0 {
		last := len(c.blocks) - 1
		header, err := c.client.HeaderByNumber(ctx, big.NewInt(int64(last)))
		if err == nil && header.Hash() == c.blocks[last].hash {
			return nil
		}
		if err != nil && !errors.Is(err, ethereum.NotFound) {
			return err
		}
		c.blocks = c.blocks[:last]
	}
	return nil
}

func (c *Admin) readBlock(ctx context.Context, n uint64) (blockPayments, error) {
	header, err := c.client.HeaderByNumber(ctx, new(big.Int).SetUint64(n))
	if err != nil {
		return blockPayments{}, err
	}
	out := blockPayments{hash: header.Hash()}
	if header.TxHash == types.EmptyTxsHash {
		return out, nil // most blocks are empty, and only the header is cheap
	}
	block, err := c.client.BlockByHash(ctx, out.hash)
	if err != nil {
		return out, err
	}
	receipts, err := c.client.BlockReceipts(ctx, rpc.BlockNumberOrHashWithHash(out.hash, false))
	if err != nil {
		return out, err
	}
	for i, tx := range block.Transactions() {
		if receipts[i].Status != types.ReceiptStatusSuccessful {
			continue
		}
		p, err := c.paid(tx, receipts[i])
		if err != nil {
			return out, err
		}
		out.payments = append(out.payments, p...)
	}
	return out, nil
}

func (c *Admin) paid(tx *types.Transaction, receipt *types.Receipt) ([]Payment, error) {
	var found []Payment
	add := func(token string, from, to common.Address, amount *big.Int) error {
		a, err := evm.Amount(amount)
		found = append(found, Payment{
			TxHash: tx.Hash().Hex(), Block: receipt.BlockNumber.Uint64(),
			Token: token, From: from.Hex(), To: to.Hex(), Amount: a,
		})
		return err
	}
	if tx.To() != nil && tx.Value().Sign() > 0 {
		from, err := types.Sender(c.signer, tx)
		if err != nil {
			return nil, err
		}
		if err := add("", from, *tx.To(), tx.Value()); err != nil {
			return nil, err
		}
	}
	transfer := crypto.Keccak256Hash([]byte("Transfer(address,address,uint256)"))
	for _, l := range receipt.Logs {
		if len(l.Topics) != 3 || l.Topics[0] != transfer {
			continue
		}
		from, to := common.BytesToAddress(l.Topics[1][:]), common.BytesToAddress(l.Topics[2][:])
		if err := add(l.Address.Hex(), from, to, new(big.Int).SetBytes(l.Data)); err != nil {
			return nil, err
		}
	}
	return found, nil
}
