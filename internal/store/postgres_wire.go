package store

import (
	"encoding/binary"
	"fmt"

	"sluice/internal/id"
	"sluice/internal/money"
)

// The binary forms of PostgreSQL that the write path speaks: one array per column,
// so that a statement takes a whole batch (src/backend/utils/adt/arrayfuncs.c,
// array_recv, and numeric.c, numeric_recv). Amounts come back as text.

// pgType is how a kind is declared in PostgreSQL.
type pgType struct {
	name string
	oid  uint32 // of one element, from pg_type.dat
}

var pgTypes = map[kind]pgType{
	kindInt:    {"bigint", 20},
	kindTime:   {"bigint", 20},
	kindText:   {"text", 25},
	kindBytes:  {"bytea", 17},
	kindBool:   {"boolean", 16},
	kindAmount: {"numeric", 1700},
}

// arrayHeader is what stands before the elements: dimensions, NULL flag, element
// type, length, lower bound.
const arrayHeader = 20

// columnBuffer collects one column of a batch. It is reused from batch to batch.
type columnBuffer struct {
	kind kind
	oid  uint32
	n    uint32
	buf  []byte
}

func newColumnBuffer(k kind) columnBuffer { return columnBuffer{kind: k, oid: pgTypes[k].oid} }

func (c *columnBuffer) reset() {
	c.n = 0
	if cap(c.buf) < arrayHeader {
		c.buf = make([]byte, arrayHeader, 4096)
	}
	c.buf = c.buf[:arrayHeader]
}

// array gives the finished array. It is valid until the next reset.
func (c *columnBuffer) array() []byte {
	h := c.buf[:0]
	h = binary.BigEndian.AppendUint32(h, 1)
	h = binary.BigEndian.AppendUint32(h, 0)
	h = binary.BigEndian.AppendUint32(h, c.oid)
	h = binary.BigEndian.AppendUint32(h, c.n)
	binary.BigEndian.AppendUint32(h, 1)
	return c.buf
}

func (c *columnBuffer) addInt(n int64) {
	c.n++
	c.buf = binary.BigEndian.AppendUint32(c.buf, 8)
	c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(n)) //nolint:gosec // two's complement is the wire form
}

func (c *columnBuffer) add(p any) {
	switch c.kind {
	case kindInt, kindTime:
		c.addInt(integer(p))
	case kindText:
		s := characters(p)
		c.n++
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(s))) //nolint:gosec // PostgreSQL refuses more than 1 GB
		c.buf = append(c.buf, s...)
	case kindBytes:
		b := octets(p)
		c.n++
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(b))) //nolint:gosec // as above
		c.buf = append(c.buf, b...)
	case kindBool:
		c.n++
		c.buf = binary.BigEndian.AppendUint32(c.buf, 1)
		c.buf = append(c.buf, byte(integer(p)&1))
	case kindAmount:
		c.n++
		c.buf = appendNumeric(c.buf, digits(p))
	}
}

// appendNumeric writes digits as a NUMERIC with its length before it: groups of
// four decimal digits, most significant first.
func appendNumeric(buf []byte, digits string) []byte {
	groups := (len(digits) + 3) / 4
	if digits == "0" {
		groups = 0
	}
	buf = binary.BigEndian.AppendUint32(buf, uint32(8+2*groups))
	buf = binary.BigEndian.AppendUint16(buf, uint16(groups))
	buf = binary.BigEndian.AppendUint16(buf, uint16(groups-1)) //nolint:gosec // weight of the first group; -1 for zero is what numeric_send writes, too
	buf = append(buf, 0, 0, 0, 0)                              // sign +, no decimals
	if groups == 0 {
		return buf
	}
	first := len(digits) - 4*(groups-1)
	for from, to := 0, first; from < len(digits); from, to = to, to+4 {
		var g uint16
		for _, d := range []byte(digits[from:to]) {
			g = g*10 + uint16(d-'0')
		}
		buf = binary.BigEndian.AppendUint16(buf, g)
	}
	return buf
}

// fromPostgres puts a column of a result into a field: binary, amounts as text.
func fromPostgres(p any, raw []byte) error {
	switch x := p.(type) {
	case *string:
		*x = string(raw)
		return nil
	case *money.Amount:
		return setText(p, string(raw))
	case *[]byte, *rawText:
		return setOctets(p, raw)
	case *int64:
		return pgInteger(p, raw)
	case *id.Seq:
		return pgInteger(p, raw)
	}
	return pgInteger(p, raw)
}

func pgInteger(p any, raw []byte) error {
	switch len(raw) {
	case 8:
		return setInteger(p, int64(binary.BigEndian.Uint64(raw))) //nolint:gosec // two's complement is the wire form
	case 4:
		return setInteger(p, int64(int32(binary.BigEndian.Uint32(raw)))) //nolint:gosec // as above
	case 2:
		return setInteger(p, int64(int16(binary.BigEndian.Uint16(raw)))) //nolint:gosec // as above
	case 1:
		return setInteger(p, int64(raw[0]))
	}
	return fmt.Errorf("store: %d bytes for a %T", len(raw), p)
}
