// Package keystore keeps keys in encrypted files and signs with them. The files are
// version 3 keystore JSON with scrypt, as every Ethereum wallet reads and writes
// them: one key per file. Opening a folder decrypts all of it once; afterwards the
// keys live in memory only.
package keystore

import (
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	chainkeys "github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"

	"sluice/internal/fault"
)

// Cost says how much work one guess of the passphrase is.
type Cost int

// The costs. Light is for the demo and the tests, where the keys are worth nothing.
const (
	Standard Cost = iota // about a second and 256 MB
	Light                // some milliseconds and 4 MB
)

func (c Cost) scrypt() (n, p int) {
	if c == Light {
		return chainkeys.LightScryptN, chainkeys.LightScryptP
	}
	return chainkeys.StandardScryptN, chainkeys.StandardScryptP
}

// Create makes a new key in the folder and gives its address (EIP-55). The folder is
// made if it is missing (0700); the file can be read by its owner only (0600). The keys
// that are there must open with the passphrase, or with what earlier versions took it for.
func Create(dir, passphrase string, cost Cost, earlier ...string) (string, error) {
	key, err := crypto.GenerateKey()
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return store(dir, passphrase, cost, key, earlier)
}

// Import puts an existing private key (64 hex digits, with or without 0x) into the
// folder, like Create. Errors never show any of it.
func Import(dir, passphrase string, cost Cost, privateHex string, earlier ...string) (string, error) {
	raw, err := hex.DecodeString(strings.TrimPrefix(strings.TrimSpace(privateHex), "0x"))
	if err != nil || len(raw) != 32 {
		return "", fault.New(fault.Invalid, "key_malformed", "a private key is 64 hex digits")
	}
	key, err := crypto.ToECDSA(raw)
	if err != nil {
		return "", fault.New(fault.Invalid, "key_malformed", "these 64 hex digits are not a valid private key")
	}
	return store(dir, passphrase, cost, key, earlier)
}

// List gives the addresses in the folder without decrypting anything, in order. Files that
// are no keys are an error beside those that are.
func List(dir string) ([]string, error) {
	files, others, err := read(dir)
	out := make([]string, 0, len(files))
	for _, f := range files {
		out = append(out, f.address.Hex())
	}
	for _, o := range others {
		err = errors.Join(err, o.Err)
	}
	slices.Sort(out)
	return out, err
}

func store(dir, passphrase string, cost Cost, private *ecdsa.PrivateKey, earlier []string) (string, error) {
	if passphrase == "" {
		return "", fault.New(fault.Invalid, "passphrase_missing", "a key needs a passphrase: an empty one would leave the file open to everybody who reads it")
	}
	address := crypto.PubkeyToAddress(private.PublicKey)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the key folder: %w", err)
	}
	files, _, err := read(dir)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(files, func(f file) bool { return f.address == address }) {
		return "", fault.New(fault.Conflict, "key_exists", "the key of %s is in %s already", address.Hex(), dir)
	}
	// A key that whoever opens the others cannot open is found out now, and not by a
	// server that pays nothing from a wallet which has got its coins already.
	opens := func(f file) bool { _, err := f.decrypt(passphrase, earlier...); return err == nil }
	if len(files) > 0 && !slices.ContainsFunc(files, opens) {
		return "", fault.New(fault.Conflict, "passphrase_differs",
			"no key in %s opens with this passphrase, and all keys of a folder have one: correct keystore.passphrase, or use a folder of its own", dir)
	}
	n, p := cost.scrypt()
	text, err := chainkeys.EncryptKey(&chainkeys.Key{Id: uuid.New(), Address: address, PrivateKey: private}, passphrase, n, p)
	if err != nil {
		return "", fmt.Errorf("encrypt the key: %w", err)
	}
	name := strings.ToLower(address.Hex()[2:]) + ".json"
	if err := writeDurably(filepath.Join(dir, name), text); err != nil {
		return "", err
	}
	return address.Hex(), nil
}

// writeDurably makes sure that a file has all of its content or does not exist, and
// that it is still there after a power cut: coins may be sent to the address next.
func writeDurably(name string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write the key: %w", err), os.Remove(f.Name()))
		}
	}()
	if _, err = f.Write(text); err != nil {
		return errors.Join(err, f.Close())
	}
	if err = f.Sync(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), name); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

type file struct {
	path    string
	address common.Address
	text    []byte
}

// Locked is a file in a folder of keys that gives no key.
type Locked struct {
	Path string
	Err  error // a fault that says why, and what to do
	key  bool  // it is a key by its form
}

// read finds the key files of a folder, and what else is there: a key that was silently
// skipped would look like a wallet that does not exist.
func read(dir string) (out []file, others []Locked, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "key_folder", "keystore.dir: %s is no folder that this user can read; correct the path, or let the user read it", dir)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		text, err := os.ReadFile(path) //nolint:gosec // the operator names the folder
		if err != nil {
			others = append(others, Locked{path, fault.Wrap(err, fault.Unavailable, "key_file", "the key in %s cannot be read", path), true})
			continue
		}
		var head struct {
			Address string
			Version int
		}
		if err := json.Unmarshal(text, &head); err != nil || head.Version != 3 || !common.IsHexAddress(head.Address) {
			others = append(others, Locked{path, fault.New(fault.Invalid, "key_file", "%s is not a version 3 keystore file: move it out of the folder", path), false})
			continue
		}
		out = append(out, file{path: path, address: common.HexToAddress(head.Address), text: text})
	}
	return out, others, nil
}
