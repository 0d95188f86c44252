package store

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"sluice/internal/id"
	"sluice/internal/money"
	"sluice/internal/store/chain"
)

// canon is how the rows of a table are written for hashing: the same on every engine,
// whatever the order of the columns, and with columns that are empty left out, so that
// a row stays what it was when a migration adds one.
type canon struct {
	table []byte // its name with the length before it
	order []int  // columns by name
	names [][3]byte
}

// newCanon makes the form of a table. A column is written as two bytes of the hash of
// its name, and its kind: no two of a table may have the same.
func newCanon(m *meta) *canon {
	c := &canon{table: sized(nil, m.name), names: make([][3]byte, len(m.cols))}
	seen := map[[3]byte]string{}
	for i, col := range m.cols {
		h := sha256.Sum256([]byte(col.name))
		tag := [3]byte{h[0], h[1], byte(col.kind)}
		if other, taken := seen[tag]; taken {
			panic("store: " + m.name + "." + col.name + " and " + other + " have one tag: name one of them otherwise")
		}
		seen[tag] = col.name
		c.order, c.names[i] = append(c.order, i), tag
	}
	slices.SortFunc(c.order, func(a, b int) int { return cmp.Compare(m.cols[a].name, m.cols[b].name) })
	return c
}

func sized(b []byte, s string) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }

// row writes a row into buf behind chain.Room bytes, over what is there.
func (m *meta) row(buf []byte, shard id.Shard, fields []any) []byte {
	c := m.form
	b := binary.BigEndian.AppendUint16(append(append(buf[:0], make([]byte, chain.Room)...), c.table...), uint16(shard))
	for _, i := range c.order {
		switch m.cols[i].kind {
		case kindInt, kindBool, kindTime:
			if n := integer(fields[i]); n != 0 {
				b = binary.AppendVarint(append(b, c.names[i][:]...), n)
			}
		case kindText:
			if s := characters(fields[i]); s != "" {
				b = sized(append(b, c.names[i][:]...), s)
			}
		case kindBytes:
			if raw := octets(fields[i]); len(raw) > 0 {
				b = append(binary.AppendUvarint(append(b, c.names[i][:]...), uint64(len(raw))), raw...)
			}
		case kindAmount:
			if a, ok := fields[i].(*money.Amount); ok && !a.IsZero() {
				wide := a.Bytes32()
				short := wide[slices.IndexFunc(wide[:], func(x byte) bool { return x != 0 }):]
				b = append(append(append(b, c.names[i][:]...), byte(len(short))), short...) //nolint:gosec // at most 32
			}
		}
	}
	return b
}
