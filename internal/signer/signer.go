// Package signer is the port to the keys. A signer never signs a hash: it gets a
// typed intent, builds the bytes itself, and signs what it built. Keys exist
// nowhere else.
package signer

import (
	"context"

	"sluice/internal/money"
)

// Output is one recipient of an intent.
type Output struct {
	To     []byte // 20 bytes on EVM
	Amount money.Amount
	Token  []byte // contract of the token; empty for the native coin
}

// Intent is what is to be signed, in terms a signer can check.
type Intent struct {
	Family  string // "evm"
	Wallet  string // the paying address
	ChainID uint64
	Nonce   uint64
	Outputs []Output
	Gas     uint64
	// FeeCap and TipCap are the EIP-1559 prices in wei per gas.
	FeeCap money.Amount
	TipCap money.Amount
	// Fence is the lease number of the worker that asks; a signer that has seen a
	// larger one for the wallet refuses.
	Fence int64
	// Bound names what the slot is bound to (the dispatch), so that one slot is
	// never signed for two.
	Bound string
}

// MaxFee is the most the transaction can cost, in wei: gas times the fee cap.
func (i Intent) MaxFee() (money.Amount, error) { return i.FeeCap.Mul(i.Gas) }

// Signed is the result: exact bytes, ready to send.
type Signed struct {
	TxID string
	Raw  []byte
}

// Signer signs typed intents. It is safe for concurrent use.
type Signer interface {
	// Sign refuses with a fault of kind Refused what breaks its own rules.
	Sign(ctx context.Context, in Intent) (Signed, error)
	// Addresses lists the wallets it holds keys for.
	Addresses(ctx context.Context) ([]string, error)
}
