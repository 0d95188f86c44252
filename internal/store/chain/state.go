package chain

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"

	"sluice/internal/id"
)

// Sum is a sum of keyed hashes modulo 2^128.
type Sum struct{ hi, lo uint64 }

// Add adds the hash of a row.
func (s *Sum) Add(h Sum) {
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, h.lo, 0)
	s.hi, _ = bits.Add64(s.hi, h.hi, carry)
}

// Sub takes the hash of a row away.
func (s *Sum) Sub(h Sum) {
	var borrow uint64
	s.lo, borrow = bits.Sub64(s.lo, h.lo, 0)
	s.hi, _ = bits.Sub64(s.hi, h.hi, borrow)
}

// Head is the hash over the rows of a log, from the first one to one of them.
type Head [sha256.Size]byte

// String writes the head in hex.
func (h Head) String() string { return hex.EncodeToString(h[:]) }

// Part is the state of one table or log: how many rows it has, and the Sum of a table
// or the Head of a log.
type Part struct {
	Rows int64
	Sum  Sum
	Head Head
}

// code stands for a table or log in a state: the first bytes of the hash of its name.
type code uint32

// Layout says which tables and logs the states of a program cover. Tables may be added
// later: one that a state does not know had no rows then.
type Layout struct {
	names []string
	codes []code
	logs  []bool
	order []int // by code: states are written in this order
}

// NewLayout makes a layout. logs tells which of the names are logs. Names are never
// used again for something else.
func NewLayout(names []string, logs []bool) *Layout {
	l := &Layout{names: names, logs: logs}
	for i, n := range names {
		h := sha256.Sum256([]byte(n))
		l.codes, l.order = append(l.codes, code(binary.BigEndian.Uint32(h[:4]))), append(l.order, i)
	}
	slices.SortFunc(l.order, func(a, b int) int { return cmp.Compare(l.codes[a], l.codes[b]) })
	for i := range l.order[1:] {
		if l.codes[l.order[i]] == l.codes[l.order[i+1]] {
			panic("chain: " + names[l.order[i]] + " and " + names[l.order[i+1]] + " have one code: name one of them otherwise")
		}
	}
	return l
}

// Place is where the row of a shard stands. It is authenticated with the state.
type Place struct {
	Shard     id.Shard
	LastSeq   id.Seq
	LastEvent int64
	Version   int64
}

// Begin tells of the start of a chain: what was there before was taken as it was.
type Begin struct {
	ID [16]byte // random: no two chains have one
	At int64    // microseconds since 1970
	Place
}

// NewBegin is the start of a chain.
func NewBegin(at int64, p Place) Begin {
	b := Begin{At: at, Place: p}
	_, _ = rand.Read(b.ID[:]) // never fails (crypto/rand)
	return b
}

// State is what is known of the rows of a shard. Parts stand in the order of the layout.
type State struct {
	Begin Begin
	Flags uint64 // meaning is the caller's
	Parts []Part
}

// NewState is the state of a shard without rows.
func (l *Layout) NewState(b Begin) *State { return &State{Begin: b, Parts: make([]Part, len(l.names))} }

// Clone copies the state into another one, which may be used again and again.
func (s *State) Clone(into *State) *State {
	into.Begin, into.Flags, into.Parts = s.Begin, s.Flags, append(into.Parts[:0], s.Parts...)
	return into
}

// stateVersion begins every sealed state.
const stateVersion = 1

// headSize is what stands before what is encrypted: version, key, nonce.
const headSize = 1 + 8 + chacha20poly1305.NonceSizeX

// Seal encrypts and authenticates a state for its place.
func (k *Key) Seal(l *Layout, p Place, s *State) []byte {
	aead, err := chacha20poly1305.NewX(k.seal[:])
	if err != nil {
		panic(err) // the length is a constant
	}
	plain := l.encode(make([]byte, 0, 2048), s)
	out := make([]byte, headSize, headSize+len(plain)+chacha20poly1305.Overhead)
	out[0] = stateVersion
	copy(out[1:], k.id[:])
	_, _ = rand.Read(out[9:headSize]) // never fails (crypto/rand)
	return aead.Seal(out, out[9:headSize], plain, p.append(nil))
}

// Open reads what Seal wrote for the same place. The errors match ErrOtherKey and ErrAltered.
func (k *Key) Open(l *Layout, p Place, sealed []byte) (*State, error) {
	if err := k.Mine(sealed); err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(k.seal[:])
	if err != nil {
		panic(err) // the length is a constant
	}
	plain, err := aead.Open(nil, sealed[9:headSize], sealed[headSize:], p.append(nil))
	if err != nil {
		return nil, ErrAltered
	}
	return l.decode(plain)
}

// Mine tells whether a sealed state names this key: nil, or what Open would say. It
// proves nothing: only Open does.
func (k *Key) Mine(sealed []byte) error {
	if len(sealed) < headSize+chacha20poly1305.Overhead || sealed[0] != stateVersion {
		return ErrAltered
	}
	if by := sealed[1:9]; [8]byte(by) != k.id {
		return fmt.Errorf("%w: %x, and this one is %x", ErrOtherKey, by, k.id)
	}
	return nil
}

// append writes a place.
func (p Place) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(p.Shard))
	for _, n := range [...]int64{int64(p.LastSeq), p.LastEvent, p.Version} {
		b = binary.BigEndian.AppendUint64(b, uint64(n)) //nolint:gosec // two's complement; decode reads it back
	}
	return b
}

// encode writes a state in its one form. Parts without rows are left out.
func (l *Layout) encode(b []byte, s *State) []byte {
	b = append(b, s.Begin.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Begin.At)) //nolint:gosec // two's complement; decode reads it back
	b = s.Begin.append(b)
	b = binary.BigEndian.AppendUint64(b, s.Flags)
	for _, i := range l.order {
		p := &s.Parts[i]
		if *p == (Part{}) {
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(l.codes[i]))
		b = binary.AppendVarint(b, p.Rows)
		if l.logs[i] {
			b = append(b, p.Head[:]...)
			continue
		}
		b = binary.BigEndian.AppendUint64(b, p.Sum.hi)
		b = binary.BigEndian.AppendUint64(b, p.Sum.lo)
	}
	return b
}

// decode reads what encode wrote. What it reads was authenticated: an error means that
// another program wrote it.
func (l *Layout) decode(b []byte) (*State, error) {
	const fixed = 16 + 8 + 26 + 8
	if len(b) < fixed {
		return nil, errLayout
	}
	s := l.NewState(Begin{ID: [16]byte(b[:16])})
	number := func(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) } //nolint:gosec // two's complement
	s.Begin.At = number(16)
	s.Begin.Place = Place{id.Shard(binary.BigEndian.Uint16(b[24:])), id.Seq(number(26)), number(34), number(42)}
	s.Flags = binary.BigEndian.Uint64(b[50:])
	for b = b[fixed:]; len(b) > 0; {
		if len(b) < 5 {
			return nil, errLayout
		}
		i := slices.Index(l.codes, code(binary.BigEndian.Uint32(b)))
		rows, n := binary.Varint(b[4:])
		if i < 0 || n <= 0 {
			return nil, errLayout
		}
		p := &s.Parts[i]
		p.Rows, b = rows, b[4+n:]
		switch {
		case l.logs[i] && len(b) >= sha256.Size:
			p.Head, b = Head(b[:sha256.Size]), b[sha256.Size:]
		case !l.logs[i] && len(b) >= 16:
			p.Sum, b = Sum{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, b[16:]
		default:
			return nil, errLayout
		}
	}
	return s, nil
}

// errLayout says that a state covers something that this program does not know.
var errLayout = fmt.Errorf("the state of the chain was written by another version of the program")

// Digest is the hash of a whole state: two states with one digest are the same.
func (l *Layout) Digest(s *State) Head {
	return sha256.Sum256(l.encode([]byte("sluice chain digest 1\n"), s))
}
