package evm

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"sluice/internal/rail/node"
)

// quantity is a number on the wire: hex digits after 0x, leading zeros or not.
type quantity struct{ v *big.Int }

// UnmarshalJSON implements json.Unmarshaler.
func (q *quantity) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("%.40s is no hex number", b)
	}
	digits, ok := strings.CutPrefix(text, "0x")
	v, read := new(big.Int).SetString(digits, 16)
	if !ok || !read || v.Sign() < 0 || v.BitLen() > 256 || strings.HasPrefix(digits, "+") {
		return fmt.Errorf("%.40q is no hex number", text)
	}
	q.v = v
	return nil
}

// num is the number, nil when it was missing or null.
func (q *quantity) num() *big.Int {
	if q == nil {
		return nil
	}
	return q.v
}

// block is what matters of a block. Its hash is what the node says: not every chain
// makes it of the fields that we know.
type block struct {
	number uint64
	hash   common.Hash
	base   *big.Int // fee per gas; nil: the chain names none
	gas    uint64   // the most that all its transactions may use; 0: not said
	time   uint64   // Unix seconds; 0: not said
	txs    []common.Hash
	listed bool // txs is the whole list
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *block) UnmarshalJSON(text []byte) error {
	var in struct {
		Number, GasLimit, Timestamp, BaseFeePerGas *quantity
		Hash                                       *common.Hash
		Transactions                               *[]json.RawMessage
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	number := in.Number.num()
	switch {
	case number == nil || !number.IsUint64():
		return node.Incomplete("eth_getBlockByNumber", "number is missing")
	case in.Hash == nil || *in.Hash == (common.Hash{}):
		return node.Incomplete("eth_getBlockByNumber", "hash is missing")
	}
	*b = block{number: number.Uint64(), hash: *in.Hash, base: in.BaseFeePerGas.num(), listed: in.Transactions != nil}
	if g := in.GasLimit.num(); g != nil && g.IsUint64() {
		b.gas = g.Uint64()
	}
	if s := in.Timestamp.num(); s != nil && s.IsUint64() {
		b.time = s.Uint64()
	}
	if in.Transactions == nil {
		return nil
	}
	for _, raw := range *in.Transactions {
		var hash common.Hash
		if json.Unmarshal(raw, &hash) != nil { // whole transactions: the list is for another question
			b.listed = false
			return nil
		}
		b.txs = append(b.txs, hash)
	}
	return nil
}

// has tells whether a block can hold a transaction: it lists it, or says nothing of its list.
func (b *block) has(tx common.Hash) bool { return !b.listed || slices.Contains(b.txs, tx) }

// at is the block's number as questions take it.
func (b *block) at() *big.Int { return new(big.Int).SetUint64(b.number) }

// receipt is what matters of a transaction's receipt. What a node leaves out stays nil:
// whoever needs it says what is missing.
type receipt struct {
	tx     common.Hash
	block  common.Hash // zero: not said
	number *uint64     // of its block
	status *uint64
	gas    *uint64
	price  *big.Int // paid per gas
	extra  *big.Int // what the transaction cost beside its gas (l1Fee); nil for nothing
	// operator is set where the chain takes a fee for its operator that only its own
	// contract can work out.
	operator bool
	logs     []*types.Log
	logged   bool // logs is the whole list
	bloom    bool // the receipt's own summary says that there are logs
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *receipt) UnmarshalJSON(text []byte) error {
	var in struct {
		TransactionHash, BlockHash             *common.Hash
		BlockNumber, Status, GasUsed           *quantity
		EffectiveGasPrice, L1Fee               *quantity
		OperatorFeeScalar, OperatorFeeConstant *quantity
		LogsBloom                              *hexutil.Bytes
		Logs                                   *[]json.RawMessage
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	if in.TransactionHash == nil {
		return node.Incomplete("eth_getTransactionReceipt", "transactionHash is missing")
	}
	*r = receipt{tx: *in.TransactionHash, price: in.EffectiveGasPrice.num(), extra: in.L1Fee.num(), logged: in.Logs != nil}
	if in.BlockHash != nil {
		r.block = *in.BlockHash
	}
	for _, f := range []struct {
		to   **uint64
		from *quantity
	}{{&r.number, in.BlockNumber}, {&r.status, in.Status}, {&r.gas, in.GasUsed}} {
		if v := f.from.num(); v != nil && v.IsUint64() {
			n := v.Uint64()
			*f.to = &n
		}
	}
	for _, q := range []*quantity{in.OperatorFeeScalar, in.OperatorFeeConstant} {
		r.operator = r.operator || q.num() != nil && q.num().Sign() > 0
	}
	if in.LogsBloom != nil {
		r.bloom = slices.ContainsFunc(*in.LogsBloom, func(b byte) bool { return b != 0 })
	}
	if in.Logs != nil {
		r.readLogs(*in.Logs)
	}
	return nil
}

// readLogs reads the logs; one that cannot be read makes the list incomplete.
func (r *receipt) readLogs(raw []json.RawMessage) {
	for _, text := range raw {
		var l struct {
			Address *common.Address
			Topics  *[]common.Hash
			Data    *hexutil.Bytes
			Removed bool
		}
		if json.Unmarshal(text, &l) != nil || l.Address == nil || l.Topics == nil || l.Data == nil {
			r.logged = false
			continue
		}
		r.logs = append(r.logs, &types.Log{Address: *l.Address, Topics: *l.Topics, Data: *l.Data, Removed: l.Removed})
	}
}

// succeeded and reverted tell how the transaction ended; both are false when the receipt
// does not say it, or contradicts itself: what was reverted leaves no logs.
func (r *receipt) succeeded() bool { return r.status != nil && *r.status == 1 }

func (r *receipt) reverted() bool {
	return r.status != nil && *r.status == 0 && len(r.logs) == 0 && !r.bloom
}

// complete tells whether the logs are all that there are. Logs that the receipt's own
// summary knows and its list does not are missing.
func (r *receipt) complete() bool { return r.logged && (len(r.logs) > 0 || !r.bloom) }

// transaction is a transaction as the node knows it.
type transaction struct {
	hash  common.Hash
	from  common.Address
	nonce uint64
	mined bool // it is in a block
	raw   json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (t *transaction) UnmarshalJSON(text []byte) error {
	var in struct {
		Hash, BlockHash *common.Hash
		BlockNumber     *quantity
		From            *common.Address
		Nonce           *quantity
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	if in.Hash == nil {
		return node.Incomplete("eth_getTransactionByHash", "hash is missing")
	}
	*t = transaction{hash: *in.Hash, mined: in.BlockHash != nil && *in.BlockHash != (common.Hash{}) || in.BlockNumber.num() != nil, raw: slices.Clone(text)}
	if in.From != nil {
		t.from = *in.From
	}
	if n := in.Nonce.num(); n != nil && n.IsUint64() {
		t.nonce = n.Uint64()
	}
	return nil
}

// signed reads the transaction as its sender signed it, and proves that it did.
func (t *transaction) signed(by types.Signer) (*types.Transaction, common.Address, error) {
	tx := new(types.Transaction)
	if err := tx.UnmarshalJSON(t.raw); err != nil {
		return nil, common.Address{}, err
	}
	if tx.Hash() != t.hash {
		return nil, common.Address{}, fmt.Errorf("the content of %s is that of %s", t.hash, tx.Hash())
	}
	from, err := types.Sender(by, tx)
	return tx, from, err
}
