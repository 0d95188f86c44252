package keystore

import (
	"context"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	chainkeys "github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/curve"
)

// Keys are the keys of a folder, in memory. It is safe for concurrent use.
type Keys struct {
	dir, passphrase string

	loading sync.Mutex
	changed time.Time // of the folder, when it was read
	files   map[common.Address]bool

	mu   sync.RWMutex
	keys map[string]*secp256k1.PrivateKey // by public key
}

var _ signer.Keys = (*Keys)(nil)

// Open decrypts all keys of the folder. All of them have the same passphrase. A folder
// that is empty or missing is no error: keys that are put there later are found by Public.
func Open(dir, passphrase string) (*Keys, error) {
	k := &Keys{dir: dir, passphrase: passphrase, keys: map[string]*secp256k1.PrivateKey{}, files: map[common.Address]bool{}}
	return k, k.load()
}

// load reads the files that were added since the last time. Keys never go away while
// the process runs: what was signed with them may have to be signed again.
func (k *Keys) load() error {
	k.loading.Lock() // opening a key takes a second, and signing must not wait for it
	defer k.loading.Unlock()
	info, err := os.Stat(k.dir)
	if os.IsNotExist(err) || err == nil && info.ModTime().Equal(k.changed) {
		return nil
	}
	files, err := read(k.dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if k.files[f.address] {
			continue
		}
		if k.passphrase == "" {
			return fault.Bad("config_invalid", "keystore.passphrase", "is needed to open the keys in %s; set it, best as file:PATH or env:NAME", k.dir)
		}
		key, err := f.decrypt(k.passphrase)
		if err != nil {
			return err
		}
		k.mu.Lock()
		k.keys[string(key.PubKey().SerializeCompressed())] = key
		k.mu.Unlock()
		k.files[f.address] = true
	}
	if info != nil {
		k.changed = info.ModTime()
	}
	return nil
}

func (f file) decrypt(passphrase string) (*secp256k1.PrivateKey, error) {
	key, err := chainkeys.DecryptKey(f.text, passphrase)
	if err != nil {
		return nil, fault.Wrap(err, fault.Refused, "key_locked", "the key in %s does not open: check the passphrase", f.path)
	}
	// The address in the file is not encrypted; what counts is the key.
	if address := crypto.PubkeyToAddress(key.PrivateKey.PublicKey); address != f.address {
		return nil, fault.New(fault.Refused, "key_file", "%s says it is %s, but its key belongs to %s: somebody changed it", f.path, f.address, address)
	}
	return secp256k1.PrivKeyFromBytes(crypto.FromECDSA(key.PrivateKey)), nil
}

// Public implements signer.Keys. It opens what was put into the folder meanwhile; a new
// file that does not open is an error.
func (k *Keys) Public(context.Context) ([][]byte, error) {
	if err := k.load(); err != nil {
		return nil, err
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	out := make([][]byte, 0, len(k.keys))
	for public := range k.keys {
		out = append(out, []byte(public))
	}
	slices.SortFunc(out, slices.Compare[[]byte])
	return out, nil
}

// Sign implements signer.Keys. The same digest gives the same signature every time.
func (k *Keys) Sign(_ context.Context, public []byte, d signer.Digest) ([]byte, error) {
	k.mu.RLock()
	key := k.keys[string(public)]
	k.mu.RUnlock()
	switch {
	case key == nil:
		return nil, fault.New(fault.Internal, "sign_failed", "there is no such key in %s", k.dir)
	case d.Scheme == signer.ECDSA:
		return curve.Sign(key, d.Hash), nil
	case d.Scheme == signer.Taproot:
		return curve.SignTaproot(key, d.Hash)
	default:
		return nil, fault.New(fault.Refused, "sign_scheme", "signer: the keystore makes no signatures of the kind %q", d.Scheme)
	}
}
