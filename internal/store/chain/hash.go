package chain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Room is the space that Row and Next need before a row.
const Room = sha256.Size

// Row is the keyed hash of a row of a table. The row stands behind Room bytes, which are
// written over. It is SHA-256 over the key and the row with half of it left out, as
// Coron, Dodis, Malinaud and Puniya recommend ("Merkle-Damgård Revisited", CRYPTO 2005).
func (k *Key) Row(room []byte) Sum {
	copy(room[:Room], k.rows[:])
	h := sha256.Sum256(room)
	return Sum{binary.BigEndian.Uint64(h[:]), binary.BigEndian.Uint64(h[8:])}
}

// Next is the head of a log after one more row. The row stands behind Room bytes, which
// are written over.
func (h Head) Next(room []byte) Head {
	copy(room[:Room], h[:])
	return sha256.Sum256(room)
}

// MarkSize is the size of a mark in bytes.
const MarkSize = 16

// Marker makes and checks marks. It is for one goroutine.
type Marker struct {
	mac hash.Hash
	out [sha256.Size]byte
}

// NewMarker makes one.
func (k *Key) NewMarker() *Marker { return &Marker{mac: hmac.New(sha256.New, k.marks[:])} }

func (m *Marker) sum(record []byte) []byte {
	m.mac.Reset()
	_, _ = m.mac.Write(record) // a hash takes every write
	return m.mac.Sum(m.out[:0])[:MarkSize]
}

// Mark is the mark of one record: whoever does not have the key can neither make one
// nor tell which record it is of. It is kept beside the record.
func (m *Marker) Mark(record []byte) []byte {
	return append(make([]byte, 0, MarkSize), m.sum(record)...)
}

// Marked tells whether a mark is that of a record.
func (m *Marker) Marked(record, mark []byte) bool { return hmac.Equal(m.sum(record), mark) }
