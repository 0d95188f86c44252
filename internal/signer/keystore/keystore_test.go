package keystore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"go.uber.org/goleak"

	"sluice/internal/fault"
	"sluice/internal/signer"
	"sluice/internal/signer/curve"
	"sluice/internal/signer/keystore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	passphrase = "correct horse"
	// The example key of EIP-155 and its address.
	exampleKey     = "4646464646464646464646464646464646464646464646464646464646464646"
	exampleAddress = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func imported(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	address, err := keystore.Import(dir, passphrase, keystore.Light, "0x"+exampleKey)
	must(t, err)
	if address != exampleAddress {
		t.Fatalf("imported %s, want %s", address, exampleAddress)
	}
	return dir
}

func TestFilesAreClosedToOthers(t *testing.T) {
	dir := imported(t)
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 {
		t.Fatalf("%d files, want 1", len(entries))
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, entries[0].Name()): 0o600} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
	must(t, err)
	if strings.Contains(string(text), exampleKey) {
		t.Error("the key is in the file as it is")
	}
}

func TestCreateListOpen(t *testing.T) {
	dir := imported(t)
	created, err := keystore.Create(dir, passphrase, keystore.Light)
	must(t, err)
	listed, err := keystore.List(dir)
	must(t, err)
	s, err := keystore.Open(dir, passphrase)
	must(t, err)
	opened, err := s.Public(t.Context())
	must(t, err)
	var addresses []string
	for _, public := range opened {
		key, err := crypto.DecompressPubkey(public)
		must(t, err)
		addresses = append(addresses, crypto.PubkeyToAddress(*key).Hex())
	}
	for name, got := range map[string][]string{"listed": listed, "opened": addresses} {
		if len(got) != 2 || !strings.Contains(strings.Join(got, " "), created) || !strings.Contains(strings.Join(got, " "), exampleAddress) {
			t.Errorf("%s %v, want %s and %s", name, got, created, exampleAddress)
		}
	}
	if none, err := keystore.List(filepath.Join(dir, "missing")); err != nil || len(none) != 0 {
		t.Errorf("a missing folder: %v, %v", none, err)
	}
}

// A folder may be empty, or missing, when it is opened: keys that are put there later are
// found, by whoever has the passphrase.
func TestKeysThatComeLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	late, err := keystore.Open(dir, passphrase)
	must(t, err)
	locked, err := keystore.Open(dir, "")
	must(t, err)
	for _, k := range []*keystore.Keys{late, locked} {
		if have, err := k.Public(t.Context()); err != nil || len(have) != 0 {
			t.Fatalf("an empty folder has %d keys: %v", len(have), err)
		}
	}
	_, err = keystore.Create(dir, passphrase, keystore.Light)
	must(t, err)
	if have, err := late.Public(t.Context()); err != nil || len(have) != 1 {
		t.Errorf("%d keys: %v", len(have), err)
	}
	if _, err := locked.Public(t.Context()); fault.CodeOf(err) != "config_invalid" || !strings.Contains(err.Error(), "keystore.passphrase") {
		t.Errorf("without a passphrase: %v", err)
	}
}

func TestFolderRefusals(t *testing.T) {
	dir := imported(t)
	cases := []struct {
		name, code string
		do         func() error
	}{
		{"empty passphrase", "passphrase_missing", func() error { _, err := keystore.Create(dir, "", keystore.Light); return err }},
		{"key twice", "key_exists", func() error {
			_, err := keystore.Import(dir, passphrase, keystore.Light, exampleKey)
			return err
		}},
		{"short key", "key_malformed", func() error {
			_, err := keystore.Import(dir, passphrase, keystore.Light, exampleKey[2:])
			return err
		}},
		{"zero key", "key_malformed", func() error {
			_, err := keystore.Import(dir, passphrase, keystore.Light, strings.Repeat("0", 64))
			return err
		}},
		{"f21 a key with another passphrase", "passphrase_differs", func() error { _, err := keystore.Create(dir, passphrase+"\n", keystore.Light); return err }},
		{"f21 an imported key with another passphrase", "passphrase_differs", func() error {
			_, err := keystore.Import(dir, "\ufeff"+passphrase, keystore.Light, strings.Repeat("1", 64))
			return err
		}},
		{"wrong passphrase", "key_locked", func() error { _, err := keystore.Open(dir, "wrong"); return err }},
		{"no passphrase", "config_invalid", func() error { _, err := keystore.Open(dir, ""); return err }},
		{"address changed in the file", "key_file", func() error {
			changed := t.TempDir()
			entries, err := os.ReadDir(dir)
			must(t, err)
			text, err := os.ReadFile(filepath.Join(dir, entries[0].Name()))
			must(t, err)
			mine := strings.ToLower(exampleAddress[2:])
			text = []byte(strings.Replace(string(text), mine, strings.Repeat("1", 40), 1))
			must(t, os.WriteFile(filepath.Join(changed, "x.json"), text, 0o600))
			_, err = keystore.Open(changed, passphrase)
			return err
		}},
		{"another file among the keys", "key_file", func() error {
			other := t.TempDir()
			must(t, os.WriteFile(filepath.Join(other, "notes.txt"), []byte("buy milk"), 0o600))
			_, err := keystore.List(other)
			return err
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := c.do()
			if fault.CodeOf(err) != c.code {
				t.Errorf("got %v (%s), want code %s", err, fault.CodeOf(err), c.code)
			}
			if err != nil && strings.Contains(err.Error(), exampleKey[:16]) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

// TestNewKeysAreFound puts a key in beside keys that are open.
func TestNewKeysAreFound(t *testing.T) {
	dir := imported(t)
	k, err := keystore.Open(dir, passphrase)
	must(t, err)
	_, err = keystore.Create(dir, passphrase, keystore.Light)
	must(t, err)
	got, err := k.Public(t.Context())
	must(t, err)
	if len(got) != 2 {
		t.Fatalf("%d keys, want 2", len(got))
	}
	for _, public := range got {
		d := signer.Digest{Scheme: signer.ECDSA, Hash: [32]byte{1}}
		sig, err := k.Sign(t.Context(), public, d)
		must(t, err)
		if who, err := curve.Recover(sig, d.Hash); err != nil || string(who) != string(public) {
			t.Errorf("signed by %x (%v), want %x", who, err, public)
		}
	}
	for name, d := range map[string]signer.Digest{"no scheme": {}, "unknown scheme": {Scheme: "rot13"}} {
		if _, err := k.Sign(t.Context(), got[0], d); fault.CodeOf(err) != "sign_scheme" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := k.Sign(t.Context(), make([]byte, 33), signer.Digest{Scheme: signer.ECDSA}); err == nil {
		t.Error("signed with a key that it does not have")
	}
}

// TestF21_another_passphrase makes a key beside keys of another passphrase, and opens a
// folder in which there is one all the same.
func TestF21_another_passphrase(t *testing.T) {
	dir := imported(t)
	for name, another := range map[string]func() (string, error){
		"create": func() (string, error) { return keystore.Create(dir, passphrase+"\n", keystore.Light) },
		"import": func() (string, error) {
			return keystore.Import(dir, passphrase+"\n", keystore.Light, strings.Repeat("1", 64))
		},
	} {
		if _, err := another(); fault.CodeOf(err) != "passphrase_differs" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A key of an older version, which took more for the passphrase, opens with that; a new
	// one beside it does not.
	older := filepath.Join(t.TempDir(), "older")
	_, err := keystore.Create(older, "\ufeff"+passphrase, keystore.Light)
	must(t, err)
	_, err = keystore.Create(older, passphrase, keystore.Light, "\ufeff"+passphrase)
	must(t, err)
	k, err := keystore.Open(older, passphrase, "\ufeff"+passphrase)
	must(t, err)
	if have, err := k.Public(t.Context()); err != nil || len(have) != 2 {
		t.Errorf("%d keys open: %v", len(have), err)
	}
	// With the passphrase alone, the other key opens and the older one is named.
	k, err = keystore.Open(older, passphrase)
	must(t, err)
	var locked []keystore.Locked
	k.Report(func(l keystore.Locked) { locked = append(locked, l) })
	if have, err := k.Public(t.Context()); err != nil || len(have) != 1 || len(locked) != 1 || fault.CodeOf(locked[0].Err) != "key_locked" {
		t.Errorf("%d keys, locked %v: %v", len(have), locked, err)
	}
	// What comes later is named once, and used once it is whole.
	for name, text := range map[string]string{"notes.txt": "buy milk", "half.json": `{"version":3,"address":"`} {
		must(t, os.WriteFile(filepath.Join(older, name), []byte(text), 0o600))
		for range 2 {
			if have, err := k.Public(t.Context()); err != nil || len(have) != 1 {
				t.Errorf("with %s: %d keys, %v", name, len(have), err)
			}
		}
	}
	if len(locked) != 3 || fault.CodeOf(locked[1].Err) != "key_file" {
		t.Errorf("locked: %v", locked)
	}
}
