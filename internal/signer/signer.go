// Package signer is the port to the keys. A signer never signs a hash: it gets a
// typed intent, builds the bytes itself, and signs what it built. Keys exist
// nowhere else.
package signer

import (
	"context"
	"slices"

	"sluice/internal/money"
)

// Output is one recipient of an intent.
type Output struct {
	Ref      string // public id of the withdrawal; "" for change
	Asset    string // code of what is paid; a signer with lists of its own checks it against Token
	To       []byte // 20 bytes on EVM, the output script on a coin chain, the text of the IBAN at a bank
	Amount   money.Amount
	Token    []byte // contract of the token; empty for the native coin
	Approval string // proof of an approval, see package approval; "" for none
	// Acceptance is what the process that accepted the withdrawal signed, see package
	// acceptance; "" for none.
	Acceptance string
	// Memo is what the server wants to read again in the log when it has lost its books,
	// up to MemoMax bytes of UTF-8. It decides nothing and is no part of what is signed.
	Memo string
}

// Input is a coin that an intent spends.
type Input struct {
	TxID   string // as the network shows it
	Index  uint32
	Amount money.Amount // in minor units; what it pays is part of what is signed
	Script []byte       // what locks it: one of the wallet's own
}

// Intent is what is to be signed, in terms a signer can check.
type Intent struct {
	Family  string // "evm", "utxo" or "bank"
	Network string // as configured: the signer's limits are kept by network
	Wallet  string // the paying address
	Outputs []Output

	// Account chains.
	ChainID uint64
	Nonce   uint64
	Gas     uint64
	// FeeCap and TipCap are the EIP-1559 prices in wei per gas.
	FeeCap money.Amount
	TipCap money.Amount
	// Vault is the contract that pays all outputs in one call. Empty: the wallet pays
	// the only output itself.
	Vault []byte
	// GasEach is the most gas that the vault gives to the call of one output.
	GasEach uint64

	// Coin chains. Inputs less Outputs less Change is the fee.
	Inputs []Input
	Change Output // back to the wallet; zero amount: none
	// Previous are the transactions that made the coins, as they travel, in any order,
	// with or without witness: the proof of what each coin holds. A signer that has the
	// amount of a coin in its log needs none for it.
	Previous [][]byte

	// File is the order to a bank as it would go there, a pain.001. The signer reads it,
	// holds Outputs against it, and gives the bytes that it agrees to: those of the first
	// time, when the same order is asked for again.
	File []byte

	// Cancel uses the slot up for nothing: a transfer of nothing, or of all inputs, to
	// the wallet itself. Outputs are those that are cancelled. Only an operator asks for it.
	Cancel bool

	// Fence is the lease number of the worker that asks; a signer that has seen a
	// larger one for the wallet refuses.
	Fence int64
	// Bound names what the slot is bound to (the dispatch), so that one slot is
	// never signed for two.
	Bound string
}

// MaxFee is the most the transaction can cost, in the network's fee asset: gas times
// the fee cap, or what the inputs leave beside outputs and change.
func (i Intent) MaxFee() (money.Amount, error) {
	if len(i.Inputs) == 0 {
		return i.FeeCap.Mul(i.Gas)
	}
	var in money.Amount
	for _, c := range i.Inputs {
		var err error
		if in, err = in.Add(c.Amount); err != nil {
			return in, err
		}
	}
	outputs := i.Outputs
	if i.Cancel {
		outputs = nil
	}
	for _, o := range append(slices.Clone(outputs), i.Change) {
		var err error
		if in, err = in.Sub(o.Amount); err != nil {
			return in, err
		}
	}
	return in, nil
}

// Signed is the result: exact bytes, ready to send.
type Signed struct {
	TxID string
	Raw  []byte
}

// Previewer is a signer that tells beforehand what it would refuse. It is for whoever
// binds slots: one that is bound for payouts that are never signed holds up all behind it.
type Previewer interface {
	// May tells whether the rules of the signer let outputs be paid together on a
	// network now, after everything that was signed before; Token is not looked at. It
	// binds nothing and promises nothing: Sign decides. A refusal is a fault of kind Refused.
	May(ctx context.Context, network string, outputs []Output) error
}

// Reporter is a signer that can tell whether it signs at all.
type Reporter interface {
	// Health is nil while nothing stands in the way of all signing. Else the error says
	// what does, as a fault whose text is for an operator.
	Health(ctx context.Context) error
}

// Signer signs typed intents. It is safe for concurrent use.
type Signer interface {
	// Sign refuses with a fault of kind Refused what breaks its own rules.
	Sign(ctx context.Context, in Intent) (Signed, error)
	// Addresses lists the wallets it holds keys for.
	Addresses(ctx context.Context) ([]string, error)
}
