package credential

import (
	"sluice/internal/commit"
	"sluice/internal/fault"
	"sluice/internal/id"
)

// Renew seals the secret of a credential for its row, under the key that seals now.
type Renew struct{ Credential id.Seq }

// Reads implements commit.Command.
func (c Renew) Reads(w *commit.Wants) { Credentials.Want(w, c.Credential) }

// Apply implements commit.Command.
func (c Renew) Apply(v *commit.View) (commit.Nothing, error) {
	x, ok := Credentials.Get(v, c.Credential)
	if !ok {
		return commit.Nothing{}, ErrNotFound
	}
	if !v.Holds(x.Record(v.Shard()), x.Mark) {
		return commit.Nothing{}, commit.Altered("credential", v.ID(x.Seq).Text(id.Credential))
	}
	at := place(v.ID(x.Seq))
	var err error
	if x.Secret, err = moveSecret(v.Keys(), at, at, x.Secret); err != nil {
		return commit.Nothing{}, err
	}
	x.put(v)
	return commit.Nothing{}, nil
}

// RenewSigningKey does the same for a key that the installation signs with.
type RenewSigningKey struct{ SigningKeyID }

// Reads implements commit.Command.
func (c RenewSigningKey) Reads(w *commit.Wants) { SigningKeys.Want(w, c.SigningKeyID) }

// Apply implements commit.Command.
func (c RenewSigningKey) Apply(v *commit.View) (commit.Nothing, error) {
	k, ok := SigningKeys.Get(v, c.SigningKeyID)
	if !ok {
		return commit.Nothing{}, fault.New(fault.NotFound, "key_not_found", "there is no key %d of %s", c.Number, c.Wire)
	}
	var err error
	if k.Secret, err = moveSecret(v.Keys(), k.place(), k.place(), k.Secret); err != nil {
		return commit.Nothing{}, err
	}
	k.Version++
	SigningKeys.Put(v, k)
	return commit.Nothing{}, nil
}
