package chain

import (
	"encoding/binary"
	"time"

	"sluice/internal/id"
	"sluice/internal/money"
)

// Record is what a mark is made of: values in a fixed order, each with its length, so
// that no two records have one form.
type Record []byte

// recordRoom is enough for most records, so that they are made without moving.
const recordRoom = 512

// NewRecord begins the record of a row. kind names what it is of, with a version.
func NewRecord(kind string, shard id.Shard, seq id.Seq) Record {
	return make(Record, 0, recordRoom).Texts(kind).Ints(int64(shard), int64(seq))
}

// Texts adds texts.
func (r Record) Texts(all ...string) Record {
	for _, s := range all {
		r = append(binary.AppendUvarint(r, uint64(len(s))), s...)
	}
	return r
}

// Bytes adds a byte string.
func (r Record) Bytes(b []byte) Record {
	return append(binary.AppendUvarint(r, uint64(len(b))), b...)
}

// Ints adds whole numbers.
func (r Record) Ints(all ...int64) Record {
	for _, n := range all {
		r = binary.AppendVarint(r, n)
	}
	return r
}

// Bools adds truth values.
func (r Record) Bools(all ...bool) Record {
	for _, b := range all {
		n := byte(0)
		if b {
			n = 1
		}
		r = append(r, n)
	}
	return r
}

// Amounts adds amounts.
func (r Record) Amounts(all ...money.Amount) Record {
	for _, a := range all {
		b := a.Bytes32()
		r = append(r, b[:]...)
	}
	return r
}

// Times adds times, to the microsecond, which is what stores keep.
func (r Record) Times(all ...time.Time) Record {
	for _, t := range all {
		n := int64(0)
		if !t.IsZero() {
			n = t.UnixMicro()
		}
		r = r.Ints(n)
	}
	return r
}
