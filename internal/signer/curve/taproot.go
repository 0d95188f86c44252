package curve

import (
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"sluice/internal/rail/utxo/bitcoin"
)

// tweak is what BIP 341 adds to a key whose output has no scripts (BIP 86): it depends
// on the 32 bytes of its x.
func tweak(x []byte) *secp256k1.ModNScalar {
	sum := bitcoin.TaggedHash("TapTweak", x)
	var t secp256k1.ModNScalar
	t.SetByteSlice(sum[:])
	return &t
}

// TaprootKey gives the 32 bytes of the output key of a public key (33 bytes).
func TaprootKey(public []byte) ([]byte, error) {
	key, err := secp256k1.ParsePubKey(public)
	if err != nil {
		return nil, fmt.Errorf("no public key of secp256k1: %w", err)
	}
	x := schnorr.SerializePubKey(key)
	even, err := schnorr.ParsePubKey(x) // of the two points with this x the one with even y
	if err != nil {
		return nil, err
	}
	var p, t, sum secp256k1.JacobianPoint
	even.AsJacobian(&p)
	secp256k1.ScalarBaseMultNonConst(tweak(x), &t)
	secp256k1.AddNonConst(&p, &t, &sum)
	sum.ToAffine()
	return schnorr.SerializePubKey(secp256k1.NewPublicKey(&sum.X, &sum.Y)), nil
}

// SignTaproot signs a hash with the output key of a private key (BIP 340): 64 bytes.
// The same key and hash give the same signature every time.
func SignTaproot(key *secp256k1.PrivateKey, hash [32]byte) ([]byte, error) {
	public := key.PubKey()
	d := key.Key
	if public.SerializeCompressed()[0] == secp256k1.PubKeyFormatCompressedOdd {
		d.Negate()
	}
	d.Add(tweak(schnorr.SerializePubKey(public)))
	sig, err := schnorr.Sign(secp256k1.NewPrivateKey(&d), hash[:])
	d.Zero()
	if err != nil {
		return nil, err
	}
	return sig.Serialize(), nil
}
