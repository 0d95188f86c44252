package build

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/crypto/ripemd160" //nolint:staticcheck,gosec // what P2WPKH is made of

	"sluice/internal/fault"
	"sluice/internal/money"
	"sluice/internal/rail/utxo/bitcoin"
	"sluice/internal/signer"
	"sluice/internal/signer/curve"
)

// UTXO is the family of Bitcoin and the coins that follow its rules.
const UTXO = "utxo"

// sequence stands in every input: the transaction may be replaced by a dearer one
// while it waits (BIP 125), and no lock time applies.
const sequence = 1<<32 - 3

// maxSize is the most virtual bytes that nodes pass on in one transaction.
const maxSize = 100_000

// utxoScripts are what locks coins for a key: P2WPKH, and P2TR by the key alone (BIP 86).
func utxoScripts(public []byte) ([][]byte, error) {
	output, err := curve.TaprootKey(public)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "sign_failed", "a place of keys gave something that is no public key")
	}
	sum := sha256.Sum256(public)
	h := ripemd160.New() //nolint:gosec // as above
	h.Write(sum[:])
	return [][]byte{bitcoin.WitnessScript(0, h.Sum(nil)), bitcoin.WitnessScript(1, output)}, nil
}

func utxoAddresses(n signer.Network, public []byte) ([]string, error) {
	chain, ok := bitcoin.ChainByName(n.Coin)
	if !ok {
		return nil, refuse("sign_network", "the coin chain %q of the network %s is not known", n.Coin, n.Name)
	}
	scripts, err := utxoScripts(public)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(scripts))
	for _, s := range scripts {
		out = append(out, chain.Address(s))
	}
	return out, nil
}

// buildUTXO makes the transaction of an intent. Every input is under the wallet's own
// script, and so is the change, which stands last.
func buildUTXO(n signer.Network, public []byte, in signer.Intent) (signer.Unsigned, error) {
	chain, ok := bitcoin.ChainByName(n.Coin)
	if !ok {
		return signer.Unsigned{}, refuse("sign_network", "the coin chain %q of the network %s is not known", n.Coin, n.Name)
	}
	scripts, err := utxoScripts(public)
	if err != nil {
		return signer.Unsigned{}, err
	}
	i := slices.IndexFunc(scripts, func(s []byte) bool { return chain.Address(s) == in.Wallet })
	switch {
	case i < 0:
		return signer.Unsigned{}, refuse("sign_wallet", "the wallet %q is not the key's own", in.Wallet)
	case in.ChainID != 0 || in.Nonce != 0 || in.Gas != 0 || len(in.Vault) > 0:
		return signer.Unsigned{}, refuse("sign_outputs", "a coin chain has no nonce, no gas and no vault")
	}
	u := &utxo{tx: &bitcoin.Tx{Version: 2}, chain: chain, own: scripts[i], public: public}
	prev, err := u.inputs(in)
	if err != nil {
		return signer.Unsigned{}, err
	}
	unproved, err := u.prove(in, prev)
	if err != nil {
		return signer.Unsigned{}, err
	}
	if err := u.outputs(in); err != nil {
		return signer.Unsigned{}, err
	}
	digests, err := u.tx.Digests(prev)
	if err != nil {
		return signer.Unsigned{}, fault.Wrap(err, fault.Refused, "sign_input", "signer: the intent cannot be signed")
	}
	out := signer.Unsigned{Hash: u.tx.ID().String(), Unproved: unproved, Finish: func(signatures [][]byte) (signer.Signed, error) { return u.finish(digests, signatures) }}
	for _, d := range digests {
		scheme := signer.ECDSA
		if d.Schnorr {
			scheme = signer.Taproot
		}
		out.Digests = append(out.Digests, signer.Digest{Scheme: scheme, Hash: d.Hash})
	}
	return out, nil
}

// utxo is a transaction while it is made.
type utxo struct {
	tx          *bitcoin.Tx
	chain       bitcoin.Chain
	own, public []byte
}

func (u *utxo) inputs(in signer.Intent) ([]bitcoin.Out, error) {
	if len(in.Inputs) == 0 {
		return nil, refuse("sign_input", "the intent spends no coin")
	}
	var prev []bitcoin.Out
	seen := map[bitcoin.Outpoint]bool{}
	for n, c := range in.Inputs {
		id, err := bitcoin.ParseHash(c.TxID)
		if err != nil {
			return nil, refuse("sign_input", "input %d: %s", n, err.Error())
		}
		at := bitcoin.Outpoint{TxID: id, Index: c.Index}
		if seen[at] {
			return nil, refuse("sign_input", "input %d is there twice", n)
		}
		seen[at] = true
		if !bytes.Equal(c.Script, u.own) {
			return nil, refuse("sign_input", "input %d is not locked by the key of %s", n, in.Wallet)
		}
		value, err := satoshi(c.Amount)
		if err != nil {
			return nil, err
		}
		u.tx.In = append(u.tx.In, bitcoin.In{Prev: at, Sequence: sequence})
		prev = append(prev, bitcoin.Out{Value: value, Script: c.Script})
	}
	return prev, nil
}

// prove holds what the intent says of each coin against the transaction that made it,
// and gives the inputs for which there is none. A P2WPKH signature commits to the amount
// of its own coin alone (BIP 143): with two lies about the other coin in two asks, all of
// the difference would go to the miners.
func (u *utxo) prove(in signer.Intent, prev []bitcoin.Out) (unproved []int, err error) {
	made := make(map[bitcoin.Hash]*bitcoin.Tx, len(in.Previous))
	for n, raw := range in.Previous {
		tx, err := bitcoin.ParseTx(raw)
		if err != nil {
			return nil, refuse("sign_previous", "previous transaction %d: %s", n, err.Error())
		}
		made[tx.ID()] = tx
	}
	for n, i := range u.tx.In {
		tx := made[i.Prev.TxID]
		if tx == nil {
			unproved = append(unproved, n)
			continue
		}
		if uint64(i.Prev.Index) >= uint64(len(tx.Out)) {
			return nil, refuse("sign_input", "input %d spends output %d of %s, which has %d", n, i.Prev.Index, i.Prev.TxID, len(tx.Out))
		}
		if o := tx.Out[i.Prev.Index]; o.Value != prev[n].Value || !bytes.Equal(o.Script, prev[n].Script) {
			return nil, refuse("sign_input", "input %d is said to hold %d, and its transaction %s says %d: the amount of a coin is never believed, only proved",
				n, prev[n].Value, i.Prev.TxID, o.Value)
		}
	}
	return unproved, nil
}

func (u *utxo) outputs(in signer.Intent) error {
	outputs := in.Outputs
	if in.Cancel {
		outputs = nil
	}
	for n, o := range outputs {
		if bitcoin.KindOf(o.To) == bitcoin.Other {
			return refuse("sign_recipient", "output %d pays a script that no address stands for", n)
		}
		if err := u.output(o); err != nil {
			return err
		}
	}
	if !in.Change.Amount.IsZero() {
		if !bytes.Equal(in.Change.To, u.own) {
			return refuse("sign_change", "the change does not go back to %s", in.Wallet)
		}
		if err := u.output(in.Change); err != nil {
			return err
		}
	}
	if len(u.tx.Out) == 0 {
		return refuse("sign_recipient", "the intent pays nobody")
	}
	if _, err := in.MaxFee(); err != nil {
		return refuse("sign_amount", "the outputs are worth more than the inputs")
	}
	if size := u.tx.Size(); size > maxSize {
		return refuse("sign_size", "the transaction has %d virtual bytes, more than nodes pass on", size)
	}
	return nil
}

func (u *utxo) output(o signer.Output) error {
	value, err := satoshi(o.Amount)
	if err != nil {
		return err
	}
	if least := u.chain.Dust(o.To); value < least {
		return refuse("sign_amount", "an output holds %d, less than the %d that the network passes on", value, least)
	}
	if len(o.Token) > 0 {
		return refuse("sign_token", "a coin chain has no tokens")
	}
	u.tx.Out = append(u.tx.Out, bitcoin.Out{Value: value, Script: o.To})
	return nil
}

// finish puts the signatures in, and makes sure that each opens its coin.
func (u *utxo) finish(digests []bitcoin.Digest, signatures [][]byte) (signer.Signed, error) {
	bad := func(n int) (signer.Signed, error) {
		return signer.Signed{}, fault.New(fault.Internal, "sign_failed", "The signature of input %d is not by the key of the wallet", n)
	}
	if len(signatures) != len(digests) {
		return bad(len(signatures))
	}
	for n, sig := range signatures {
		if digests[n].Schnorr {
			key, err := schnorr.ParsePubKey(u.own[2:])
			got, sigErr := schnorr.ParseSignature(sig)
			if err != nil || sigErr != nil || !got.Verify(digests[n].Hash[:], key) {
				return bad(n)
			}
			u.tx.In[n].Witness = [][]byte{sig}
			continue
		}
		who, err := curve.Recover(sig, digests[n].Hash)
		if err != nil || !bytes.Equal(who, u.public) {
			return bad(n)
		}
		var r, s secp256k1.ModNScalar
		r.SetByteSlice(sig[:32])
		s.SetByteSlice(sig[32:64])
		der := ecdsa.NewSignature(&r, &s).Serialize()
		u.tx.In[n].Witness = [][]byte{append(der, bitcoin.SigHashAll), u.public}
	}
	return signer.Signed{TxID: u.tx.ID().String(), Raw: u.tx.Bytes()}, nil
}

// satoshi is an amount in the smallest unit of a coin, which fits 64 bits.
func satoshi(a money.Amount) (uint64, error) {
	if money.Of(bitcoin.MaxMoney).Less(a) {
		return 0, refuse("sign_amount", "%s is more than there are coins", a)
	}
	out, _ := a.Uint64()
	return out, nil
}
