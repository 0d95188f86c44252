// Package curve has what every place of keys needs of secp256k1: signatures in the one
// form that Sluice uses, whoever made them and however they were written. That form is
// r and s (32 bytes each, s the lower of its two values) and the recovery id, 65 bytes.
package curve

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// Size is the length of a signature.
const Size = 65

// compactBase is what SignCompact adds to the recovery id, and 4 more for a compressed key.
const compactBase = 27 + 4

// Compress gives the 33 bytes of a public key that is written in 33 or 65 bytes, if it
// is on the curve.
func Compress(public []byte) ([]byte, error) {
	key, err := secp256k1.ParsePubKey(public)
	if err != nil {
		return nil, fmt.Errorf("no public key of secp256k1: %w", err)
	}
	return key.SerializeCompressed(), nil
}

// Sign signs a hash with a private key of 32 bytes. The same key and hash give the
// same signature every time (RFC 6979).
func Sign(key *secp256k1.PrivateKey, hash [32]byte) []byte {
	c := ecdsa.SignCompact(key, hash[:], true)
	return append(c[1:Size:Size], c[0]-compactBase)
}

// Recover gives the compressed public key that made a signature.
func Recover(signature []byte, hash [32]byte) ([]byte, error) {
	if len(signature) != Size || signature[Size-1] > 1 {
		return nil, errors.New("a signature is 64 bytes and a recovery id of 0 or 1")
	}
	key, _, err := ecdsa.RecoverCompact(append([]byte{signature[Size-1] + compactBase}, signature[:Size-1]...), hash[:])
	if err != nil {
		return nil, fmt.Errorf("no signature: %w", err)
	}
	return key.SerializeCompressed(), nil
}

// FromDER brings a signature in ASN.1 form, as key services answer it, into ours.
func FromDER(der []byte, public []byte, hash [32]byte) ([]byte, error) {
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &v); err != nil || len(rest) > 0 || v.R.Sign() <= 0 || v.S.Sign() <= 0 {
		return nil, errors.New("the signature is not in ASN.1 form")
	}
	return complete(v.R, v.S, public, hash)
}

// FromRaw brings r and s in 32 bytes each, as hardware modules answer them, into ours.
func FromRaw(raw []byte, public []byte, hash [32]byte) ([]byte, error) {
	if len(raw) != Size-1 {
		return nil, errors.New("the signature has not 64 bytes")
	}
	return complete(new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:]), public, hash)
}

// complete lowers s, since networks take no other, and finds the recovery id by trying
// both. A signature by another key has none.
func complete(r, s *big.Int, public []byte, hash [32]byte) ([]byte, error) {
	order := secp256k1.Params().N
	if r.Cmp(order) >= 0 || s.Cmp(order) >= 0 {
		return nil, errors.New("the signature is out of range")
	}
	if s.Cmp(new(big.Int).Rsh(order, 1)) > 0 {
		s = new(big.Int).Sub(order, s)
	}
	out := make([]byte, Size)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:64])
	for id := range byte(2) {
		out[Size-1] = id
		if who, err := Recover(out, hash); err == nil && string(who) == string(public) {
			return out, nil
		}
	}
	return nil, errors.New("the signature was made by another key")
}
