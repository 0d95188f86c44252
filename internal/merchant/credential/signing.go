package credential

import (
	"encoding/hex"
	"time"

	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
	"sluice/internal/seal"
)

// SigningKeyID names a key that the installation signs with.
type SigningKeyID struct {
	Wire   string // the dialect
	Number int64  // 1 for the first
}

// SigningKey is a key pair of the installation, with which a wire is signed for every
// merchant. It lives in the operator's shard.
type SigningKey struct {
	SigningKeyID
	Seq       id.Seq
	Secret    []byte // the private key as SealSecret gives it, in PKCS #8
	UseFrom   time.Time
	CreatedAt time.Time
	Version   int64 // 0 for a key that was stored before its rows could change
}

// SigningKeys is the table of such keys.
var SigningKeys = commit.NewTable("wire_key", func(k *SigningKey) SigningKeyID { return k.SigningKeyID })

// Public is the name under which the key is published: a UUID.
func (k SigningKey) Public() string {
	u := id.ID{Seq: k.Seq}.UUID(id.SigningKey)
	s := hex.EncodeToString(u[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// place is what the private key is sealed for.
func (k SigningKey) place() seal.Place {
	return seal.Place{Table: "wire_key", Column: "secret", Row: k.Public()}
}

// OpenSecret reads the private key, in PKCS #8.
func (k SigningKey) OpenSecret(ring *seal.Ring) ([]byte, error) {
	return openSecret(ring, k.place(), k.Secret)
}

// AddSigningKey stores a key. The first one of a wire may come from several nodes at
// once: the one that is there stays and is the answer. A later one must be the next,
// and is used only from a time on, so that receivers know it before.
type AddSigningKey struct {
	SigningKeyID
	Secret  []byte
	UseFrom time.Time // zero: at once
}

// Reads implements commit.Command.
func (c AddSigningKey) Reads(w *commit.Wants) {
	SigningKeys.Want(w, c.SigningKeyID)
	if c.Number > 1 {
		SigningKeys.Want(w, SigningKeyID{c.Wire, c.Number - 1})
	}
}

// Apply implements commit.Command.
func (c AddSigningKey) Apply(v *commit.View) (SigningKey, error) {
	if k, ok := SigningKeys.Get(v, c.SigningKeyID); ok {
		if c.Number > 1 {
			return SigningKey{}, fault.New(fault.Conflict, "key_exists", "somebody else has added this key: look again")
		}
		return k, nil
	}
	if c.Number > 1 {
		if _, ok := SigningKeys.Get(v, SigningKeyID{c.Wire, c.Number - 1}); !ok {
			return SigningKey{}, fault.New(fault.Conflict, "key_out_of_turn", "key %d of %s comes after key %d, which is not there", c.Number, c.Wire, c.Number-1)
		}
	}
	if c.Number < 1 || len(c.Secret) == 0 {
		return SigningKey{}, fault.Bad("invalid_key", "secret", "a signing key needs its number and its secret")
	}
	k := SigningKey{SigningKeyID: c.SigningKeyID, Seq: v.NewID(), Secret: c.Secret, UseFrom: c.UseFrom.UTC().Truncate(time.Microsecond), CreatedAt: v.Now(), Version: 1}
	if c.UseFrom.IsZero() {
		k.UseFrom = v.Now()
	}
	var err error
	if k.Secret, err = moveSecret(v.Keys(), seal.Place{}, k.place(), c.Secret); err != nil {
		return SigningKey{}, err
	}
	SigningKeys.Insert(v, k)
	return k, nil
}
