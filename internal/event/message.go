package event

import (
	"encoding/hex"
	"errors"
	"strings"

	"sluice/internal/id"
)

// MessageID is the public id of a message: evt_, four hex digits of shard, sixteen
// of sequence. Messages are numbered without gaps, so unlike other ids theirs
// begins with no time. It holds no full stop, because a full stop separates it
// from the rest of what webhooks sign.
func MessageID(shard id.Shard, seq int64) string {
	var b [10]byte
	b[0], b[1] = byte(shard>>8), byte(shard)
	for n := range 8 {
		b[2+n] = byte(seq >> (56 - 8*n))
	}
	return string(id.Event) + "_" + hex.EncodeToString(b[:])
}

var errMessageID = errors.New("an id of this kind looks like evt_ and 20 lower-case hex digits")

// ParseMessageID reads what MessageID wrote.
func ParseMessageID(s string) (id.Shard, int64, error) {
	rest, ok := strings.CutPrefix(s, string(id.Event)+"_")
	if !ok || len(rest) != 20 || strings.ToLower(rest) != rest {
		return 0, 0, errMessageID
	}
	b, err := hex.DecodeString(rest)
	if err != nil {
		return 0, 0, errMessageID
	}
	shard, seq := id.Shard(b[0])<<8|id.Shard(b[1]), int64(0)
	for _, x := range b[2:] {
		seq = seq<<8 | int64(x)
	}
	if shard >= id.MaxShards || seq <= 0 {
		return 0, 0, errMessageID
	}
	return shard, seq, nil
}

// MessageType is the type of the row's message number sub, 0 or 1.
func (e Event) MessageType(sub int64) Type {
	if sub == 1 {
		return BalanceUpdated
	}
	return e.Type
}
