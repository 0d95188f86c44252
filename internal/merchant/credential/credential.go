// Package credential holds what clients of a dialect show instead of an API key: a
// public name, and a secret or a public key to check signatures with. One belongs to
// onCredential merchant and one dialect for ever; a merchant may have several of each, so that
// keys can be replaced without a gap.
package credential

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/merchant"
	"sluice/internal/seal"
	"sluice/internal/store/chain"
)

// Credential is one of them. It lives in its merchant's shard; its public name holds
// its address, so that one look-up finds any of them.
type Credential struct {
	Seq      id.Seq
	Merchant id.Seq
	Dialect  string // one of Dialects
	Name     string // for people
	// Secret is what both sides hold, sealed where the installation has a key for that;
	// OpenSecret reads it. Empty where only a public key is used.
	Secret    []byte
	PublicKey string // what the client signs with, as the dialect writes public keys; "" for none
	Scopes    string // joined by blanks, as those of an API key
	Options   string // JSON object of texts; "" for defaults
	CreatedAt time.Time
	RevokedAt time.Time // zero: live
	Version   int64
	Mark      []byte // of all of it, see Record; nil where no marks are kept
}

// Record is what Mark is made of: everything that says who may do what.
func (c Credential) Record(shard id.Shard) []byte {
	return chain.NewRecord("credential 1", shard, c.Seq).Ints(int64(c.Merchant)).Texts(c.Dialect, c.Name, c.PublicKey, c.Scopes, c.Options).
		Bytes(c.Secret).Times(c.CreatedAt, c.RevokedAt)
}

// Credentials is the table of credentials.
var Credentials = commit.NewTable("credential", func(c *Credential) id.Seq { return c.Seq })

// Answer implements commit.Answerer.
func (c Credential) Answer() commit.Answer { return commit.Answer{Ref: c.Seq} }

// Live tells whether it may be used.
func (c Credential) Live() bool { return c.RevokedAt.IsZero() }

// Can tells whether it has a scope.
func (c Credential) Can(s merchant.Scope) bool {
	return slices.Contains(strings.Fields(c.Scopes), string(s))
}

// String keeps the secret out of everything that prints.
func (c Credential) String() string { return "credential of " + c.Dialect }

// LogValue keeps the secret out of logs.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

// KeyID is the public name of a credential: 32 hex digits, unique over the installation.
func KeyID(at id.ID) string {
	u := at.UUID(id.Credential)
	return hex.EncodeToString(u[:])
}

// KeyUUID is the same name as dialects write it whose keys are UUIDs.
func KeyUUID(at id.ID) string {
	s := KeyID(at)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// ParseKey reads a public name in either form. One that no credential can have is
// told from others without a database.
func ParseKey(s string) (id.ID, bool) {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	if len(s) != 32 {
		return id.ID{}, false
	}
	var u [16]byte
	if _, err := hex.Decode(u[:], []byte(strings.ToLower(s))); err != nil {
		return id.ID{}, false
	}
	at, err := id.FromUUID(id.Credential, u)
	return at, err == nil
}

// secretLen characters of base 62 are 285 bits.
const (
	secretLen = 48
	base62    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewSecret makes a secret: letters and digits, used as its text by every dialect.
// random is crypto/rand.Reader outside tests.
func NewSecret(random io.Reader) (string, error) {
	out, one := make([]byte, 0, secretLen), make([]byte, 1)
	for len(out) < secretLen {
		if _, err := io.ReadFull(random, one); err != nil {
			return "", err
		}
		// 248 is the largest multiple of 62 in a byte: larger values would favour some characters.
		if one[0] < 248 {
			out = append(out, base62[one[0]%62])
		}
	}
	return string(out), nil
}

// purpose binds a sealed secret to its use.
const purpose = "credential secret"

// SealSecret is how a secret goes into a command, which seals it again for its row: sealed,
// or as it is where the installation has no key for that.
func SealSecret(ring *seal.Ring, secret string) ([]byte, error) {
	if ring == nil {
		return []byte(secret), nil
	}
	return ring.Seal(purpose, []byte(secret))
}

// openSecret reads a secret, also what was stored before there was a key.
func openSecret(ring *seal.Ring, at seal.Place, stored []byte) ([]byte, error) {
	if !seal.Sealed(stored) {
		return stored, nil
	}
	return ring.OpenAt(purpose, at, stored)
}

// moveSecret seals for its row what SealSecret gave, or a secret that is not sealed.
func moveSecret(ring *seal.Ring, from, to seal.Place, secret []byte) ([]byte, error) {
	if len(secret) == 0 || ring == nil {
		return secret, nil
	}
	if !seal.Sealed(secret) {
		return ring.SealAt(purpose, to, secret)
	}
	return ring.Move(purpose, from, to, secret)
}

// place is what the secret of a credential is sealed for.
func place(at id.ID) seal.Place {
	return seal.Place{Table: "credential", Column: "secret", Row: at.Text(id.Credential)}
}

// OpenSecret reads the secret of a credential of a shard.
func (c Credential) OpenSecret(ring *seal.Ring, shard id.Shard) ([]byte, error) {
	return openSecret(ring, place(id.ID{Shard: shard, Seq: c.Seq}), c.Secret)
}

// Bounds of the fields of a credential.
const (
	maxName      = 200
	maxPublicKey = 4096
	maxSecret    = 4096
)

// Create stores a credential.
type Create struct {
	Merchant  id.Seq
	Dialect   string
	Name      string
	Secret    []byte // of SealSecret; may be empty where PublicKey is not
	PublicKey string // checked by the caller, who knows the dialect
	Scopes    []merchant.Scope
	Options   map[string]string // by name; what is left out has its default
}

// Reads implements commit.Command.
func (c Create) Reads(w *commit.Wants) { merchant.Merchants.Want(w, c.Merchant) }

// Apply implements commit.Command.
func (c Create) Apply(v *commit.View) (Credential, error) {
	if _, ok := merchant.Merchants.Get(v, c.Merchant); !ok {
		return Credential{}, fault.New(fault.NotFound, "not_found", "no such merchant")
	}
	if _, ok := Dialects[c.Dialect]; !ok {
		return Credential{}, fault.Bad("unknown_dialect", "dialect", "%q is not a dialect; there are %s", c.Dialect, strings.Join(Names(), ", "))
	}
	if len(c.Name) > maxName || strings.ContainsFunc(c.Name, unicode.IsControl) {
		return Credential{}, fault.Bad("invalid_name", "name", "a name has at most %d bytes and no control characters", maxName)
	}
	if len(c.Secret) == 0 && c.PublicKey == "" || len(c.Secret) > maxSecret || len(c.PublicKey) > maxPublicKey {
		return Credential{}, fault.Bad("invalid_secret", "secret", "a credential needs a secret or a public key")
	}
	if len(c.Scopes) == 0 {
		return Credential{}, fault.Bad("scopes_required", "scopes", "a credential needs at least one scope")
	}
	x := Credential{
		Seq: v.NewID(), Merchant: c.Merchant, Dialect: c.Dialect, Name: c.Name, Secret: slices.Clone(c.Secret), PublicKey: c.PublicKey,
		CreatedAt: v.Now(), Version: 1,
	}
	for _, s := range c.Scopes {
		if !slices.Contains(merchant.MerchantScopes, s) {
			return Credential{}, fault.Bad("unknown_scope", "scopes", "%q is not a scope that a merchant may have", s)
		}
	}
	x.Scopes = joined(c.Scopes)
	var err error
	if x.Options, err = options(c.Dialect, nil, c.Options); err != nil {
		return Credential{}, err
	}
	if x.Secret, err = moveSecret(v.Keys(), seal.Place{}, place(v.ID(x.Seq)), x.Secret); err != nil {
		return Credential{}, err
	}
	x.Mark = v.Mark(x.Record(v.Shard()))
	Credentials.Insert(v, x)
	return x, nil
}

func joined(scopes []merchant.Scope) string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = string(s)
	}
	return strings.Join(out, " ")
}

// onCredential is the part that commands on one existing credential share.
type onCredential struct {
	Merchant   id.Seq
	Credential id.Seq
}

// Reads implements commit.Command.
func (c onCredential) Reads(w *commit.Wants) { Credentials.Want(w, c.Credential) }

func (c onCredential) get(v *commit.View) (Credential, error) {
	x, ok := Credentials.Get(v, c.Credential)
	if !ok || x.Merchant != c.Merchant {
		return x, ErrNotFound
	}
	if !v.Holds(x.Record(v.Shard()), x.Mark) {
		return x, commit.Altered("credential", v.ID(x.Seq).Text(id.Credential))
	}
	return x, nil
}

// put writes the next version.
func (c Credential) put(v *commit.View) Credential {
	c.Version++
	c.Mark = v.Mark(c.Record(v.Shard()))
	Credentials.Put(v, c)
	return c
}

// ErrNotFound is also the answer for a credential of somebody else.
var ErrNotFound = fault.New(fault.NotFound, "credential_not_found", "no such credential")

// Revoke ends a credential and forgets its secret. Ending it again changes nothing.
type Revoke struct{ onCredential }

// NewRevoke makes the command.
func NewRevoke(merchant, credential id.Seq) Revoke { return Revoke{onCredential{merchant, credential}} }

// Apply implements commit.Command.
func (c Revoke) Apply(v *commit.View) (Credential, error) {
	x, err := c.get(v)
	if err != nil || !x.Live() {
		return x, err
	}
	x.RevokedAt, x.Secret = v.Now(), nil
	return x.put(v), nil
}

// Configure changes options of a credential; those that are not named stay. An empty
// text is the default.
type Configure struct {
	onCredential
	Options map[string]string
}

// NewConfigure makes the command.
func NewConfigure(merchant, credential id.Seq, set map[string]string) Configure {
	return Configure{onCredential{merchant, credential}, set}
}

// Apply implements commit.Command.
func (c Configure) Apply(v *commit.View) (Credential, error) {
	x, err := c.get(v)
	if err != nil {
		return Credential{}, err
	}
	if !x.Live() {
		return Credential{}, fault.New(fault.Conflict, "credential_revoked", "the credential was revoked at %s", x.RevokedAt.Format(time.RFC3339))
	}
	if x.Options, err = options(x.Dialect, x.All(), c.Options); err != nil {
		return Credential{}, err
	}
	return x.put(v), nil
}

// All gives the options that are not at their default.
func (c Credential) All() map[string]string {
	out := map[string]string{}
	if c.Options != "" {
		_ = json.Unmarshal([]byte(c.Options), &out) // options wrote it
	}
	return out
}

// Option gives the value of an option.
func (c Credential) Option(name string) string {
	if v, ok := c.All()[name]; ok {
		return v
	}
	for _, o := range Dialects[c.Dialect] {
		if o.Name == name {
			return o.Default()
		}
	}
	return ""
}
