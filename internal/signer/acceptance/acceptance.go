// Package acceptance is the record that the process which accepted a withdrawal gives
// along with its payout: this one, of this amount, to this recipient, from this account
// of this merchant. It is signed with a key that is kept outside the database, so whoever
// can only write the database can make none, and change no payout that has one.
package acceptance

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// Statement is what was accepted. All of it is signed.
type Statement struct {
	Network  string // as intents call it
	Ref      string // public id of the withdrawal
	Asset    string
	Amount   money.Amount // that is paid out, in minor units
	To       []byte       // what the signer pays to: 20 bytes on EVM, the output script on a coin chain
	Merchant string       // public id
	Account  string       // public id
	At       time.Time    // when it was accepted, to the second
}

// prefix begins every record and tells its version.
const prefix = "sac1_"

// text is the statement as it is signed: a fixed title, then every part with its
// length, so that no two statements share one.
func (s Statement) text() []byte {
	b := []byte("sluice acceptance of a payout, version 1\n")
	amount := s.Amount.Bytes32()
	for _, part := range [][]byte{s.seconds(), []byte(s.Network), []byte(s.Ref), []byte(s.Asset), amount[:], s.To, []byte(s.Merchant), []byte(s.Account)} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(part))), part...) //nolint:gosec // short texts
	}
	return b
}

func (s Statement) seconds() []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(0, s.At.Unix())))
}

// Sign makes the record. sign is Ed25519 with the key of the accepting process. The
// same statement has the same record.
func Sign(sign func([]byte) []byte, s Statement) string {
	raw := append(s.seconds(), sign(s.text())...)
	return prefix + base64.RawURLEncoding.EncodeToString(raw) + "." + s.Merchant + "." + s.Account
}

// Verify checks the record of a payout against the keys that count; of the statement it
// reads what the signer knows, and gives the rest. It refuses with the code
// acceptance_missing or acceptance_invalid.
func Verify(record string, s Statement, keys []ed25519.PublicKey) (Statement, error) {
	if record == "" {
		return s, fault.New(fault.Refused, "acceptance_missing", "%s of %s needs the record of its acceptance: the server that accepted it gives none", s.Ref, s.Asset)
	}
	body, rest, _ := strings.Cut(strings.TrimPrefix(record, prefix), ".")
	merchant, account, ok := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(body)
	if err != nil || !ok || !strings.HasPrefix(record, prefix) || len(raw) != 8+ed25519.SignatureSize {
		return s, fault.New(fault.Refused, "acceptance_invalid", "the record of the acceptance of %s is damaged", s.Ref)
	}
	s.Merchant, s.Account = merchant, account
	s.At = time.Unix(int64(min(binary.BigEndian.Uint64(raw), 1<<40)), 0)
	text := s.text()
	for _, key := range keys {
		if len(key) == ed25519.PublicKeySize && ed25519.Verify(key, text, raw[8:]) {
			return s, nil
		}
	}
	return s, fault.New(fault.Refused, "acceptance_invalid",
		"what is to be paid for %s is not what was accepted, or it was accepted with a key that does not count: somebody changed the database", s.Ref)
}
