package merchant

import (
	"crypto/sha256"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/store/chain"
)

// Scope is one right of an API key.
type Scope string

// The scopes. None is given by default.
const (
	ReadAccounts      Scope = "accounts:read"
	WriteAccounts     Scope = "accounts:write" // open accounts, lock and unlock
	WriteCredits      Scope = "credits:write"  // credit and settle
	ReadDestinations  Scope = "destinations:read"
	WriteDestinations Scope = "destinations:write"
	ReadWithdrawals   Scope = "withdrawals:read"
	CreateWithdrawals Scope = "withdrawals:create"
	CancelWithdrawals Scope = "withdrawals:cancel"
	ReadEvents        Scope = "events:read"
	ReadWebhooks      Scope = "webhooks:read"
	WriteWebhooks     Scope = "webhooks:write"
	// Operate is for the operator's keys: it reads and decides what belongs to the
	// installation, and reads everything of every merchant.
	Operate Scope = "operator"
)

// OperatorScopes lists every scope that a key of the operator may have. Those beside
// Operate read what all merchants have, and nothing else.
var OperatorScopes = []Scope{Operate, ReadAccounts, ReadDestinations, ReadWithdrawals, ReadEvents, ReadWebhooks}

// MerchantScopes lists every scope that a merchant's key may have.
var MerchantScopes = []Scope{
	ReadAccounts, WriteAccounts, WriteCredits, ReadDestinations, WriteDestinations,
	ReadWithdrawals, CreateWithdrawals, CancelWithdrawals, ReadEvents, ReadWebhooks, WriteWebhooks,
}

// Key is an API key. All keys live in the operator's shard, so that one look-up
// finds any of them. Only a hash of the secret is kept.
type Key struct {
	Seq       id.Seq
	Owner     id.ID // the merchant; zero for the operator
	Mode      Mode
	Name      string
	Hash      string // SHA-256 of the whole key, 32 bytes as a string
	Prefix    string // what may be shown: the kind of key
	Last4     string
	Scopes    string // joined by blanks
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: live
	Version   int64
	Mark      []byte // of all of it, see Record; nil where no marks are kept
}

// Record is what Mark is made of: everything that says who may do what.
func (k Key) Record() []byte {
	return chain.NewRecord("api key 1", 0, k.Seq).Ints(int64(k.Owner.Shard), int64(k.Owner.Seq)).
		Texts(string(k.Mode), k.Name, k.Hash, k.Prefix, k.Last4, k.Scopes).Times(k.CreatedAt, k.ExpiresAt, k.RevokedAt)
}

// Keys is the table of API keys.
var Keys = commit.NewTable("api_key", func(k *Key) id.Seq { return k.Seq })

// Can tells whether the key has a scope.
func (k Key) Can(s Scope) bool {
	return slices.Contains(strings.Fields(k.Scopes), string(s))
}

// ValidAt tells whether the key may be used at a time.
func (k Key) ValidAt(t time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || t.Before(k.ExpiresAt))
}

const (
	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	// secretLen characters of base 62 are 178 bits.
	secretLen = 30
	sumLen    = 6
)

func keyPrefix(m Mode) string { return "sluice_" + string(m) }

// NewSecret makes the text of a key: sluice_live_ or sluice_test_, 30 random
// base-62 characters, and 6 characters of CRC-32 so that a typo, or a secret
// scanner, needs no database. random is crypto/rand.Reader outside tests.
func NewSecret(m Mode, random io.Reader) (string, error) {
	var b strings.Builder
	b.WriteString(keyPrefix(m))
	b.WriteByte('_')
	one := make([]byte, 1)
	for n := 0; n < secretLen; {
		if _, err := io.ReadFull(random, one); err != nil {
			return "", err
		}
		// 248 is the largest multiple of 62 in a byte: larger values would favour some characters.
		if one[0] < 248 {
			b.WriteByte(base62[one[0]%62])
			n++
		}
	}
	return b.String() + checksum(b.String()), nil
}

func checksum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	out := make([]byte, sumLen)
	for i := sumLen - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return string(out)
}

// WellFormed tells whether a text can be a key at all, without a database.
func WellFormed(secret string) bool {
	for _, m := range []Mode{Live, Test} {
		p := keyPrefix(m) + "_"
		if strings.HasPrefix(secret, p) && len(secret) == len(p)+secretLen+sumLen {
			return checksum(secret[:len(secret)-sumLen]) == secret[len(secret)-sumLen:]
		}
	}
	return false
}

// HashSecret is the form in which a key is stored. The key has 178 random bits, so
// a plain hash is enough.
func HashSecret(secret string) string {
	h := sha256.Sum256([]byte(secret))
	return string(h[:])
}

// CreateKey stores a key that NewSecret made. It runs in the operator's shard.
type CreateKey struct {
	Owner     id.ID
	Mode      Mode
	Name      string
	Secret    string
	Scopes    []Scope
	ExpiresAt time.Time
}

// Reads implements commit.Command.
func (c CreateKey) Reads(*commit.Wants) {}

// Apply implements commit.Command.
func (c CreateKey) Apply(v *commit.View) (Key, error) {
	if len(c.Scopes) == 0 {
		return Key{}, fault.Bad("scopes_required", "scopes", "a key needs at least one scope")
	}
	var scopes []string
	for _, s := range c.Scopes {
		if !known(s, c.Owner.IsZero()) {
			return Key{}, fault.Bad("unknown_scope", "scopes", "%q is not a scope that this key may have", s)
		}
		scopes = append(scopes, string(s))
	}
	if !WellFormed(c.Secret) {
		return Key{}, fault.Bad("invalid_secret", "secret", "the key was not made by this program")
	}
	k := Key{
		Seq: v.NewID(), Owner: c.Owner, Mode: c.Mode, Name: c.Name, Hash: HashSecret(c.Secret), Prefix: keyPrefix(c.Mode),
		Last4: c.Secret[len(c.Secret)-4:], Scopes: strings.Join(scopes, " "), CreatedAt: v.Now(), ExpiresAt: c.ExpiresAt, Version: 1,
	}
	k.Mark = v.Mark(k.Record())
	Keys.Insert(v, k)
	return k, nil
}

func known(s Scope, operator bool) bool {
	if operator {
		return slices.Contains(OperatorScopes, s)
	}
	return slices.Contains(MerchantScopes, s)
}

// RevokeKey ends a key.
type RevokeKey struct{ Key id.Seq }

// Reads implements commit.Command.
func (c RevokeKey) Reads(w *commit.Wants) { Keys.Want(w, c.Key) }

// Apply implements commit.Command.
func (c RevokeKey) Apply(v *commit.View) (Key, error) {
	k, ok := Keys.Get(v, c.Key)
	if !ok {
		return Key{}, fault.New(fault.NotFound, "not_found", "no such key")
	}
	if k.RevokedAt.IsZero() {
		ours := v.Holds(k.Record(), k.Mark)
		k.RevokedAt, k.Version = v.Now(), k.Version+1
		if ours { // the mark of one that another hand made or changed stays wrong
			k.Mark = v.Mark(k.Record())
		}
		Keys.Put(v, k)
	}
	return k, nil
}
