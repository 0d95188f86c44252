package evm

import (
	"bytes"
	"context"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/money"
	"sluice/internal/rail/node"
)

// The four parts of ERC-20 that a payout needs, packed by hand: selectors are the
// first four bytes of the Keccak hash of the signature, arguments are 32-byte words.
var (
	selTransfer  = [4]byte{0xa9, 0x05, 0x9c, 0xbb} // transfer(address,uint256)
	selBalanceOf = [4]byte{0x70, 0xa0, 0x82, 0x31} // balanceOf(address)
	selDecimals  = [4]byte{0x31, 0x3c, 0xe5, 0x67} // decimals()
	// topicTransfer is the hash of Transfer(address,address,uint256).
	topicTransfer = common.HexToHash("0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")
)

func transfer(to common.Address, amount money.Amount) []byte {
	word := amount.Bytes32()
	return append(append(selTransfer[:], common.LeftPadBytes(to[:], 32)...), word[:]...)
}

func balanceOf(who common.Address) []byte {
	return append(selBalanceOf[:], common.LeftPadBytes(who[:], 32)...)
}

func decimals() []byte { return selDecimals[:] }

// readUint calls a contract that answers with one number.
func (r *Rail) readUint(ctx context.Context, contract common.Address, data []byte, at *big.Int) (*big.Int, error) {
	out, err := r.callAt(ctx, ethereum.CallMsg{To: &contract, Data: data}, at)
	if err != nil {
		return nil, err
	}
	if len(out) != word {
		return nil, node.Incomplete("eth_call", fmt.Sprintf("the contract %s answered %d bytes, want %d", contract, len(out), word))
	}
	return new(big.Int).SetBytes(out), nil
}

// move is a Transfer log.
type move struct {
	from, to common.Address
	amount   *big.Int
}

// moves reads the Transfer logs of one contract. odd is set if there is one in a form
// that cannot be read: then nothing may be concluded from what is missing.
func moves(logs []*types.Log, contract common.Address) (found []move, odd bool) {
	for _, l := range logs {
		if l == nil || l.Address != contract || len(l.Topics) == 0 || l.Topics[0] != topicTransfer {
			continue
		}
		if l.Removed || len(l.Topics) != 3 || len(l.Data) != 32 || !isAddressWord(l.Topics[1]) || !isAddressWord(l.Topics[2]) {
			odd = true
			continue
		}
		found = append(found, move{
			from:   common.BytesToAddress(l.Topics[1][:]),
			to:     common.BytesToAddress(l.Topics[2][:]),
			amount: new(big.Int).SetBytes(l.Data),
		})
	}
	return found, odd
}

func isAddressWord(w common.Hash) bool { return bytes.Equal(w[:12], make([]byte, 12)) }
