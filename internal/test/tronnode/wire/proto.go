// Package wire is TRON's binary form as a node reads and writes it: addresses,
// transactions, blocks and signatures. It is written from the published message
// definitions for the stand-in node alone, and shares no code with the rail that the
// node is there to test.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrMalformed says that bytes are no protocol buffer message of the wanted kind.
var ErrMalformed = errors.New("malformed protocol buffer")

// Wire types of protocol buffers.
const (
	typeVarint  = 0
	typeFixed64 = 1
	typeBytes   = 2
	typeFixed32 = 5
)

// field is one field of a message as it stands in the bytes.
type field struct {
	number int
	kind   int
	value  uint64 // of a varint
	bytes  []byte // of a length-delimited field, not copied
}

// int32 cuts a varint as a decoder of 32-bit numbers and enums does.
func (f field) int32() int32 { return int32(uint32(f.value)) }

func (f field) int64() int64 { return int64(f.value) }

// eachField calls visit for every field of data, in the order of the bytes. Overlong
// varints are read as they are; groups, which no message of TRON has, are refused.
func eachField(data []byte, visit func(field) error) error {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return fmt.Errorf("%w: tag", ErrMalformed)
		}
		data = data[n:]
		f := field{number: int(uint32(tag) >> 3), kind: int(tag & 7)}
		if f.number == 0 {
			return fmt.Errorf("%w: field number 0", ErrMalformed)
		}
		rest, err := f.read(data)
		if err != nil {
			return err
		}
		data = rest
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// read takes the value of the field from the start of data and returns the rest.
func (f *field) read(data []byte) ([]byte, error) {
	switch f.kind {
	case typeVarint:
		value, n := binary.Uvarint(data)
		if n <= 0 {
			return nil, fmt.Errorf("%w: varint of field %d", ErrMalformed, f.number)
		}
		f.value = value
		return data[n:], nil
	case typeBytes:
		size, n := binary.Uvarint(data)
		if n <= 0 || size > uint64(len(data)-n) {
			return nil, fmt.Errorf("%w: length of field %d", ErrMalformed, f.number)
		}
		f.bytes = data[n : n+int(size)]
		return data[n+int(size):], nil
	case typeFixed32, typeFixed64:
		size := 4
		if f.kind == typeFixed64 {
			size = 8
		}
		if len(data) < size {
			return nil, fmt.Errorf("%w: field %d", ErrMalformed, f.number)
		}
		return data[size:], nil
	default:
		return nil, fmt.Errorf("%w: wire type %d of field %d", ErrMalformed, f.kind, f.number)
	}
}

// text is the value of a string field, which must be UTF-8.
func (f field) text() (string, error) {
	if !utf8.Valid(f.bytes) {
		return "", fmt.Errorf("%w: field %d is not UTF-8", ErrMalformed, f.number)
	}
	return string(f.bytes), nil
}

// appendInt writes a number, or nothing for 0. Negative numbers take ten bytes.
func appendInt(out []byte, number int, value int64) []byte {
	if value == 0 {
		return out
	}
	out = binary.AppendUvarint(out, uint64(number)<<3|typeVarint)
	return binary.AppendUvarint(out, uint64(value))
}

// appendBytes writes a length-delimited field, or nothing for an empty one.
func appendBytes(out []byte, number int, value []byte) []byte {
	if len(value) == 0 {
		return out
	}
	return appendMessage(out, number, value)
}

// appendMessage writes a length-delimited field even when it is empty: a message that
// is present, or an element of a repeated field.
func appendMessage(out []byte, number int, value []byte) []byte {
	out = binary.AppendUvarint(out, uint64(number)<<3|typeBytes)
	out = binary.AppendUvarint(out, uint64(len(value)))
	return append(out, value...)
}
