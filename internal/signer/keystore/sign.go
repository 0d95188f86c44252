package keystore

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math/big"
	"slices"
	"sync"

	chainkeys "github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/signer"
)

// txGasLimit is the most gas a transaction may have on Ethereum since the Osaka fork
// (EIP-7825).
const txGasLimit = 1 << 24

// slotsKept is how many slots per wallet are remembered. A slot that far below the
// newest one was used long ago, so that the network itself refuses it.
const slotsKept = 1 << 16

// Options are the signer's own rules.
type Options struct {
	ChainID uint64       // sign for this chain only; 0: for any
	MaxFee  money.Amount // refuse a worst-case fee (gas times fee cap) above this, in wei; zero: no limit
}

// Signer signs with the keys of a folder. It is safe for concurrent use.
type Signer struct {
	opts    Options
	wallets map[common.Address]*wallet
}

var _ signer.Signer = (*Signer)(nil)

// wallet is a key and what has been signed with it. The memory does not outlive the
// process: the store's own rules guard slots across restarts.
type wallet struct {
	mu    sync.Mutex
	key   *ecdsa.PrivateKey
	fence int64
	floor uint64 // slots below it are forgotten and never signed again
	slots map[uint64]binding
}

// binding is what a slot was first signed for.
type binding struct {
	bound   string
	outputs [sha256.Size]byte
}

// Open decrypts all keys of the folder. All of them have the same passphrase.
func Open(dir, passphrase string, opts Options) (*Signer, error) {
	files, err := read(dir)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fault.New(fault.NotFound, "no_keys", "there is no key in %s: create or import one first", dir)
	}
	s := &Signer{opts: opts, wallets: map[common.Address]*wallet{}}
	for _, f := range files {
		key, err := chainkeys.DecryptKey(f.text, passphrase)
		if err != nil {
			return nil, fault.Wrap(err, fault.Refused, "key_locked", "the key in %s does not open: check the passphrase", f.path)
		}
		// The address in the file is not encrypted; what counts is the key.
		address := crypto.PubkeyToAddress(key.PrivateKey.PublicKey)
		if address != f.address {
			return nil, fault.New(fault.Refused, "key_file", "%s says it is %s, but its key belongs to %s: somebody changed it", f.path, f.address, address)
		}
		s.wallets[address] = &wallet{key: key.PrivateKey, slots: map[uint64]binding{}}
	}
	return s, nil
}

// Addresses implements signer.Signer, in alphabetical order.
func (s *Signer) Addresses(context.Context) ([]string, error) {
	out := make([]string, 0, len(s.wallets))
	for a := range s.wallets {
		out = append(out, a.Hex())
	}
	slices.Sort(out)
	return out, nil
}

// Sign implements signer.Signer. The same intent gives the same bytes every time.
func (s *Signer) Sign(_ context.Context, in signer.Intent) (signer.Signed, error) {
	if err := s.check(in); err != nil {
		return signer.Signed{}, err
	}
	w := s.wallets[common.HexToAddress(in.Wallet)]
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.bind(in); err != nil {
		return signer.Signed{}, err
	}
	id := new(big.Int).SetUint64(in.ChainID)
	tx, err := types.SignNewTx(w.key, types.LatestSignerForChainID(id), build(in))
	if err != nil {
		return signer.Signed{}, fault.Wrap(err, fault.Internal, "sign_failed", "The signature could not be made")
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		return signer.Signed{}, fault.Wrap(err, fault.Internal, "sign_failed", "The signed bytes could not be written")
	}
	return signer.Signed{TxID: tx.Hash().Hex(), Raw: raw}, nil
}

// check applies the rules that need no memory.
func (s *Signer) check(in signer.Intent) error {
	no := func(code, format string, args ...any) error {
		return fault.New(fault.Refused, code, "signer: "+format, args...)
	}
	switch {
	case in.Family != "evm":
		return no("sign_family", "this signer signs for EVM chains, not for %q", in.Family)
	case !common.IsHexAddress(in.Wallet) || s.wallets[common.HexToAddress(in.Wallet)] == nil:
		return no("sign_wallet", "there is no key for the wallet %q", in.Wallet)
	case in.ChainID == 0 || s.opts.ChainID != 0 && in.ChainID != s.opts.ChainID:
		return no("sign_chain", "the intent is for chain %d, this signer signs for %d", in.ChainID, s.opts.ChainID)
	case len(in.Outputs) != 1:
		return no("sign_outputs", "the intent has %d recipients; one transaction pays exactly one", len(in.Outputs))
	case in.Gas == 0 || in.Gas > txGasLimit:
		return no("sign_gas", "%d gas: want 1 to %d", in.Gas, txGasLimit)
	case in.FeeCap.IsZero() || in.FeeCap.Less(in.TipCap):
		return no("sign_fee", "the fee cap %s must be above zero and not below the tip %s", in.FeeCap, in.TipCap)
	}
	if fee, err := in.MaxFee(); err != nil || !s.opts.MaxFee.IsZero() && s.opts.MaxFee.Less(fee) {
		return no("sign_fee", "the transaction may cost more than the %s wei that this signer allows", s.opts.MaxFee)
	}
	return checkOutput(in.Outputs[0], no)
}

func checkOutput(o signer.Output, no func(code, format string, args ...any) error) error {
	switch {
	case len(o.To) != common.AddressLength || bytes.Equal(o.To, make([]byte, common.AddressLength)):
		return no("sign_recipient", "the recipient is not a 20-byte address above zero")
	case len(o.Token) != 0 && len(o.Token) != common.AddressLength:
		return no("sign_token", "the token is not a 20-byte address")
	case bytes.Equal(o.To, o.Token):
		return no("sign_recipient", "the recipient is the token's own contract, where coins are lost")
	case o.Amount.IsZero():
		return no("sign_amount", "the amount is zero")
	}
	return nil
}

// bind holds one slot to one set of outputs, and the wallet to its newest owner.
func (w *wallet) bind(in signer.Intent) error {
	if in.Fence < w.fence {
		return fault.New(fault.Refused, "sign_fence",
			"signer: the wallet belongs to another worker now: lease %d was seen, this is %d", w.fence, in.Fence)
	}
	if in.Nonce < w.floor {
		return fault.New(fault.Refused, "sign_slot", "signer: nonce %d of %s was used long ago", in.Nonce, in.Wallet)
	}
	b := binding{bound: in.Bound, outputs: digest(in.Outputs)}
	if old, used := w.slots[in.Nonce]; used && old != b {
		return fault.New(fault.Conflict, "sign_slot",
			"signer: nonce %d of %s is bound to other outputs already; it is never signed for two", in.Nonce, in.Wallet)
	}
	w.fence = in.Fence
	w.slots[in.Nonce] = b
	if len(w.slots) > slotsKept {
		w.forget()
	}
	return nil
}

// forget drops the older half of what is remembered, and closes it for good.
func (w *wallet) forget() {
	nonces := slices.Sorted(maps.Keys(w.slots))
	w.floor = nonces[len(nonces)/2]
	for _, n := range nonces[:len(nonces)/2] {
		delete(w.slots, n)
	}
}

func digest(outputs []signer.Output) [sha256.Size]byte {
	h := sha256.New()
	part := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b)))) //nolint:gosec // 20 or 32 bytes
		h.Write(b)
	}
	for _, o := range outputs {
		amount := o.Amount.Bytes32()
		part(o.To)
		part(amount[:])
		part(o.Token)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// build makes the transaction from the intent alone. Nothing that the caller
// encoded is ever signed.
func build(in signer.Intent) *types.DynamicFeeTx {
	o := in.Outputs[0]
	tx := &types.DynamicFeeTx{
		ChainID:   new(big.Int).SetUint64(in.ChainID),
		Nonce:     in.Nonce,
		Gas:       in.Gas,
		GasFeeCap: number(in.FeeCap),
		GasTipCap: number(in.TipCap),
	}
	if len(o.Token) == 0 {
		to := common.BytesToAddress(o.To)
		tx.To, tx.Value = &to, number(o.Amount)
		return tx
	}
	to := common.BytesToAddress(o.Token)
	tx.To, tx.Value = &to, new(big.Int)
	// transfer(address,uint256): selector, then two words of 32 bytes.
	amount := o.Amount.Bytes32()
	tx.Data = append([]byte{0xa9, 0x05, 0x9c, 0xbb}, common.LeftPadBytes(o.To, 32)...)
	tx.Data = append(tx.Data, amount[:]...)
	return tx
}

func number(a money.Amount) *big.Int {
	b := a.Bytes32()
	return new(big.Int).SetBytes(b[:])
}
