package keystore

import (
	"context"
	"maps"
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
	earlier         []string

	loading sync.Mutex
	changed time.Time // of the folder, when it was read
	files   map[common.Address]bool
	locked  map[string]Locked // by path
	report  func(Locked)

	mu   sync.RWMutex
	keys map[string]*secp256k1.PrivateKey // by public key
}

var _ signer.Keys = (*Keys)(nil)

// Open decrypts the keys of the folder. All of them have the same passphrase; earlier are
// what older versions took it for. A file that gives no key does not keep the others from
// being used: Report tells of it. It is an error only when no file gives one. A folder
// that is empty or missing is no error: keys that are put there later are found by Public.
func Open(dir, passphrase string, earlier ...string) (*Keys, error) {
	k := &Keys{
		dir: dir, passphrase: passphrase, earlier: earlier,
		keys: map[string]*secp256k1.PrivateKey{}, files: map[common.Address]bool{}, locked: map[string]Locked{}, report: func(Locked) {},
	}
	return k, k.load()
}

// Report calls fn for every file that gives no key, now and once for each that comes later.
func (k *Keys) Report(fn func(Locked)) {
	k.loading.Lock()
	defer k.loading.Unlock()
	k.report = fn
	for _, path := range slices.Sorted(maps.Keys(k.locked)) {
		fn(k.locked[path])
	}
}

// load reads the files that were added since the last time. Keys never go away while
// the process runs: what was signed with them may have to be signed again.
func (k *Keys) load() error {
	k.loading.Lock() // opening a key takes a second, and signing must not wait for it
	defer k.loading.Unlock()
	info, err := os.Stat(k.dir)
	if os.IsNotExist(err) || err == nil && info.ModTime().Equal(k.changed) {
		return k.nothing()
	}
	files, others, err := read(k.dir)
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
		key, err := f.decrypt(k.passphrase, k.earlier...)
		if err != nil {
			others = append(others, Locked{f.path, err, true})
			continue
		}
		k.mu.Lock()
		k.keys[string(key.PubKey().SerializeCompressed())] = key
		k.mu.Unlock()
		k.files[f.address] = true
	}
	before := k.locked
	k.locked = map[string]Locked{}
	for _, o := range others {
		if _, told := before[o.Path]; !told {
			k.report(o)
		}
		k.locked[o.Path] = o
	}
	if info != nil {
		k.changed = info.ModTime()
	}
	return k.nothing()
}

// nothing is an error while there are keys and none opens.
func (k *Keys) nothing() error {
	if len(k.files) > 0 {
		return nil
	}
	for _, path := range slices.Sorted(maps.Keys(k.locked)) {
		if k.locked[path].key {
			return k.locked[path].Err
		}
	}
	return nil
}

func (f file) decrypt(passphrase string, earlier ...string) (*secp256k1.PrivateKey, error) {
	key, err := chainkeys.DecryptKey(f.text, passphrase)
	for _, p := range earlier {
		if err == nil {
			break
		}
		key, err = chainkeys.DecryptKey(f.text, p)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Refused, "key_locked", "the key in %s does not open: check the passphrase", f.path)
	}
	// The address in the file is not encrypted; what counts is the key.
	if address := crypto.PubkeyToAddress(key.PrivateKey.PublicKey); address != f.address {
		return nil, fault.New(fault.Refused, "key_file", "%s says it is %s, but its key belongs to %s: somebody changed it", f.path, f.address, address)
	}
	return secp256k1.PrivKeyFromBytes(crypto.FromECDSA(key.PrivateKey)), nil
}

// Public implements signer.Keys. It opens what was put into the folder meanwhile.
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
