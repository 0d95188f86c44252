package bitcoin

import (
	"encoding/binary"
	"errors"
)

// reader takes bytes that somebody else wrote. After the first thing that is not
// there it gives only zeros, and failed is set.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) take(n uint64) []byte {
	if r.failed || n > uint64(len(r.b)) {
		r.failed = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) variable() uint64 {
	switch first := r.u8(); first {
	case 0xfd:
		if b := r.take(2); b != nil {
			return uint64(binary.LittleEndian.Uint16(b))
		}
		return 0
	case 0xfe:
		return uint64(r.u32())
	case 0xff:
		return r.u64()
	default:
		return uint64(first)
	}
}

// count is a number of things that take at least size bytes each.
func (r *reader) count(size uint64) uint64 {
	n := r.variable()
	if n > uint64(len(r.b))/size {
		r.failed = true
		return 0
	}
	return n
}

func (r *reader) bytes() []byte { return r.take(r.variable()) }

func (r *reader) hash() (h Hash) {
	copy(h[:], r.take(32))
	return h
}

// Flags that may stand behind the marker of a transaction.
const (
	flagWitness = 1
	flagMWEB    = 8 // Litecoin: something of the extension block follows the witness
)

func (r *reader) tx() (t Tx) {
	t.Version = r.u32()
	var flags byte
	if len(r.b) > 1 && r.b[0] == 0 && r.b[1] != 0 {
		r.u8()
		flags = r.u8()
		if flags&^(flagWitness|flagMWEB) != 0 {
			r.failed = true
		}
	}
	for range r.count(41) {
		t.In = append(t.In, In{Prev: Outpoint{r.hash(), r.u32()}, Script: r.bytes(), Sequence: r.u32()})
	}
	for range r.count(9) {
		t.Out = append(t.Out, Out{Value: r.u64(), Script: r.bytes()})
	}
	if flags&flagWitness != 0 {
		for i := range t.In {
			for range r.count(1) {
				t.In[i].Witness = append(t.In[i].Witness, r.bytes())
			}
		}
	}
	// In blocks only the transaction that settles the extension block has it, and
	// there it is empty.
	if flags&flagMWEB != 0 && r.u8() != 0 {
		r.failed = true
	}
	t.LockTime = r.u32()
	return t
}

// ParseTx reads exactly one transaction.
func ParseTx(b []byte) (*Tx, error) {
	r := reader{b: b}
	t := r.tx()
	if r.failed || len(r.b) > 0 || len(t.In) == 0 {
		return nil, errors.New("these bytes are not a transaction")
	}
	return &t, nil
}

// Block is a block with its transactions.
type Block struct {
	ID   Hash
	Prev Hash
	Txs  []Tx
	IDs  []Hash // of Txs
}

// ParseBlock reads a block and makes sure that the transactions are those that its
// header commits to. What may follow them (an extension block) is not looked at.
func ParseBlock(b []byte) (*Block, error) {
	r := reader{b: b}
	header := reader{b: r.take(80)}
	var out Block
	header.u32()
	out.Prev = header.hash()
	root := header.hash()
	n := r.count(60)
	for range n {
		if r.failed {
			break
		}
		t := r.tx()
		out.Txs = append(out.Txs, t)
		out.IDs = append(out.IDs, t.ID())
	}
	if r.failed || n == 0 {
		return nil, errors.New("these bytes are not a block")
	}
	if merkle(out.IDs) != root {
		return nil, errors.New("the transactions of the block are not those of its header")
	}
	out.ID = DoubleHash(b[:80])
	return &out, nil
}

func merkle(ids []Hash) Hash {
	level := append([]Hash(nil), ids...)
	for len(level) > 1 {
		// A list whose end is repeated has the same root as one without the repetition.
		for i := 0; i+1 < len(level); i += 2 {
			if level[i] == level[i+1] {
				return Hash{}
			}
		}
		if len(level)%2 == 1 {
			level = append(level, level[len(level)-1])
		}
		for i := range len(level) / 2 {
			level[i] = DoubleHash(append(append([]byte(nil), level[2*i][:]...), level[2*i+1][:]...))
		}
		level = level[:len(level)/2]
	}
	return level[0]
}
