// Package id makes identifiers that carry their own address. An id is a shard and
// a sequence number inside it; the sequence number begins with the millisecond it
// was made in, so ids sort by time and are integer primary keys. Outside, an id is
// a prefix and a valid UUIDv7 (RFC 9562) in 32 hex digits: looking one up needs no
// index beyond the primary key.
package id

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Shard numbers a partition of all rows. Shard 0 is also the operator's shard.
type Shard uint16

// MaxShards is how many shards an id can name: 12 bits of a UUIDv7.
const MaxShards = 1 << 12

// countBits is the part of a Seq that counts within one millisecond.
const countBits = 20

// epochMS is 2020-01-01T00:00:00Z in Unix milliseconds. Counting from here keeps
// a Seq in 63 bits until the year 2298.
const epochMS = 1_577_836_800_000

// Seq is a row's number in its shard, unique over all kinds of rows. 0 is "none".
type Seq int64

// Next gives the number after last for a row made at t: time-ordered, and always
// larger than last even when the clock stands still or goes back.
func Next(last Seq, t time.Time) Seq {
	s := Seq(t.UnixMilli()-epochMS) << countBits
	if s <= last {
		return last + 1
	}
	return s
}

// Time is the millisecond the number was made in.
func (s Seq) Time() time.Time { return time.UnixMilli(int64(s>>countBits) + epochMS).UTC() }

// ID is a row's address.
type ID struct {
	Shard Shard
	Seq   Seq
}

// IsZero tells "none".
func (i ID) IsZero() bool { return i.Seq == 0 }

// Kind is the prefix that says what an id names.
type Kind string

// The kinds of ids. The prefix is part of the public contract.
const (
	Merchant    Kind = "mer"
	Key         Kind = "key"
	Account     Kind = "acc"
	Credit      Kind = "crd"
	Lock        Kind = "lck"
	Transfer    Kind = "tr"
	Withdrawal  Kind = "wd"
	Destination Kind = "dst"
	Event       Kind = "evt"
	Endpoint    Kind = "whk"
	Delivery    Kind = "dlv"
	Wallet      Kind = "wal"
	Dispatch    Kind = "dsp"
	Attempt     Kind = "att"
	Replay      Kind = "rpl"
	Quote       Kind = "quo"
	BankEntry   Kind = "bke"
	Credential  Kind = "dck"
	Conversion  Kind = "cnv"
	SigningKey  Kind = "wky"
)

// UUID is the 16 bytes of the id: 48 bits of Unix milliseconds, version 7, 12 bits
// of shard, variant 2, 20 bits of count and 42 bits of check. The check is not a
// secret; it makes a mistyped or made-up id fail before it reaches the database,
// and an id of one kind useless as an id of another.
func (i ID) UUID(k Kind) [16]byte {
	var u [16]byte
	ms := uint64(i.Seq.Time().UnixMilli())
	for n := 0; n < 6; n++ {
		u[n] = byte(ms >> (40 - 8*n))
	}
	u[6] = 0x70 | byte(i.Shard>>8)
	u[7] = byte(i.Shard)
	low := uint64(i.Seq&(1<<countBits-1))<<42 | i.check(k)
	u[8] = 0x80 | byte(low>>56)
	for n := 9; n < 16; n++ {
		u[n] = byte(low >> (8 * (15 - n)))
	}
	return u
}

func (i ID) check(k Kind) uint64 {
	h := uint64(i.Seq) ^ uint64(i.Shard)<<52
	for _, c := range []byte(k) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	h ^= h >> 31
	return h & (1<<42 - 1)
}

// Text is the public form: prefix, underscore, 32 hex digits.
func (i ID) Text(k Kind) string {
	if i.IsZero() {
		return ""
	}
	u := i.UUID(k)
	b := make([]byte, 0, len(k)+33)
	b = append(b, k...)
	b = append(b, '_')
	return string(hex.AppendEncode(b, u[:]))
}

// Dashed is the same 16 bytes as people write UUIDs, without the kind: for wires whose
// ids are UUIDs.
func (i ID) Dashed(k Kind) string {
	if i.IsZero() {
		return ""
	}
	return uuid.UUID(i.UUID(k)).String()
}

// ParseDashed reads what Dashed wrote; capital digits are taken too.
func ParseDashed(k Kind, s string) (ID, error) {
	u, err := uuid.Parse(s)
	if err != nil || len(s) != 36 { // the package also reads other ways of writing one
		return ID{}, errDashed
	}
	return FromUUID(k, u)
}

var errDashed = errors.New("a UUID has 32 hex digits in groups of 8, 4, 4, 4 and 12")

// Parse reads the public form of an id of kind k.
func Parse(k Kind, s string) (ID, error) {
	rest, ok := strings.CutPrefix(s, string(k)+"_")
	if !ok || len(rest) != 32 {
		return ID{}, fmt.Errorf("an id of this kind looks like %s_ and 32 hex digits", k)
	}
	var u [16]byte
	if _, err := hex.Decode(u[:], []byte(rest)); err != nil || strings.ToLower(rest) != rest {
		return ID{}, fmt.Errorf("an id of this kind looks like %s_ and 32 lower-case hex digits", k)
	}
	return FromUUID(k, u)
}

// FromUUID reads an id of kind k from its 16 bytes.
func FromUUID(k Kind, u [16]byte) (ID, error) {
	var ms, low uint64
	for n := 0; n < 6; n++ {
		ms = ms<<8 | uint64(u[n])
	}
	for n := 8; n < 16; n++ {
		low = low<<8 | uint64(u[n])
	}
	low &= 1<<62 - 1
	i := ID{
		Shard: Shard(u[6]&0x0f)<<8 | Shard(u[7]),
		Seq:   Seq(int64(ms)-epochMS)<<countBits | Seq(low>>42),
	}
	if ms < epochMS || i.UUID(k) != u {
		return ID{}, fmt.Errorf("no %s_ id has these digits: it was mistyped or names another kind of thing", k)
	}
	return i, nil
}
