package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"sluice/internal/fault"
)

// versionAt is the first byte of what is sealed for one place.
const versionAt = 2

// ErrUnbound says that a value is bound to no row, and that such values are refused.
var ErrUnbound = errors.New("the sealed data is bound to no row: `sluice seal renew` binds what was stored before, while seal.unbound is accepted")

// Place is where a sealed value is stored: nowhere else can it be opened. The zero Place
// is that of values that are not stored yet.
type Place struct {
	Table, Column string
	Row           string // the public id of the row
}

// String implements fmt.Stringer.
func (p Place) String() string { return p.Table + "." + p.Column + " of " + p.Row }

// meaning joins purpose and place, each with its length.
func (p Place) meaning(purpose string) string {
	return fmt.Sprintf("%d:%s%d:%s%d:%s%s", len(purpose), purpose, len(p.Table), p.Table, len(p.Column), p.Column, p.Row)
}

// Strict is the same ring, but OpenAt refuses what is bound to no row.
func (r *Ring) Strict() *Ring {
	if r == nil {
		return nil
	}
	return &Ring{keys: r.keys, strict: true}
}

// SealAt encrypts plain for one place. Unlike Seal, it gives the same bytes for the same
// purpose, place and plain text, so that a command may call it in Apply: the salt is made
// of all three with the key.
func (r *Ring) SealAt(purpose string, at Place, plain []byte) ([]byte, error) {
	if r == nil {
		return nil, ErrNoKey
	}
	k := r.keys[0]
	own, err := hkdf.Key(sha256.New, k.secret[:], nil, "sluice seal salt 1", KeySize)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, own)
	meaning := at.meaning(purpose)
	_, _ = mac.Write(fmt.Appendf(nil, "%d:%s", len(meaning), meaning)) // a hash takes every write
	_, _ = mac.Write(plain)
	return k.seal(versionAt, meaning, [saltSize]byte(mac.Sum(nil)), plain)
}

// OpenAt gives back what SealAt was given for the same purpose and place. Values that Seal
// made, before places were bound, open too, unless the ring is Strict. The errors are those
// of Open, and ErrUnbound.
func (r *Ring) OpenAt(purpose string, at Place, sealed []byte) ([]byte, error) {
	if Bound(sealed) {
		return r.open(at.meaning(purpose), sealed)
	}
	if r != nil && r.strict && at != (Place{}) {
		return nil, ErrUnbound
	}
	return r.open(purpose, sealed)
}

// Move seals for one place what was sealed for another, or by Seal for none. Without keys
// the value stays as it is. Errors are faults: commands return them.
func (r *Ring) Move(purpose string, from, to Place, sealed []byte) ([]byte, error) {
	if r == nil {
		return sealed, nil
	}
	plain, err := r.OpenAt(purpose, from, sealed)
	if err == nil {
		sealed, err = r.SealAt(purpose, to, plain)
	}
	return sealed, Refusal(from, err)
}

// Refusal turns an error of a ring into a fault that names the place.
func Refusal(at Place, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrTampered) {
		return fault.Wrap(err, fault.Internal, "sealed_altered",
			"the sealed value %s is not what was stored there: somebody else changed the database. Nothing was done; an operator has to run `sluice verify`", at)
	}
	return fault.Wrap(err, fault.Unavailable, "sealing_key_missing", "the sealed value %s cannot be opened: %s; an operator has to look at seal.keys", at, err)
}

// Sealed tells whether a value looks like a sealed one, of either kind. It proves nothing.
func Sealed(value []byte) bool {
	_, err := KeyID(value)
	return err == nil
}

// Bound tells whether a value is sealed for one place. It proves nothing: only OpenAt does.
func Bound(sealed []byte) bool { return len(sealed) > 0 && sealed[0] == versionAt }

// Current tells whether a value is bound to its place and sealed under the key that seals now.
func (r *Ring) Current(sealed []byte) bool {
	name, err := KeyID(sealed)
	return err == nil && Bound(sealed) && name == r.Primary()
}
