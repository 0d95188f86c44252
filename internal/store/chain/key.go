// Package chain proves that a database is what the program wrote. In the commit that
// writes rows, the state of a shard's chain goes on: for every table the sum of the
// keyed hashes of its rows, which a change, a removal or an addition behind the
// program's back leaves wrong; for every log, whose rows are never changed, the hash
// over all of them in their order. The state is encrypted and authenticated under a key
// that is kept outside the database, and its signed digest (Anchor) can be kept
// anywhere, which shows later that nothing was cut from the end or written anew.
//
// The sum is MSet-Add-Hash of Clarke, Devadas, van Dijk, Gassend and Suh, "Incremental
// Multiset Hash Functions and Their Application to Memory Integrity Checking"
// (ASIACRYPT 2003): a keyed hash of each row, added modulo 2^128. It is secure as long
// as neither key nor sums are known, which is why the state is encrypted.
package chain

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"

	"sluice/internal/fault"
)

// KeySize is the size of a key in bytes.
const KeySize = 32

// Key is what the books of one installation are proved with. Every server of the
// installation has the same one. It is safe for use by several goroutines; a nil Key
// is an installation without a chain.
type Key struct {
	id      [8]byte
	rows    [KeySize]byte
	marks   [KeySize]byte
	seal    [KeySize]byte
	signing ed25519.PrivateKey
}

// NewKey makes a key from random bytes and gives it as the file of the key holds it.
// It is stored nowhere.
func NewKey() (text string) {
	var secret [KeySize]byte
	_, _ = rand.Read(secret[:]) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(secret[:])
}

// ParseKey reads what NewKey gave. Lines that begin with # are comments. Errors are
// Invalid faults and repeat nothing of the key.
func ParseKey(text string) (*Key, error) {
	bad := fault.New(fault.Invalid, "chain_key_malformed", "the key of the chain is one line of base64 with %d bytes; `sluice chain key` makes one", KeySize)
	var secret []byte
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != KeySize || secret != nil {
			return nil, bad
		}
		secret = raw
	}
	if len(secret) != KeySize || [KeySize]byte(secret) == [KeySize]byte{} {
		return nil, bad
	}
	k := &Key{}
	var seed [ed25519.SeedSize]byte
	for _, d := range []struct {
		use string
		to  []byte
	}{{"id", k.id[:]}, {"rows", k.rows[:]}, {"marks", k.marks[:]}, {"state", k.seal[:]}, {"signing", seed[:]}} {
		out, err := hkdf.Key(sha256.New, secret, nil, "sluice chain 1 "+d.use, len(d.to))
		if err != nil {
			return nil, err
		}
		copy(d.to, out)
	}
	k.signing = ed25519.NewKeyFromSeed(seed[:])
	return k, nil
}

// ID names the key without giving it away.
func (k *Key) ID() string { return hex.EncodeToString(k.id[:]) }

// String names the key without giving it away.
func (k *Key) String() string {
	if k == nil {
		return "no chain key"
	}
	return "chain key " + k.ID()
}

// GoString implements fmt.GoStringer: %#v gives no key away either.
func (k *Key) GoString() string { return k.String() }

// LogValue implements slog.LogValuer.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Public is the public key of what this key signs: anchors, and the acceptance of payouts.
func (k *Key) Public() ed25519.PublicKey {
	return k.signing.Public().(ed25519.PublicKey) //nolint:errcheck,forcetypeassert // crypto/ed25519 gives nothing else
}

// PublicText is the text of Public, as policies write it.
func (k *Key) PublicText() string { return base64.StdEncoding.EncodeToString(k.Public()) }

// Sign signs a statement for whoever has Public. Statements of different kinds begin
// with different titles.
func (k *Key) Sign(statement []byte) []byte { return ed25519.Sign(k.signing, statement) }

// ErrOtherKey says that a state was made with another key.
var ErrOtherKey = errors.New("the chain was made with another key")

// ErrAltered says that the state of a chain was changed, cut or moved.
var ErrAltered = errors.New("the state of the chain was changed by another hand")
