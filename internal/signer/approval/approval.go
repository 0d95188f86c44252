// Package approval is the proof that somebody with a key of their own agreed to one
// payout: to this recipient, of this amount, on this network. The signer checks it, so
// that whoever can write the database still cannot make a payout of their own.
package approval

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/fault"
	"sluice/internal/money"
)

// Statement is what is agreed to. All of it is signed.
type Statement struct {
	Network string // as intents call it
	Ref     string // public id of the withdrawal
	Asset   string
	Amount  money.Amount // in minor units
	To      []byte       // what the signer pays to: 20 bytes on EVM, the output script on a coin chain
}

// prefix begins every proof and tells its version.
const prefix = "sap1_"

const (
	idSize    = 16
	proofSize = idSize + 8 + ed25519.SignatureSize
)

// Proof is what was found in a valid proof.
type Proof struct {
	ID string    // of this one approval: it counts for one slot
	At time.Time // when it was given
}

// text is the statement as it is signed: a fixed title, then every part with its
// length, so that no two statements share one.
func (s Statement) text(id []byte, at uint64) []byte {
	var b bytes.Buffer
	b.WriteString("sluice approval of a payout, version 1\n")
	amount := s.Amount.Bytes32()
	for _, part := range [][]byte{id, binary.BigEndian.AppendUint64(nil, at), []byte(s.Network), []byte(s.Ref), []byte(s.Asset), amount[:], s.To} {
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part)))) //nolint:gosec // short texts
		b.Write(part)
	}
	return b.Bytes()
}

// Sign agrees to a statement. Every proof is another one, and good for one slot.
func Sign(key ed25519.PrivateKey, s Statement, at time.Time) string {
	raw := make([]byte, idSize, proofSize)
	_, _ = rand.Read(raw)
	seconds := uint64(max(0, at.Unix()))
	sig := ed25519.Sign(key, s.text(raw, seconds))
	raw = append(binary.BigEndian.AppendUint64(raw, seconds), sig...)
	return prefix + base64.RawURLEncoding.EncodeToString(raw)
}

// Verify checks a proof of a statement against the keys that count. It refuses with
// the code approval_missing or approval_invalid.
func Verify(proof string, s Statement, approvers []ed25519.PublicKey) (Proof, error) {
	if proof == "" {
		return Proof{}, fault.New(fault.Refused, "approval_missing", "%s of %s needs an approval: `sluice approver sign` makes one", s.Ref, s.Asset)
	}
	raw, ok := decode(proof)
	if !ok {
		return Proof{}, fault.New(fault.Refused, "approval_invalid", "the approval of %s is damaged", s.Ref)
	}
	id, seconds, sig := raw[:idSize], binary.BigEndian.Uint64(raw[idSize:]), raw[idSize+8:]
	text := s.text(id, seconds)
	for _, key := range approvers {
		if len(key) == ed25519.PublicKeySize && ed25519.Verify(key, text, sig) {
			return Proof{ID: hex.EncodeToString(id), At: time.Unix(int64(min(seconds, 1<<40)), 0)}, nil
		}
	}
	return Proof{}, fault.New(fault.Refused, "approval_invalid",
		"the approval of %s is for another payout, or by a key that does not count", s.Ref)
}

func decode(proof string) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimPrefix(proof, prefix))
	return raw, err == nil && strings.HasPrefix(proof, prefix) && len(raw) == proofSize
}

// WellFormed tells whether a text is a whole proof, whatever it proves.
func WellFormed(proof string) bool {
	_, ok := decode(proof)
	return ok
}

// NewKey makes a key. Secret is a PKCS#8 PEM file, public its short text.
func NewKey() (secret []byte, public string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", fmt.Errorf("write the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), PublicText(pub), nil
}

// ParseKey reads what NewKey made. Errors never show any of it.
func ParseKey(secret []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(secret)
	if block == nil {
		return nil, errors.New("this is no PEM file with a private key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("this is no private key in PKCS#8 form")
	}
	ed, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("this is no Ed25519 key")
	}
	return ed, nil
}

// PublicText is the short text of a public key.
func PublicText(key ed25519.PublicKey) string { return base64.StdEncoding.EncodeToString(key) }

// ParsePublic reads what PublicText wrote.
func ParsePublic(text string) (ed25519.PublicKey, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, errors.New("a public key of an approver is 44 characters in base64")
	}
	return raw, nil
}
