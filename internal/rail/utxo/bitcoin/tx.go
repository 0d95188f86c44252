package bitcoin

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
)

// Hash is the id of a transaction or a block, in the order of bytes on the wire.
type Hash [32]byte

// String writes it as people see it: in reverse.
func (h Hash) String() string {
	slices.Reverse(h[:])
	return hex.EncodeToString(h[:])
}

// ParseHash reads what String writes.
func ParseHash(s string) (Hash, error) {
	var h Hash
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, errors.New("an id has 64 hex digits")
	}
	slices.Reverse(b)
	copy(h[:], b)
	return h, nil
}

// Outpoint names an output of a transaction.
type Outpoint struct {
	TxID  Hash
	Index uint32
}

// In spends an output.
type In struct {
	Prev     Outpoint
	Script   []byte
	Sequence uint32
	Witness  [][]byte
}

// Out holds coins under a script.
type Out struct {
	Value  uint64
	Script []byte
}

// Tx is a transaction.
type Tx struct {
	Version  uint32
	In       []In
	Out      []Out
	LockTime uint32
}

// ID is the hash without the witness: signing does not change it.
func (t *Tx) ID() Hash { return DoubleHash(t.Bare()) }

// Bare is the transaction without its witness: the bytes that ID is the hash of. They
// prove what its outputs hold.
func (t *Tx) Bare() []byte { return t.write(nil, false) }

// Bytes is the transaction as it travels.
func (t *Tx) Bytes() []byte { return t.write(nil, t.hasWitness()) }

// Size is its size in virtual bytes.
func (t *Tx) Size() uint64 {
	base, full := len(t.write(nil, false)), len(t.Bytes())
	return uint64(3*base+full+3) / 4
}

// Coinbase tells whether it makes new coins.
func (t *Tx) Coinbase() bool {
	return len(t.In) == 1 && t.In[0].Prev == Outpoint{Index: 1<<32 - 1}
}

func (t *Tx) hasWitness() bool {
	return slices.ContainsFunc(t.In, func(in In) bool { return len(in.Witness) > 0 })
}

func (t *Tx) write(b []byte, witness bool) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, t.Version)
	if witness {
		b = append(b, 0, 1)
	}
	b = appendVar(b, uint64(len(t.In)))
	for _, in := range t.In {
		b = in.Prev.write(b)
		b = appendBytes(b, in.Script)
		b = le.AppendUint32(b, in.Sequence)
	}
	b = appendVar(b, uint64(len(t.Out)))
	for _, o := range t.Out {
		b = o.write(b)
	}
	if witness {
		for _, in := range t.In {
			b = appendVar(b, uint64(len(in.Witness)))
			for _, item := range in.Witness {
				b = appendBytes(b, item)
			}
		}
	}
	return le.AppendUint32(b, t.LockTime)
}

func (o Outpoint) write(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(append(b, o.TxID[:]...), o.Index)
}

func (o Out) write(b []byte) []byte {
	return appendBytes(binary.LittleEndian.AppendUint64(b, o.Value), o.Script)
}

func appendBytes(b, v []byte) []byte { return append(appendVar(b, uint64(len(v))), v...) }

func appendVar(b []byte, n uint64) []byte {
	le := binary.LittleEndian
	switch {
	case n < 0xfd:
		return append(b, byte(n))
	case n <= 0xffff:
		return le.AppendUint16(append(b, 0xfd), uint16(n))
	case n <= 0xffffffff:
		return le.AppendUint32(append(b, 0xfe), uint32(n))
	default:
		return le.AppendUint64(append(b, 0xff), n)
	}
}

func varSize(n uint64) uint64 { return uint64(len(appendVar(nil, n))) }
