package signer

import (
	"context"

	"sluice/internal/money"
)

// Network is one network as a signer knows it. The signer has this from its own
// configuration; an intent that says something else about the network is refused.
type Network struct {
	Name    string // as intents call it
	Family  string // "evm", "utxo" or "bank"
	ChainID uint64 // account chains
	Coin    string // coin chains: which rules addresses follow, like "bitcoin" or "bitcoin-regtest"
	Account string // banks: number of the account that pays, an IBAN; it is the wallet, and has no key
}

// Scheme says how a digest is signed.
type Scheme string

// The schemes; both are on the curve secp256k1.
const (
	// ECDSA signatures have 65 bytes: r, s (the lower of both) and the recovery id 0 or 1.
	ECDSA Scheme = "ecdsa"
	// Taproot signatures are BIP-340 by the key tweaked for a key path without scripts
	// (BIP-86), with the default hash type: 64 bytes.
	Taproot Scheme = "taproot"
)

// Digest is one hash that a transaction needs a signature of.
type Digest struct {
	Scheme Scheme
	Hash   [32]byte
}

// Unsigned is a transaction that lacks its signatures only.
type Unsigned struct {
	Digests []Digest
	// Hash names exactly what is signed, whatever the number of signatures: the hash
	// that an account chain signs, the txid on a coin chain.
	Hash string
	// Unproved are the inputs whose amount is only the word of whoever asks.
	Unproved []int
	// Order is the slot of an order to a bank, the id of its message; "" elsewhere. Content
	// stands for all of it but Moment, which is when it was made and is to be executed: asked
	// for again later, At makes the order with the moment that was agreed to first.
	Order   string
	Content [32]byte
	Moment  string
	At      func(moment string) (Unsigned, error)
	// Finish puts one signature per digest in, in order, and makes sure that each is
	// the wallet's.
	Finish func(signatures [][]byte) (Signed, error)
}

// Builder turns intents into transactions. It is pure: it has no memory, no keys and
// asks nobody.
type Builder interface {
	// Addresses are those at which a key (33 bytes, compressed) can be paid on a network.
	Addresses(n Network, public []byte) ([]string, error)
	// Build makes the transaction of an intent that the key pays from in.Wallet, which is
	// one of its Addresses. It refuses, with a fault of kind Refused, whatever is not
	// exactly what its family allows.
	Build(n Network, public []byte, in Intent) (Unsigned, error)
	// Deploy makes the transaction of a deployment that the key pays for.
	Deploy(n Network, public []byte, d Deployment) (Unsigned, error)
}

// Deployment is the creation of a contract. It is no intent: no Signer takes one, so that
// neither the server nor its database can have one made. An operator who has the keys and
// the log has it signed by a command of its own.
type Deployment struct {
	Network        string // as configured
	Wallet         string
	Nonce, Gas     uint64
	FeeCap, TipCap money.Amount // wei per gas
	Code           []byte       // of the contract's making, with its arguments
	Fence          int64        // lease number of who asks, as in an intent
}

// Keys is a place where keys are kept. It signs digests, and is asked by a guard
// only, which knows what they are of. It is safe for concurrent use.
type Keys interface {
	// Public lists the public keys (33 bytes, compressed). Keys that were added since
	// the last call are among them.
	Public(ctx context.Context) ([][]byte, error)
	// Sign signs a digest with one of its keys, in the form that the scheme has.
	Sign(ctx context.Context, public []byte, d Digest) ([]byte, error)
}
