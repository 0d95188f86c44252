package bitcoin

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Digest is what a key signs for one input.
type Digest struct {
	Hash [32]byte
	// Schnorr asks for a BIP 340 signature by the key as BIP 341 tweaks it; without it
	// an ECDSA signature is wanted.
	Schnorr bool
}

// SigHashAll is the type byte behind an ECDSA signature: everything is signed.
const SigHashAll = 1

// Digests gives what is signed for each input of a transaction that spends prev, in
// order: BIP 143 for P2WPKH, BIP 341 for P2TR by its key. Both sign everything.
func (t *Tx) Digests(prev []Out) ([]Digest, error) {
	if len(prev) != len(t.In) {
		return nil, fmt.Errorf("%d inputs spend %d outputs", len(t.In), len(prev))
	}
	p := t.parts(prev)
	out := make([]Digest, len(t.In))
	for i, in := range t.In {
		switch KindOf(prev[i].Script) {
		case P2WPKH:
			out[i].Hash = p.witness(t, in, prev[i])
		case P2TR:
			out[i] = Digest{Hash: p.taproot(t, uint32(i)), Schnorr: true}
		case Other, P2PKH, P2SH, P2WSH:
			return nil, fmt.Errorf("input %d spends a script that no key of ours opens", i)
		}
	}
	return out, nil
}

// parts are the pieces of a transaction that its digests are made of.
type parts struct{ outpoints, sequences, outputs, amounts, scripts []byte }

func (t *Tx) parts(prev []Out) parts {
	var p parts
	le := binary.LittleEndian
	for i, in := range t.In {
		p.outpoints = in.Prev.write(p.outpoints)
		p.sequences = le.AppendUint32(p.sequences, in.Sequence)
		p.amounts = le.AppendUint64(p.amounts, prev[i].Value)
		p.scripts = appendBytes(p.scripts, prev[i].Script)
	}
	for _, o := range t.Out {
		p.outputs = o.write(p.outputs)
	}
	return p
}

func (p parts) witness(t *Tx, in In, prev Out) [32]byte {
	le := binary.LittleEndian
	part := func(b, v []byte) []byte { h := DoubleHash(v); return append(b, h[:]...) }
	b := le.AppendUint32(nil, t.Version)
	b = part(b, p.outpoints)
	b = part(b, p.sequences)
	b = in.Prev.write(b)
	code := append(append([]byte{opDup, opHash160, 20}, prev.Script[2:]...), opEqualVerify, opCheckSig)
	b = appendBytes(b, code)
	b = le.AppendUint64(b, prev.Value)
	b = le.AppendUint32(b, in.Sequence)
	b = part(b, p.outputs)
	b = le.AppendUint32(b, t.LockTime)
	return DoubleHash(le.AppendUint32(b, SigHashAll))
}

func (p parts) taproot(t *Tx, index uint32) [32]byte {
	le := binary.LittleEndian
	b := []byte{0, 0} // epoch; the default type, which signs everything
	b = le.AppendUint32(b, t.Version)
	b = le.AppendUint32(b, t.LockTime)
	for _, v := range [][]byte{p.outpoints, p.amounts, p.scripts, p.sequences, p.outputs} {
		h := sha256.Sum256(v)
		b = append(b, h[:]...)
	}
	b = append(b, 0) // by the key, without an annex
	return TaggedHash("TapSighash", le.AppendUint32(b, index))
}

// TaggedHash is the hash of BIP 340.
func TaggedHash(tag string, parts ...[]byte) [32]byte {
	name := sha256.Sum256([]byte(tag))
	h := sha256.New()
	h.Write(name[:])
	h.Write(name[:])
	for _, p := range parts {
		h.Write(p)
	}
	return [32]byte(h.Sum(nil))
}
