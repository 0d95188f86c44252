package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// SignatureSize is the length of a signature: r, s and v.
const SignatureSize = 65

// Ghost is the address of the empty key. java-tron computes it for a signature from which
// the point at infinity is recovered, so anybody can sign for it.
var Ghost = addressOfKey(nil)

func addressOfKey(uncompressed []byte) Address {
	hash := Keccak(uncompressed)
	return FromEVM([20]byte(hash[12:]))
}

// Key signs for an account.
type Key struct{ private *secp256k1.PrivateKey }

// KeyFromSeed returns the key that a name stands for: the same name, the same key. It is
// for tests only.
func KeyFromSeed(name string) Key {
	seed := sha256.Sum256([]byte("tronnode:" + name))
	return Key{secp256k1.PrivKeyFromBytes(seed[:])}
}

// KeyFromHex reads a private key of 64 digits.
func KeyFromHex(s string) (Key, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		return Key{}, errors.New("a private key has 64 hexadecimal digits")
	}
	return Key{secp256k1.PrivKeyFromBytes(b)}, nil
}

// Hex returns the private key, 64 digits.
func (k Key) Hex() string { return hex.EncodeToString(k.private.Serialize()) }

// Bytes returns the private key, 32 bytes.
func (k Key) Bytes() []byte { return k.private.Serialize() }

// Address returns the account of the key.
func (k Key) Address() Address {
	return addressOfKey(k.private.PubKey().SerializeUncompressed()[1:])
}

// Sign returns r, s and v (27 or 28) over a hash.
func (k Key) Sign(hash [32]byte) []byte {
	compact := ecdsa.SignCompact(k.private, hash[:], false) // v first
	return append(compact[1:], compact[0])
}

// Sign adds the signature of each key to the transaction.
func (tx *Transaction) Sign(keys ...Key) *Transaction {
	for _, k := range keys {
		tx.Signatures = append(tx.Signatures, k.Sign(tx.ID()))
	}
	return tx
}

// ErrSignature says that nobody can be recovered from a signature.
var ErrSignature = errors.New("no key can be recovered")

// Recover returns the address that signed hash. It takes what java-tron takes
// (TransactionCapsule.getBase64FromByteString, ECKey.signatureToKeyBytes): v of 0 to 7 or
// 27 to 34, high s, bytes after the 65th, and the point at infinity, which gives Ghost.
func Recover(hash [32]byte, sig []byte) (Address, error) {
	if len(sig) < SignatureSize {
		return Address{}, fmt.Errorf("signature size is %d", len(sig))
	}
	v := sig[64]
	if v < 27 {
		v += 27
	}
	if v < 27 || v > 34 {
		return Address{}, fmt.Errorf("header byte out of range: %d", v)
	}
	var r, s, z secp256k1.ModNScalar
	if r.SetByteSlice(sig[:32]) || s.SetByteSlice(sig[32:64]) || r.IsZero() || s.IsZero() {
		return Address{}, ErrSignature
	}
	z.SetByteSlice(hash[:])
	point, err := commitment(sig[:32], (v-27)&3)
	if err != nil {
		return Address{}, err
	}
	// Q = (s*R - z*G) / r
	var inverse, onG, onR secp256k1.ModNScalar
	inverse.InverseValNonConst(&r)
	onG.Mul2(&z, &inverse).Negate()
	onR.Mul2(&s, &inverse)
	var a, b, q secp256k1.JacobianPoint
	secp256k1.ScalarBaseMultNonConst(&onG, &a)
	secp256k1.ScalarMultNonConst(&onR, &point, &b)
	secp256k1.AddNonConst(&a, &b, &q)
	if q.Z.IsZero() || (q.X.IsZero() && q.Y.IsZero()) {
		return Ghost, nil
	}
	q.ToAffine()
	return addressOfKey(secp256k1.NewPublicKey(&q.X, &q.Y).SerializeUncompressed()[1:]), nil
}

// commitment is the point R of a signature: bit 0 of id is the parity of its y, bit 1 says
// that its x is r plus the order of the group.
func commitment(r []byte, id byte) (secp256k1.JacobianPoint, error) {
	var point secp256k1.JacobianPoint
	if point.X.SetByteSlice(r) {
		return point, ErrSignature
	}
	if id&2 != 0 {
		var order secp256k1.FieldVal
		if order.SetByteSlice(secp256k1.Params().N.Bytes()) {
			return point, ErrSignature
		}
		point.X.Add(&order).Normalize()
	}
	if !secp256k1.DecompressY(&point.X, id&1 == 1, &point.Y) {
		return point, ErrSignature
	}
	point.Y.Normalize()
	point.Z.SetInt(1)
	return point, nil
}
