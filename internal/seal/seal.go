// Package seal keeps data that must not lie readable in a database or a file:
// numbers of bank accounts, and files that hold them. Sealed bytes say under which
// key they were sealed, so a key can be replaced while what the old one sealed can
// still be opened.
//
// A Ring is the keys of an installation. The first one seals, all of them open.
// Sealing is AES-256-GCM under a key of its own for every message, derived from the
// ring's key and a random salt, so that the number of messages under one key has no
// limit in practice. Only the standard library is used.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"sluice/internal/fault"
)

// KeySize is the size of a key in bytes.
const KeySize = 32

// maxID bounds the name of a key in bytes: it stands in front of all sealed bytes.
const maxID = 32

// saltSize is the size of the random part that makes a message's own key.
const saltSize = 16

// version is the first byte of everything sealed.
const version = 1

// ErrNoKey says that nothing can be sealed or opened, because the installation has
// no key. Callers turn it into a refusal that tells what to configure.
var ErrNoKey = errors.New("no key for sealed data is configured: set seal.keys")

// ErrUnknownKey says that data was sealed under a key that the ring does not have.
var ErrUnknownKey = errors.New("the data was sealed under a key that is not configured")

// ErrTampered says that sealed data was changed, cut, or sealed for something else.
var ErrTampered = errors.New("the sealed data is damaged or was changed")

// Key is one key of a ring. Its text form is ID:BASE64.
type Key struct {
	ID     string // 1 to 32 of a-z A-Z 0-9 . _ -
	secret [KeySize]byte
}

// NewKey makes a key from random bytes. An id is never used for a second key.
func NewKey(id string) (Key, error) {
	k := Key{ID: id}
	_, _ = rand.Read(k.secret[:]) // never fails (crypto/rand)
	return k, checkID(id)
}

// Reveal writes the key as ParseRing reads it. It is for the file of keys and for
// nothing else.
func (k Key) Reveal() string { return k.ID + ":" + base64.StdEncoding.EncodeToString(k.secret[:]) }

// String names the key without giving it away.
func (k Key) String() string { return k.ID + ":[redacted]" }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// GoString implements fmt.GoStringer: %#v gives no key away either.
func (k Key) GoString() string { return k.String() }

func checkID(id string) error {
	if id == "" || len(id) > maxID || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return fault.New(fault.Invalid, "seal_key_malformed", "the name of a key is 1 to %d letters, digits, dots, dashes or underscores", maxID)
	}
	return nil
}

// Ring is the keys of an installation. It is safe for use by several goroutines.
// A nil Ring has no key: whatever it is asked for fails with ErrNoKey.
type Ring struct {
	keys   []Key
	strict bool // see Strict
}

// NewRing makes a ring. The first key seals. Errors are Invalid faults without a field.
func NewRing(keys ...Key) (*Ring, error) {
	if len(keys) == 0 {
		return nil, fault.New(fault.Invalid, "seal_key_missing", "there is no key: write at least one, as ID:BASE64")
	}
	seen := map[string]bool{}
	for _, k := range keys {
		if err := checkID(k.ID); err != nil {
			return nil, err
		}
		if k.secret == [KeySize]byte{} {
			return nil, fault.New(fault.Invalid, "seal_key_malformed", "the key %s is nothing but zeros", k.ID)
		}
		if seen[k.ID] {
			return nil, fault.New(fault.Invalid, "seal_key_malformed", "two keys have the name %s", k.ID)
		}
		seen[k.ID] = true
	}
	return &Ring{keys: slices.Clone(keys)}, nil
}

// ParseRing reads keys as Key.Reveal writes them, one on a line or with commas between;
// lines that begin with # are comments. The first key seals, the others only open.
// Errors are Invalid faults and repeat nothing of a key.
func ParseRing(text string) (*Ring, error) {
	var keys []Key
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			continue
		}
		for part := range strings.SplitSeq(line, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			k, err := parseKey(part)
			if err != nil {
				return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
			}
			keys = append(keys, k)
		}
	}
	return NewRing(keys...)
}

func parseKey(text string) (Key, error) {
	name, secret, ok := strings.Cut(text, ":")
	raw, err := base64.StdEncoding.DecodeString(secret)
	if !ok || err != nil || len(raw) != KeySize {
		return Key{}, fault.New(fault.Invalid, "seal_key_malformed", "a key is ID:BASE64 with %d bytes behind the colon", KeySize)
	}
	k := Key{ID: name}
	copy(k.secret[:], raw)
	return k, checkID(name)
}

// String names the keys without giving them away.
func (r *Ring) String() string {
	if r == nil {
		return "[]"
	}
	return fmt.Sprint(r.keys)
}

// GoString implements fmt.GoStringer.
func (r *Ring) GoString() string { return r.String() }

// LogValue implements slog.LogValuer.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Primary is the name of the key that seals, "" for none.
func (r *Ring) Primary() string {
	if r == nil {
		return ""
	}
	return r.keys[0].ID
}

// IDs are the names of the keys, the one that seals first.
func (r *Ring) IDs() []string {
	if r == nil {
		return nil
	}
	var out []string
	for _, k := range r.keys {
		out = append(out, k.ID)
	}
	return out
}

// Seal encrypts plain. purpose says what it is for, and must be the same when it is
// opened: what was sealed as one thing cannot be passed off as another. The same
// plain text gives other bytes every time: to compare, use Fingerprint.
func (r *Ring) Seal(purpose string, plain []byte) ([]byte, error) {
	if r == nil {
		return nil, ErrNoKey
	}
	k := r.keys[0]
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:]) // never fails (crypto/rand)
	return k.seal(version, purpose, salt, plain)
}

func (k Key) seal(version byte, meaning string, salt [saltSize]byte, plain []byte) ([]byte, error) {
	head := make([]byte, 0, 2+len(k.ID)+saltSize+len(plain)+gcmOverhead)
	head = append(head, version, byte(len(k.ID))) //nolint:gosec // at most maxID
	head = append(head, k.ID...)
	head = append(head, salt[:]...)
	aead, nonce, err := k.cipher(salt[:])
	if err != nil {
		return nil, err
	}
	return aead.Seal(head, nonce, plain, bound(meaning, head)), nil
}

// Open gives back what Seal was given. The errors are ErrNoKey, ErrUnknownKey and
// ErrTampered.
func (r *Ring) Open(purpose string, sealed []byte) ([]byte, error) {
	if Bound(sealed) {
		return nil, ErrTampered // only OpenAt knows its row
	}
	return r.open(purpose, sealed)
}

func (r *Ring) open(purpose string, sealed []byte) ([]byte, error) {
	if r == nil {
		return nil, ErrNoKey
	}
	name, err := KeyID(sealed)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(r.keys, func(k Key) bool { return k.ID == name })
	if n < 0 {
		return nil, fmt.Errorf("%w: %s", ErrUnknownKey, name)
	}
	end := 2 + len(name) + saltSize
	aead, nonce, err := r.keys[n].cipher(sealed[end-saltSize : end])
	if err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce, sealed[end:], bound(purpose, sealed[:end]))
	if err != nil {
		return nil, ErrTampered
	}
	return plain, nil
}

// KeyID tells under which key data was sealed. It proves nothing: only Open does.
func KeyID(sealed []byte) (string, error) {
	if len(sealed) < 2 || sealed[0] != version && sealed[0] != versionAt || sealed[1] == 0 || sealed[1] > maxID || len(sealed) < 2+int(sealed[1])+saltSize+gcmOverhead {
		return "", ErrTampered
	}
	name := string(sealed[2 : 2+int(sealed[1])])
	if checkID(name) != nil {
		return "", ErrTampered
	}
	return name, nil
}

// gcmOverhead is the tag at the end of what GCM writes.
const gcmOverhead = 16

// cipher derives the key and the nonce of one message.
func (k Key) cipher(salt []byte) (cipher.AEAD, []byte, error) {
	const nonceSize = 12
	out, err := hkdf.Key(sha256.New, k.secret[:], salt, "sluice seal 1", KeySize+nonceSize)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(out[:KeySize])
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, out[KeySize:], err
}

// bound is what is authenticated beside the message: the bytes before it and the
// purpose, with the length in between so that neither can be taken for the other.
func bound(purpose string, head []byte) []byte {
	return fmt.Appendf(nil, "%d:%s%s", len(purpose), purpose, head)
}

// fingerprintSize is the size of a fingerprint in bytes.
const fingerprintSize = 16

// Fingerprint is the same for the same value, key and domain, and tells nothing
// about the value to whoever does not have the key: it finds equal values among
// sealed ones. The text form is KEYID:HEX. "" for a nil Ring.
func (r *Ring) Fingerprint(domain string, value []byte) string {
	if r == nil {
		return ""
	}
	return r.keys[0].fingerprint(domain, value)
}

// Fingerprints are those of a value under every key of the ring, the one of
// Fingerprint first: what was stored before a rotation is found too.
func (r *Ring) Fingerprints(domain string, value []byte) []string {
	if r == nil {
		return nil
	}
	var out []string
	for _, k := range r.keys {
		out = append(out, k.fingerprint(domain, value))
	}
	return out
}

func (k Key) fingerprint(domain string, value []byte) string {
	// A key of its own, so that sealing and fingerprints never share one.
	own, err := hkdf.Key(sha256.New, k.secret[:], nil, "sluice fingerprint 1", KeySize)
	if err != nil {
		panic(err) // the length is a constant that HKDF allows
	}
	mac := hmac.New(sha256.New, own)
	_, _ = mac.Write(fmt.Appendf(nil, "%d:%s", len(domain), domain)) // a hash takes every write
	_, _ = mac.Write(value)
	return fmt.Sprintf("%s:%x", k.ID, mac.Sum(nil)[:fingerprintSize])
}
