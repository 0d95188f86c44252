package keystore

import (
	"slices"
	"strings"

	"sluice/internal/fault"
)

// Public gives the public key (33 bytes, compressed) of the key that is listed under an
// address. It decrypts that key alone.
func Public(dir, passphrase, address string, earlier ...string) ([]byte, error) {
	files, _, err := read(dir)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(files, func(f file) bool { return strings.EqualFold(f.address.Hex(), address) })
	if i < 0 {
		return nil, fault.New(fault.NotFound, "no_key", "the keystore %s has no key for %s", dir, address)
	}
	key, err := files[i].decrypt(passphrase, earlier...)
	if err != nil {
		return nil, err
	}
	return key.PubKey().SerializeCompressed(), nil
}
